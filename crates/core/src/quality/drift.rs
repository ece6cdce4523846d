//! Whether what happens since contradicts the bound.
//!
//! Somebody may look after every audit, so that a test for one look would warn of nothing sooner or later. What is compared is the
//! evidence that a test martingale gathers (Ville, 1939): how much likelier the errors are if each share above the
//! bound is as likely as another, than at the bound (a mixture after Robbins, "Statistical methods related to the law of
//! the iterated logarithm", 1970). While the bound holds it exceeds 1 / alpha with a probability of alpha at most, ever.

use super::CONFIDENCE;
use super::binomial::{ln_at_most, ln_choose};

/// Trials that are counted at most, in a millisecond or two.
const MOST: u32 = 100_000;

/// What audits say of a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drift {
    /// There is nothing to tell from.
    Unknown,
    /// Nothing speaks against the bound.
    None,
    /// The share of wrong answers is above the bound.
    Contradicted,
}

impl Drift {
    /// Its name in views.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::None => "none",
            Self::Contradicted => "contradicted",
        }
    }
}

/// What `errors` of `trials` audits say of the claim that at most a share of `max_error` is wrong. Valid at any number
/// of looks, at a confidence of 0.95.
pub fn drift(errors: u32, trials: u32, max_error: f64) -> Drift {
    if trials == 0 || !(max_error > 0.0 && max_error < 1.0) {
        return Drift::Unknown;
    }
    let errors = errors.min(trials);
    // Of very many, a part says as much: the time that it takes is bounded, and rounding down speaks against no claim.
    let counted = trials.min(MOST);
    let errors = (u64::from(errors) * u64::from(counted) / u64::from(trials)) as u32;
    let trials = counted;
    if ln_evidence(errors, trials, max_error) >= -(1.0 - CONFIDENCE).ln() { Drift::Contradicted } else { Drift::None }
}

/// The logarithm of the evidence: the integral of the likelihood ratio over all shares above `share`, which the incomplete
/// beta function has in closed form, and that is a binomial tail.
fn ln_evidence(errors: u32, trials: u32, share: f64) -> f64 {
    let (x, n) = (f64::from(errors), f64::from(trials));
    let ln_beta = -(n + 1.0).ln() - ln_choose(trials, errors);
    let not = (-share).ln_1p();
    ln_beta + ln_at_most(errors, trials + 1, share) - x * share.ln() - (n - x) * not - not
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_evidence_is_the_integral() {
        for (errors, trials, share) in [(0, 10, 0.05), (4, 50, 0.03), (30, 400, 0.05)] {
            let steps = 200_000;
            let ratio = |i: i32| {
                let p = share + (1.0 - share) * (f64::from(i) + 0.5) / f64::from(steps);
                let (x, n) = (f64::from(errors), f64::from(trials));
                (x * (p / share).ln() + (n - x) * ((1.0 - p) / (1.0 - share)).ln()).exp()
            };
            let integral = (0..steps).map(ratio).sum::<f64>() / f64::from(steps);
            let found = ln_evidence(errors, trials, share);
            assert!((found - integral.ln()).abs() < 1e-4, "{errors} of {trials}: {found}, {}", integral.ln());
        }
    }

    #[test]
    fn it_warns_of_what_cannot_be_chance_and_of_nothing_less() {
        assert_eq!(drift(0, 0, 0.03), Drift::Unknown);
        assert_eq!(drift(1, 10, 0.0), Drift::Unknown);
        assert_eq!(drift(3, 100, 0.03), Drift::None);
        assert_eq!(drift(1, 5, 0.03), Drift::None, "one slip proves nothing");
        assert_eq!(drift(15, 100, 0.03), Drift::Contradicted);
        assert_eq!(drift(5, 5, 0.03), Drift::Contradicted);
        assert_eq!(drift(9, 5, 0.03), Drift::Contradicted, "more errors than audits are as many");
        assert_eq!(drift(u32::MAX, u32::MAX, 0.5), Drift::Contradicted);
        assert_eq!(drift(u32::MAX / 50, u32::MAX, 0.03), Drift::None);
    }

    #[test]
    fn who_looks_after_every_audit_is_warned_of_nothing_in_one_of_twenty_at_most() {
        let mut state = 3u64;
        let mut warned = 0;
        for _ in 0..300 {
            let mut errors = 0;
            warned += u32::from((1..=400).any(|trials| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                errors += u32::from(((state >> 33) as f64 / f64::from(1u32 << 31)) < 0.03);
                drift(errors, trials, 0.03) == Drift::Contradicted
            }));
        }
        assert!(warned <= 20, "{warned} of 300");
    }
}
