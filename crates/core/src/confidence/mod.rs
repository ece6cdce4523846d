//! How sure an answer is: where a number comes from, and what it is worth.
//!
//! Whatever a language model says of its own confidence is no probability: numbers that it writes are round and too high
//! (Xiong et al., "Can LLMs express their uncertainty?", 2024), and those of its tokens are distorted by the training that
//! made it polite (OpenAI, "GPT-4 technical report", 2023, figure 8). So each pair of a model and a [`Source`] has a
//! [`Calibration`], fitted to what turned out right and wrong.

mod bins;
mod calibration;
mod evidence;
mod isotonic;
mod observation;
mod platt;
mod prior;
mod report;

pub use bins::{BINS, Bin, bins, calibration_error};
pub use calibration::Calibration;
pub use evidence::{LEAST_EVIDENCE, is_worth_a_fit};
pub use observation::Observation;
pub use report::Report;

use serde::{Deserialize, Serialize};

pub mod log_probabilities;

/// Where a language model's confidence comes from, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The model returned a probability for each choice.
    Probabilities,
    /// From the log-probabilities of the tokens that it wrote.
    LogProbabilities,
    /// A number that the model wrote itself.
    SelfReported,
    /// The model said nothing: the default is assumed.
    Assumed,
}

impl Source {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Probabilities, Self::LogProbabilities, Self::SelfReported, Self::Assumed];

    /// Its name in `evidence` and in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Probabilities => "probabilities",
            Self::LogProbabilities => "log_probabilities",
            Self::SelfReported => "self_reported",
            Self::Assumed => "assumed",
        }
    }

    /// The source of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.as_str() == name)
    }
}
