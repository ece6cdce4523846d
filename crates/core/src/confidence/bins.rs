//! How far confidence is from the truth: bins of answers, and the expected calibration error over them.

use serde::{Deserialize, Serialize};

/// Bins of the calibration error (Naeini, Cooper and Hauskrecht, "Obtaining well calibrated probabilities using Bayesian
/// binning", 2015, with the fifteen that are usual since).
pub const BINS: usize = 15;

/// Answers whose confidence lies in one fifteenth of 0 to 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// How many.
    pub examples: u32,
    /// Their mean confidence.
    pub confidence: f32,
    /// The share that was right.
    pub accuracy: f32,
}

/// The fifteen bins of answers, each with its confidence and whether it was right.
pub fn bins(answers: impl IntoIterator<Item = (f32, bool)>) -> Vec<Bin> {
    let bin = |sum: &Sum| Bin {
        examples: sum.weight as u32,
        confidence: (sum.confidence / sum.weight.max(1.0)) as f32,
        accuracy: (sum.right / sum.weight.max(1.0)) as f32,
    };
    sums(answers.into_iter().map(|(confidence, right)| (confidence, right, 1.0))).iter().map(bin).collect()
}

/// The expected calibration error, 0 to 1: how far the mean confidence of a bin is from the share that was right, on average
/// over the answers, of which each has its confidence, whether it was right, and its weight. 0 where there are none.
pub fn calibration_error(answers: impl IntoIterator<Item = (f32, bool, f32)>) -> f32 {
    let sums = sums(answers.into_iter());
    let weight: f64 = sums.iter().map(|sum| sum.weight).sum();
    let apart: f64 = sums.iter().map(|sum| (sum.confidence - sum.right).abs()).sum();
    if weight > 0.0 { (apart / weight) as f32 } else { 0.0 }
}

#[derive(Clone, Copy, Default)]
struct Sum {
    weight: f64,
    confidence: f64,
    right: f64,
}

fn sums(answers: impl Iterator<Item = (f32, bool, f32)>) -> [Sum; BINS] {
    let mut sums = [Sum::default(); BINS];
    for (confidence, right, weight) in answers {
        let sum = &mut sums[((confidence * BINS as f32) as usize).min(BINS - 1)];
        let weight = f64::from(weight);
        sum.weight += weight;
        sum.confidence += weight * f64::from(confidence);
        sum.right += weight * f64::from(u8::from(right));
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_hold_means() {
        let bins = bins([(0.99, true), (0.95, false), (0.0, false)]);
        assert_eq!(bins.len(), 15);
        assert_eq!((bins[14].examples, bins[14].accuracy), (2, 0.5));
        assert!((bins[14].confidence - 0.97).abs() < 1e-6);
        assert_eq!(bins[0].examples, 1);
        assert_eq!(bins[7], Bin::default());
    }

    #[test]
    fn the_error_is_the_distance_from_what_was_right() {
        let error = |answers: &[(f32, bool, f32)]| calibration_error(answers.iter().copied());
        assert_eq!(error(&[]), 0.0);
        assert!(error(&[(0.5, true, 1.0), (0.5, false, 1.0)]) < 1e-6);
        assert!((error(&[(1.0, false, 1.0), (0.9, true, 1.0)]) - 0.55).abs() < 1e-6);
        // Three times the weight is three answers.
        assert!((error(&[(1.0, false, 3.0), (0.9, true, 1.0)]) - 0.775).abs() < 1e-6);
    }
}
