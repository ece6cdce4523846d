//! What confidence is worth before anything is known of a model.

use super::Source;

/// Log-odds beyond which confidence says no more: those of 0.9999. Nothing that was learnt from examples is certain.
pub(super) const MOST_LOG_ODDS: f64 = 9.210_240_366_975_85;

/// A straight line over the log-odds of the raw confidence; its slope is never negative.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Line {
    pub(super) constant: f64,
    pub(super) slope: f64,
}

impl Line {
    pub(super) fn at(&self, log_odds: f64) -> f64 {
        self.constant + self.slope * log_odds
    }

    /// What holds for a source until observations say more.
    ///
    /// * Probabilities, of choices or of tokens, were measured by the model and pass as they are.
    /// * A number that a model wrote is taken for 0.7 of its log-odds: 0.95 for 0.89, 0.9 for 0.82, 0.85 for 0.77. Models
    ///   write 0.8 to 1 whatever they know, in steps of 0.05, and what they call 0.85 is their way to hedge (Xiong et al.,
    ///   2024); so the usual threshold of an upgrade, 0.80, lies between that and 0.9.
    /// * Where a model said nothing, the default of the prompt is all that is known, whatever the number. It is below that
    ///   threshold on purpose.
    pub(super) fn prior(source: Source) -> Self {
        match source {
            Source::Probabilities | Source::LogProbabilities => Self { constant: 0.0, slope: 1.0 },
            Source::SelfReported => Self { constant: 0.0, slope: 0.7 },
            Source::Assumed => Self { constant: log_odds(crate::prompt::DEFAULT_CONFIDENCE), slope: 0.0 },
        }
    }
}

/// The log-odds of a probability, bounded.
pub(super) fn log_odds(probability: f32) -> f64 {
    let p = f64::from(probability);
    (p / (1.0 - p)).ln().clamp(-MOST_LOG_ODDS, MOST_LOG_ODDS)
}

/// The probability of these log-odds, within 0.0001 to 0.9999.
pub(super) fn probability(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds.clamp(-MOST_LOG_ODDS, MOST_LOG_ODDS)).exp())
}
