//! From a lexical score to the probability that the best category is right.

/// What the probability is computed from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Features {
    /// Score of the best category, in units of a word that only one category uses.
    pub score: f32,
    /// Its share in the scores of all categories, 0 to 1.
    pub share: f32,
    /// How far the second best is behind, 0 to 1 of the best.
    pub margin: f32,
    /// Share of the words of the text that some category knows, 0 to 1.
    pub known: f32,
}

/// Coefficients of a logistic curve (Platt 1999): the intercept, then the terms of [`Features::terms`].
pub type Curve = [f32; 5];

/// For categories that have descriptions or typical words. Fitted to the labelled part of `demo/titles.tsv` against the
/// shipped taxonomy: `cargo run --release -p pg_categorize_core --example calibrate_lexical` prints it anew, with the
/// calibration error on the other part.
pub const DESCRIBED: Curve = [-2.76, 1.69, 1.46, 1.99, 1.19];

/// For categories that have nothing but their labels: the same titles against the bare labels (argument `labels`).
pub const LABELS_ONLY: Curve = [-3.83, 4.66, 1.57, -0.72, -2.04];

impl Features {
    /// The regression's terms.
    pub fn terms(&self) -> [f32; 4] {
        [self.score.ln_1p(), self.share, self.margin, self.known]
    }

    /// Probability that the best category is right, 0 to 1.
    pub fn confidence(&self, curve: &Curve) -> f32 {
        let [intercept, slopes @ ..] = curve;
        let logit = intercept + slopes.iter().zip(self.terms()).map(|(c, x)| c * x).sum::<f32>();
        1.0 / (1.0 + (-logit).exp())
    }
}
