//! How often something is tried.

use std::time::Duration;

/// No wait that we choose ourselves is longer.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// A wait that a provider asks for counts up to here.
const LONGEST_ASKED: Duration = Duration::from_secs(24 * 3600);

/// How often the provider is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// The first wait between two polls.
    pub poll: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { poll: Duration::from_secs(60) }
    }
}

impl Pace {
    /// The wait after so many tries in a row that brought nothing (0 for the first): half as much again each time, up to a
    /// quarter of an hour. A batch may take a day, and ends by itself: asking more often brings nothing.
    pub fn wait(&self, tries: u32) -> Duration {
        let grown = self.poll.as_secs_f64() * 1.5_f64.powi(i32::try_from(tries.min(32)).unwrap_or(32));
        Duration::try_from_secs_f64(grown).map_or(LONGEST, |wait| wait.min(LONGEST.max(self.poll)))
    }

    /// The same, and not less than the provider asks for.
    pub fn wait_as_asked(&self, tries: u32, asked: Option<Duration>) -> Duration {
        asked.map_or(Duration::ZERO, |asked| asked.min(LONGEST_ASKED)).max(self.wait(tries))
    }
}
