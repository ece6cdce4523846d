//! Time in which a day passes when a test says so.

use parking_lot::Mutex;
use std::time::{Duration, Instant, SystemTime};

/// The clock of batches and files.
pub(crate) struct Clock {
    begin: SystemTime,
    /// When it began, where it also goes by itself.
    runs_since: Option<Instant>,
    advanced: Mutex<Duration>,
}

impl Clock {
    /// A clock that stands at a moment until it is advanced, or without one goes as any other.
    pub(crate) fn new(stands_at: Option<SystemTime>) -> Self {
        Self {
            begin: stands_at.unwrap_or_else(SystemTime::now),
            runs_since: stands_at.is_none().then(Instant::now),
            advanced: Mutex::default(),
        }
    }

    /// What it shows.
    pub(crate) fn now(&self) -> SystemTime {
        let run = self.runs_since.map_or(Duration::ZERO, |since| since.elapsed());
        self.begin + run + *self.advanced.lock()
    }

    /// Sets it forward.
    pub(crate) fn advance(&self, by: Duration) {
        *self.advanced.lock() += by;
    }
}
