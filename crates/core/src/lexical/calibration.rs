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
    /// Share of the words of the best category's own label that the text has, 0 to 1.
    pub label: f32,
}

/// Coefficients of a logistic curve (Platt 1999): the intercept, then the terms of [`Features::terms`].
/// More of any term never lowers the probability.
pub type Curve = [f32; 6];

/// For categories that have descriptions or typical words. Fitted to the labelled part of `demo/titles.tsv` against the
/// shipped taxonomy: `cargo run --release -p pg_categorize_core --example calibrate_lexical` prints it anew, with the
/// calibration error on the other part.
pub const DESCRIBED: Curve = [-2.83, 1.60, 1.64, 2.00, 1.14, 0.51];

/// For categories that have nothing but their labels: the same titles against the bare labels (argument `labels`).
pub const LABELS_ONLY: Curve = [-4.49, 3.21, 1.00, 0.0, 0.0, 2.68];

impl Features {
    /// The regression's terms.
    pub fn terms(&self) -> [f32; 5] {
        [self.score.ln_1p(), self.share, self.margin, self.known, self.label]
    }

    /// Probability that the best category is right, 0 to 1.
    pub fn confidence(&self, curve: &Curve) -> f32 {
        let [intercept, slopes @ ..] = curve;
        let logit = intercept + slopes.iter().zip(self.terms()).map(|(c, x)| c * x).sum::<f32>();
        1.0 / (1.0 + (-logit).exp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_the_label_is_believed_and_a_stray_word_of_one_is_not() {
        let features = |score, label| Features { score, share: 1.0, margin: 1.0, known: 1.0, label };
        assert!(features(1.2, 1.0).confidence(&LABELS_ONLY) > 0.8);
        assert!(features(0.6, 0.5).confidence(&LABELS_ONLY) < 0.5);
    }

    #[test]
    fn more_evidence_never_makes_an_answer_less_likely() {
        assert!([DESCRIBED, LABELS_ONLY].iter().all(|curve| curve[1..].iter().all(|slope| *slope >= 0.0)));
    }
}
