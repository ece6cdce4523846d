//! What a model costs, how good and how fast it is, and what its confidence is worth.

use crate::latency::Latency;
use serde::{Deserialize, Serialize};

/// What a model costs and how good it is. In JSON every field may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Model {
    /// Nano-dollars for a million tokens of plain input.
    pub input: i64,
    /// The same for input that was read from the cache.
    pub cached_input: i64,
    /// The same for input that was written to the cache.
    pub cache_write: i64,
    /// The same for input that was written to the cache that keeps it for an hour.
    pub cache_write_long: i64,
    /// The same for output.
    pub output: i64,
    /// In the place of [`crate::Config::error_rate`]. Models err independently of each other.
    pub error_rate: Option<f64>,
    /// What its confidence is worth.
    pub confidence: Confidence,
    /// In the place of [`crate::Config::latency`]; in JSON milliseconds, or `"lognormal:MEDIAN:SIGMA"`.
    #[serde(rename = "latency_ms")]
    pub latency: Option<Latency>,
}

/// What a model's confidence is worth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// P(right | confidence c) = c.
    #[default]
    Calibrated,
    /// The odds are four times what they should be: 0.50 is said as 0.80, 0.80 as 0.94. The order is kept, so that
    /// calibration can mend it.
    Overconfident,
}

/// The prices of gpt-6-luna (2026-11): 0.10 dollars in, 0.50 out, for a million.
impl Default for Model {
    fn default() -> Self {
        Self {
            input: 100_000_000,
            cached_input: 10_000_000,
            cache_write: 125_000_000,
            cache_write_long: 200_000_000,
            output: 500_000_000,
            error_rate: None,
            confidence: Confidence::Calibrated,
            latency: None,
        }
    }
}

impl Confidence {
    /// What is said where the probability of being right is this.
    pub(crate) fn said(self, probability: f64) -> f64 {
        match self {
            Self::Calibrated => probability,
            Self::Overconfident => 4.0 * probability / (1.0 + 3.0 * probability),
        }
    }
}
