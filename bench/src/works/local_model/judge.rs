//! How good a classifier is on labelled titles; the peer's script defines all of it alike.

use super::ours::Said;
use crate::works::accuracy::{BINS, calibration_error};
use serde::Deserialize;
use std::collections::HashMap;

/// The figures of one run.
#[derive(Debug, Clone, Deserialize)]
pub struct Figures {
    /// Share of the titles whose likeliest category is theirs.
    pub accuracy: f64,
    /// Mean of the F1 scores of the categories that titles have or were given.
    pub macro_f1: f64,
    /// Expected calibration error of the likeliest categories.
    pub ece: f64,
    /// Share of the titles that were answered at the threshold.
    pub coverage: f64,
    /// Share of the answers that were right.
    pub precision: Option<f64>,
    /// Of each bin of the calibration error: titles, their mean confidence, the share that was right.
    pub bins: Vec<(f64, f64, f64)>,
}

/// Compares what was said with what is true.
pub fn judge(said: &[Said<'_>], truth: &[String]) -> Figures {
    let right = |(said, truth): (&Said<'_>, &String)| said.guess == Some(truth.as_str());
    let pairs = || said.iter().zip(truth);
    let guesses: Vec<(f64, bool)> = pairs().map(|pair| (pair.0.confidence, right(pair))).collect();
    let answered: Vec<bool> = pairs().filter(|(said, _)| said.answered).map(right).collect();
    Figures {
        accuracy: share(guesses.iter().map(|guess| guess.1)).unwrap_or_default(),
        macro_f1: macro_f1(said, truth),
        ece: calibration_error(&guesses),
        coverage: answered.len() as f64 / said.len().max(1) as f64,
        precision: share(answered.into_iter()),
        bins: bins(&guesses),
    }
}

/// Which share of all is so; none of nothing.
fn share(all: impl ExactSizeIterator<Item = bool>) -> Option<f64> {
    let count = all.len();
    (count > 0).then(|| all.filter(|is| *is).count() as f64 / count as f64)
}

fn macro_f1<'a>(said: &[Said<'a>], truth: &'a [String]) -> f64 {
    // Of each category: hits, and titles that have it or were given it, those with both twice.
    let mut tallies: HashMap<&str, (f64, f64)> = HashMap::new();
    for (said, truth) in said.iter().zip(truth) {
        tallies.entry(truth).or_default().1 += 1.0;
        if let Some(guess) = said.guess {
            let tally = tallies.entry(guess).or_default();
            tally.1 += 1.0;
            tally.0 += f64::from(u8::from(guess == truth));
        }
    }
    mean(tallies.values().map(|(hits, all)| 2.0 * hits / all))
}

fn bins(guesses: &[(f64, bool)]) -> Vec<(f64, f64, f64)> {
    let mut bins = vec![(0.0, 0.0, 0.0); BINS];
    for (confidence, right) in guesses {
        let bin = &mut bins[((confidence * BINS as f64) as usize).min(BINS - 1)];
        *bin = (bin.0 + 1.0, bin.1 + confidence, bin.2 + f64::from(u8::from(*right)));
    }
    bins.into_iter()
        .map(|(count, sure, right)| (count, sure / f64::max(count, 1.0), right / f64::max(count, 1.0)))
        .collect()
}

/// The mean; 0 of nothing.
pub fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    sum / f64::max(count, 1.0)
}

/// The median, that of an even number half-way between the middle two; 0 of nothing.
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        count => f64::midpoint(values[(count - 1) / 2], values[count / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_those_of_the_peers_script() {
        let said = |guess, confidence, answered| Said { guess, confidence, answered };
        let all = [
            said(Some("a"), 0.9, true),
            said(Some("a"), 0.8, true),
            said(Some("b"), 0.3, false),
            said(None, 0.0, false),
        ];
        let figures = judge(&all, &["a", "b", "b", "c"].map(str::to_owned));
        assert_eq!((figures.accuracy, figures.coverage, figures.precision), (0.5, 0.5, Some(0.5)));
        // a: 2 * 1 / (1 + 2); b: 2 * 1 / (2 + 1); c: nothing.
        assert!((figures.macro_f1 - (2.0 / 3.0 + 2.0 / 3.0) / 3.0).abs() < 1e-12);
        // Bins of 0.9, of 0.8, of 0.3 and of 0: 0.1 + 0.8 + 0.7 + 0, of four titles.
        assert!((figures.ece - 1.6 / 4.0).abs() < 1e-12);
        assert_eq!(figures.bins.iter().map(|bin| bin.0).sum::<f64>(), 4.0);
        assert_eq!((median([3.0, 1.0].into_iter()), mean([3.0, 1.0].into_iter())), (2.0, 2.0));
    }
}
