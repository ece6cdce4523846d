//! How good a model is, measured on examples that it was not fitted on.

use crate::cascade::CategoryId;
use crate::confidence::Bin;
use serde::{Deserialize, Serialize};

/// A category that the model often gets wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WeakCategory {
    /// The category.
    pub category: CategoryId,
    /// Examples of it, all of them.
    pub examples: u32,
    /// Examples of it that were held out.
    pub held_out: u32,
    /// Share of those that were found.
    pub recall: f32,
    /// Share of the answers with this category that were right; none where it was never the answer.
    pub precision: Option<f32>,
    /// What it was most often taken for.
    pub taken_for: Option<CategoryId>,
}

/// Two accuracies that differ by less say nothing: the standard error of one on a thousand examples is a hundredth.
const NOISE: f32 = 0.02;

/// What decides between two models: see the fields of the same names in `Report`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Accuracy.
    pub accuracy: f32,
    /// What the answers are worth.
    pub worth: f32,
    /// Brier score.
    pub brier: f32,
}

/// The report of one training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Examples that it was trained on.
    pub examples: u32,
    /// Examples that were left out: without words, or beyond the memory that training may take.
    pub left_out: u32,
    /// Categories among them.
    pub categories: u32,
    /// Examples that were held out in turn, on which everything below is measured.
    pub held_out: u32,
    /// Share of them whose likeliest category was right.
    pub accuracy: f32,
    /// What the answers at that confidence are worth, where a right one is worth 1, none 0, and a wrong one takes back
    /// threshold / (1 - threshold), the threshold being the one that was asked for (Chow, 1970).
    pub worth: f32,
    /// Mean squared distance between the confidence of the likeliest category, and whether it was right (Brier, 1950).
    pub brier: f32,
    /// Mean over the categories of the harmonic mean of precision and recall.
    pub macro_f1: f32,
    /// Expected calibration error over `bins`.
    pub calibration_error: f32,
    /// The confidence from which it answers.
    pub threshold: f32,
    /// Share of the held-out examples with at least that confidence.
    pub coverage: f32,
    /// Share of those that were right; none where there are none.
    pub precision: Option<f32>,
    /// The same three of what answers now: a live model, or lexical matching without one. None where nothing is known.
    pub live: Option<Measured>,
    /// The same three of a small model and the words of the categories together, where no model is live.
    #[serde(default)]
    pub pooled: Option<Measured>,
    /// Fifteen bins of equal width.
    pub bins: Vec<Bin>,
    /// The weakest categories, most lost examples first, at most ten.
    pub weak: Vec<WeakCategory>,
}

impl Report {
    /// What the next model has to beat.
    pub fn measured(&self) -> Measured {
        Measured { accuracy: self.accuracy, worth: self.worth, brier: self.brier }
    }

    /// What it has to say for itself against what is live: a small model answers together with the words of the categories.
    pub fn as_it_answers(&self) -> Measured {
        self.pooled.unwrap_or_else(|| self.measured())
    }

    /// Whether the new model should go live: its answers are worth more, and it is about as accurate; or they are worth the
    /// same, and it is more accurate, or has a better sense of how sure it is.
    pub fn better(&self) -> bool {
        self.beats_live(self.as_it_answers())
    }

    /// Whether it would go live for what it says alone.
    pub fn better_alone(&self) -> bool {
        self.beats_live(self.measured())
    }

    fn beats_live(&self, new: Measured) -> bool {
        let Some(live) = self.live else { return true };
        if new.worth > live.worth {
            // Silence is worth more than many wrong answers. But what made the live one wrong may be bad lessons.
            return new.accuracy >= live.accuracy - NOISE;
        }
        let as_good = new.worth == live.worth && new.accuracy >= live.accuracy;
        as_good && (new.accuracy > live.accuracy || new.brier < live.brier)
    }
}
