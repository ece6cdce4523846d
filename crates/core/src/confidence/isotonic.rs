//! The likeliest values that never fall (Zadrozny and Elkan, "Transforming classifier scores into accurate multiclass
//! probability estimates", 2002), found by pooling neighbours that do (Ayer et al., 1955): what some hundreds of
//! observations can tell, whatever the form of the curve.

use super::evidence::Weighed;
use super::prior::{Line, log_odds, probability};

/// Levels of confidence that are told apart at most; raw values that are equal are never torn apart.
const LEVELS: f64 = 12.0;

/// Observations of the line that each level is given, so that it needs many of its own to leave the line.
const PULL: f64 = 20.0;

/// A level of raw confidence with the log-odds of what it is worth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Level {
    pub(super) raw: f64,
    pub(super) worth: f64,
}

/// What levels of confidence are worth, from low to high; the observations are sorted, and there is at least one.
pub(super) fn fit(observations: &[Weighed], line: Line) -> Vec<Level> {
    let all: f64 = observations.iter().map(|o| o.weight).sum();
    let mut levels: Vec<[f64; 3]> = Vec::new();
    let mut last = f64::NEG_INFINITY;
    for o in observations {
        let is_full = levels.last().is_none_or(|[weight, ..]| *weight >= all / LEVELS);
        if is_full && o.log_odds > last {
            levels.push([0.0; 3]);
        }
        last = o.log_odds;
        if let Some(level) = levels.last_mut() {
            let right = f64::from(u8::from(o.right));
            level.iter_mut().zip([1.0, o.log_odds, right]).for_each(|(sum, term)| *sum += o.weight * term);
        }
    }
    let raws: Vec<f64> = levels.iter().map(|[weight, raw, _]| raw / weight).collect();
    let shares = levels.iter().zip(&raws).map(|([weight, _, right], raw)| {
        ((right + PULL * probability(line.at(*raw))) / (weight + PULL), weight + PULL)
    });
    let shares = pool(shares);
    raws.into_iter().zip(shares).map(|(raw, share)| Level { raw, worth: log_odds(share as f32) }).collect()
}

/// The values that never fall and are closest to these (value, weight), by weighted squares.
pub(super) fn pool(values: impl Iterator<Item = (f64, f64)>) -> Vec<f64> {
    let mut blocks: Vec<(f64, f64, usize)> = Vec::new();
    for (value, weight) in values {
        let mut block = (value, weight, 1);
        while let Some((before, its_weight, count)) = blocks.pop_if(|(before, ..)| *before > block.0) {
            let weight = its_weight + block.1;
            block = ((before * its_weight + block.0 * block.1) / weight, weight, count + block.2);
        }
        blocks.push(block);
    }
    blocks.into_iter().flat_map(|(value, _, count)| std::iter::repeat_n(value, count)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn neighbours_that_fall_are_pooled() {
        let pooled = pool([(0.1, 1.0), (0.6, 1.0), (0.3, 2.0), (0.9, 1.0)].into_iter());
        let expected = [0.1, 0.4, 0.4, 0.9];
        assert!(pooled.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{pooled:?}");
        assert_eq!(pool(std::iter::empty()), Vec::<f64>::new());
    }

    #[test]
    fn equal_raws_are_one_level() {
        let observations: Vec<_> = (0..1000)
            .map(|i| Weighed { log_odds: if i < 900 { 2.0 } else { 4.0 }, right: i % 3 > 0, weight: 1.0 })
            .collect();
        let levels = fit(&observations, Line { constant: 0.0, slope: 1.0 });
        assert_eq!(levels.iter().map(|l| l.raw.round()).collect::<Vec<_>>(), [2.0, 4.0]);
        assert!((probability(levels[0].worth) - 2.0 / 3.0).abs() < 0.02, "{levels:?}");
    }

    proptest! {
        #[test]
        fn pooled_values_never_fall_and_keep_their_mean(values in proptest::collection::vec((0.0..1.0, 0.1..10.0), 1..50)) {
            let pooled = pool(values.iter().copied());
            prop_assert!(pooled.is_sorted());
            let mean = |of: &[f64]| of.iter().zip(&values).map(|(v, (_, w))| v * w).sum::<f64>();
            let plain: Vec<f64> = values.iter().map(|v| v.0).collect();
            prop_assert!((mean(&pooled) - mean(&plain)).abs() < 1e-9);
        }
    }
}
