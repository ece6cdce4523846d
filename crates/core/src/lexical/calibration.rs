//! From a lexical score to the probability that the best category is right.

/// What the probability is computed from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Features {
    /// Score of the best category: weighted inverse document frequencies.
    pub score: f32,
    /// Its share in the scores of all categories, 0 to 1.
    pub share: f32,
    /// How far the second best is behind, 0 to 1 of the best.
    pub margin: f32,
    /// Share of the words of the text that some category knows, 0 to 1.
    pub known: f32,
}

/// Logistic regression on the labelled part of `demo/titles.tsv` against the shipped taxonomy; intercept first, then the
/// terms of [`Features::terms`]. `cargo run -p pg_categorize_core --example calibrate_lexical` prints them anew, with the
/// calibration error on the other part.
const COEFFICIENTS: [f32; 5] = [-3.62, 1.12, 1.52, 1.92, 1.08];

impl Features {
    /// The regression's terms.
    pub fn terms(&self) -> [f32; 4] {
        [self.score.ln_1p(), self.share, self.margin, self.known]
    }

    /// Probability that the best category is right, 0 to 1.
    pub fn confidence(&self) -> f32 {
        let [intercept, slopes @ ..] = COEFFICIENTS;
        let logit = intercept + slopes.iter().zip(self.terms()).map(|(c, x)| c * x).sum::<f32>();
        1.0 / (1.0 + (-logit).exp())
    }
}
