//! How batches fare.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How batches fare. Shares are 0 to 1; which batch and which line they meet depends on the seed, the number of the batch
/// and the `custom_id` only. In JSON every field may be left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BatchConfig {
    /// Seconds from a create to the end of its batch: the least and the most.
    pub turnaround_s: (u64, u64),
    /// Requests of one batch, at most; each provider's own limit where `None`.
    pub most_requests: Option<usize>,
    /// Bytes of one batch, at most; each provider's own limit where `None`.
    pub most_bytes: Option<usize>,
    /// Tokens that may wait in all batches of a key together; a batch beyond them fails after it was accepted.
    pub most_enqueued_tokens: Option<u64>,
    /// Batches that are accepted, and fail then.
    pub refused: f64,
    /// Batches that are not done in time.
    pub expired: f64,
    /// Lines that the provider refuses.
    pub errored: f64,
    /// Lines that were answered, and are in no file.
    pub missing: f64,
    /// Lines that are told twice.
    pub duplicated: f64,
    /// Batches whose results have a line of somebody else.
    pub foreign: f64,
    /// How long a new batch is not listed yet, in seconds.
    pub listing_lag_s: u64,
}

impl Default for BatchConfig {
    fn default() -> Self {
        Self {
            turnaround_s: (600, 7200),
            most_requests: None,
            most_bytes: None,
            most_enqueued_tokens: None,
            refused: 0.0,
            expired: 0.0,
            errored: 0.0,
            missing: 0.0,
            duplicated: 0.0,
            foreign: 0.0,
            listing_lag_s: 0,
        }
    }
}

impl BatchConfig {
    /// A time between create and end, by a number in [0, 1).
    pub(crate) fn turnaround(&self, drawn: f64) -> Duration {
        let (least, most) = self.turnaround_s;
        Duration::from_secs(least) + Duration::from_secs(most.saturating_sub(least)).mul_f64(drawn)
    }
}
