//! From how well words and meaning fit to the probability that the best category is right.

/// What the probability is computed from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Features {
    /// Score of the best category's words, in units of a word that only one category uses.
    pub words: f32,
    /// Their share in the scores of all categories, 0 to 1.
    pub share: f32,
    /// How far the second best is behind, words and meaning together, 0 to 1 of the best.
    pub margin: f32,
    /// Share of the words of the text that some category knows, 0 to 1.
    pub known: f32,
    /// Share of the words of the best category's own label that the text has, 0 to 1.
    pub label: f32,
    /// Cosine of text and best category, 0 to 1.
    pub cosine: f32,
    /// How much nearer the best category is than every other, 0 where another is nearer.
    pub nearer: f32,
}

/// Coefficients of a logistic curve (Platt 1999): the intercept, then the terms of [`Features::terms`].
/// More of any term never lowers the probability.
pub type Curve = [f32; 8];

/// For categories that have descriptions or typical words. Fitted to the labelled part of `demo/titles.tsv` against the
/// shipped taxonomy: `cargo run --release -p pg_categorize_core --example calibrate_lexical` prints it anew, with the
/// calibration error on the other part.
pub const DESCRIBED: Curve = [-2.40, 1.05, 1.77, 3.34, 0.70, 0.60, 0.0, 0.0];

/// For categories that have nothing but their labels: the same titles against the bare labels, together with titles of two
/// shops and questions to a bank, which count as much each (arguments `labels` and the folder of the texts).
pub const LABELS_ONLY: Curve = [-3.43, 0.42, 1.69, 0.08, 0.0, 1.71, 1.72, 10.60];

impl Features {
    /// The regression's terms.
    pub fn terms(&self) -> [f32; 7] {
        [self.words.ln_1p(), self.share, self.margin, self.known, self.label, self.cosine, self.nearer]
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
        let features = |words, label, cosine, nearer| Features {
            words,
            share: 1.0,
            margin: 1.0,
            known: 1.0,
            label,
            cosine,
            nearer,
        };
        assert!(features(1.2, 1.0, 1.0, 0.4).confidence(&LABELS_ONLY) > 0.8);
        assert!(features(0.6, 0.5, 0.3, 0.0).confidence(&LABELS_ONLY) < 0.5);
    }

    #[test]
    fn more_evidence_never_makes_an_answer_less_likely() {
        assert!([DESCRIBED, LABELS_ONLY].iter().all(|curve| curve[1..].iter().all(|slope| *slope >= 0.0)));
    }
}
