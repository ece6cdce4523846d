//! Moments that outlive a process.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Seconds since 1970 in universal time, without leap seconds (POSIX.1-2017, 4.16).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Moment(pub i64);

impl Moment {
    /// So much later; the last moment there is where that is beyond it. Parts of a second count as a whole one.
    pub fn after(self, wait: Duration) -> Self {
        let seconds = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0));
        Self(self.0.saturating_add_unsigned(seconds))
    }

    /// So much earlier; the first moment there is where that is before it. Parts of a second count as a whole one.
    pub fn before(self, time: Duration) -> Self {
        let seconds = time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0));
        Self(self.0.saturating_sub_unsigned(seconds))
    }

    /// How long ago an earlier moment was; nothing for a later one.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_secs(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}
