//! The loosest threshold whose error is bounded.
//!
//! Thresholds are tested from strict to loose, each at the full confidence, and testing stops at the first that fails: then
//! the chance that any that passed is wrong is that of one test (Bauer, "Multiple testing in clinical trials", Statistics in
//! Medicine 10, 1991; for thresholds of a model: Angelopoulos, Bates, Candès, Jordan and Lei, "Learn then Test", 2021). To
//! look at all and take the best would not be valid. Which thresholds are tested is fixed by the scores alone, before
//! anybody looks at what was right.

use super::binomial::{is_bounded, upper_bound};

/// Errors among its answers that the strictest threshold survives, where there is evidence enough: with none, one slip in a
/// label would close a tier.
const SURVIVED: u32 = 3;

/// By how much the answers grow from one threshold to the next.
const GROWTH: f64 = 1.05;

/// A threshold that passed, and what it rests on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    /// The least score.
    pub score: f32,
    /// Examples with at least that score.
    pub answered: u32,
    /// Those of them that were wrong.
    pub errors: u32,
    /// What share may be wrong, at most, at the confidence asked for.
    pub bound: f64,
}

/// The loosest threshold at which the error is at most `max_error`, as far as examples with their scores, and whether they
/// were right, can prove it at this confidence; none where the strictest does not pass. Scores that are no numbers are wrong
/// above all.
pub fn fixed_sequence(said: &[(f32, bool)], max_error: f64, confidence: f64) -> Option<Threshold> {
    let mut said: Vec<(f32, bool)> = said.to_vec();
    said.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
    // Errors among the first so many.
    let mut errors = vec![0u32];
    for (_, right) in &said {
        errors.push(errors[errors.len() - 1] + u32::from(!right));
    }
    let mut last = None;
    for size in sizes(said.len(), max_error, confidence) {
        let score = said[size - 1].0;
        // Equal scores answer together.
        let answered = said.partition_point(|(s, _)| s.total_cmp(&score).is_ge());
        let (answered, errors) = (answered as u32, errors[answered]);
        if !score.is_finite() || !is_bounded(errors, answered, max_error, confidence) {
            break;
        }
        last = Some((score, answered, errors));
    }
    last.map(|(score, answered, errors)| Threshold {
        score,
        answered,
        errors,
        bound: upper_bound(errors, answered, confidence),
    })
}

/// The least number of examples that prove an error of at most `max_error` at this confidence if this many are wrong.
pub fn least_trials(errors: u32, max_error: f64, confidence: f64) -> usize {
    let (mut low, mut high) = (errors, u32::MAX / 4);
    if !is_bounded(errors, high, max_error, confidence) {
        return usize::MAX;
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if is_bounded(errors, middle, max_error, confidence) {
            high = middle;
        } else {
            low = middle;
        }
    }
    high as usize
}

/// How many of the best scores the thresholds take in, rising; none where all together prove nothing.
fn sizes(all: usize, max_error: f64, confidence: f64) -> impl Iterator<Item = usize> {
    let least = least_trials(0, max_error, confidence);
    let first = least_trials(SURVIVED, max_error, confidence).min(all / 2).max(least);
    let next = move |size: &usize| (*size < all).then(|| (((*size as f64) * GROWTH).ceil() as usize).min(all));
    std::iter::successors((first <= all && first > 0).then_some(first), next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Scores from 1 down, of which those are wrong for which `wrong` says so.
    fn said(count: usize, wrong: impl Fn(usize) -> bool) -> Vec<(f32, bool)> {
        (0..count).map(|i| (1.0 - i as f32 / count as f32, !wrong(i))).collect()
    }

    #[test]
    fn it_goes_on_while_the_bound_holds_and_no_further() {
        // Nothing is wrong among the first 1,000, every second beyond.
        let found = fixed_sequence(&said(2000, |i| i >= 1000 && i.is_multiple_of(2)), 0.03, 0.95).expect("it holds");
        assert!((1000..1070).contains(&found.answered), "{found:?}");
        assert!(found.bound <= 0.03 && found.errors < 33);
        let all = fixed_sequence(&said(2000, |_| false), 0.03, 0.95).expect("never wrong");
        assert_eq!((all.answered, all.errors), (2000, 0));
    }

    #[test]
    fn it_stops_at_the_first_that_fails_whatever_comes_after() {
        // The best scores are wrong; with all of them the error would be low enough.
        let found = fixed_sequence(&said(5000, |i| i < 60), 0.03, 0.95);
        assert_eq!(found, None);
    }

    #[test]
    fn too_little_evidence_proves_nothing() {
        assert_eq!(least_trials(0, 0.03, 0.95), 99);
        assert_eq!(fixed_sequence(&said(98, |_| false), 0.03, 0.95), None);
        assert!(fixed_sequence(&said(99, |_| false), 0.03, 0.95).is_some());
        for nothing in [0.0, -1.0, f64::NAN] {
            assert_eq!(fixed_sequence(&said(500, |_| false), nothing, 0.95), None, "{nothing}");
        }
        assert_eq!(fixed_sequence(&said(500, |_| true), 1.0, 0.95).map(|t| t.answered), Some(500));
        assert_eq!(fixed_sequence(&[], 0.03, 0.95), None);
    }

    #[test]
    fn equal_scores_answer_together_and_no_number_answers_never() {
        let level: Vec<(f32, bool)> = (0..400).map(|i| (0.5, i % 100 != 0)).collect();
        assert_eq!(fixed_sequence(&level, 0.05, 0.95).map(|t| (t.answered, t.errors)), Some((400, 4)));
        let none: Vec<(f32, bool)> = (0..400).map(|_| (f32::NAN, true)).collect();
        assert_eq!(fixed_sequence(&none, 0.05, 0.95), None);
    }

    /// A linear congruential generator: the test has to be the same each time.
    fn uniform(state: &mut u64) -> f64 {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*state >> 33) as f64 / f64::from(1u32 << 31)
    }

    #[test]
    fn the_true_error_is_above_in_one_run_of_twenty_at_most() {
        // A score s is right with probability s; the true error from a threshold t on is (1 - t) / 2.
        let mut state = 7;
        let (mut above, mut found) = (0, 0);
        for _ in 0..600 {
            let mut sample = || {
                let s = uniform(&mut state);
                (s as f32, uniform(&mut state) < s)
            };
            let said: Vec<(f32, bool)> = (0..2000).map(|_| sample()).collect();
            if let Some(threshold) = fixed_sequence(&said, 0.1, 0.95) {
                found += 1;
                above += u32::from((1.0 - f64::from(threshold.score)) / 2.0 > 0.1);
            }
        }
        assert!(found > 550, "{found}");
        assert!(above <= 40, "{above} of 600");
    }

    proptest! {
        #[test]
        fn what_is_found_is_bounded(
            said in prop::collection::vec((any::<f32>(), any::<bool>()), 0..400), max_error in 0.0..1.0f64
        ) {
            if let Some(found) = fixed_sequence(&said, max_error, 0.95) {
                prop_assert!(found.bound <= max_error + 1e-9 && found.score.is_finite());
                let answered = said.iter().filter(|(s, _)| s.total_cmp(&found.score).is_ge());
                prop_assert_eq!(answered.clone().count() as u32, found.answered);
                prop_assert_eq!(answered.filter(|(_, right)| !right).count() as u32, found.errors);
            }
        }
    }
}
