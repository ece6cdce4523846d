//! Exact bounds on a share of which a sample was seen.

/// The natural logarithm of the probability of at most `errors` of `trials`, each with probability `share`; 0 < share < 1.
pub(super) fn ln_at_most(errors: u32, trials: u32, share: f64) -> f64 {
    if errors >= trials {
        return 0.0;
    }
    let (n, odds) = (f64::from(trials), share.ln() - (-share).ln_1p());
    // The terms one after the other, as logarithms: the first underflows where trials are many.
    let mut term = n * (-share).ln_1p();
    let (mut greatest, mut sum) = (term, 1.0);
    for i in 0..errors {
        let i = f64::from(i);
        term += ((n - i) / (i + 1.0)).ln() + odds;
        if term > greatest {
            sum = sum * (greatest - term).exp() + 1.0;
            greatest = term;
        } else {
            sum += (term - greatest).exp();
        }
    }
    (greatest + sum.ln()).min(0.0)
}

/// The natural logarithm of the number of ways to choose `chosen` of `all`.
pub(super) fn ln_choose(all: u32, chosen: u32) -> f64 {
    let chosen = chosen.min(all - chosen);
    (0..chosen).map(|i| (f64::from(all - i) / f64::from(i + 1)).ln()).sum()
}

/// The largest share that `errors` of `trials` leave possible, one-sided, at this confidence: above it so few errors would
/// have been seen with a probability of 1 - confidence at most (Clopper and Pearson, "The use of confidence or fiducial
/// limits illustrated in the case of the binomial", Biometrika 26, 1934). 1 where nothing was tried.
pub fn upper_bound(errors: u32, trials: u32, confidence: f64) -> f64 {
    if errors >= trials {
        return 1.0;
    }
    let least = (1.0 - confidence).ln();
    let (mut low, mut high) = (f64::from(errors) / f64::from(trials), 1.0);
    while high - low > 1e-10 {
        let middle = (low + high) / 2.0;
        if ln_at_most(errors, trials, middle) > least {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// Whether the bound of [`upper_bound`] lies at `share` or below, without looking for it.
pub fn is_bounded(errors: u32, trials: u32, share: f64, confidence: f64) -> bool {
    share >= 1.0 || (share > 0.0 && errors < trials && ln_at_most(errors, trials, share) <= (1.0 - confidence).ln())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Found by bisection over sums of exact fractions, 60 digits.
    const KNOWN: [(u32, u32, f64, f64); 7] = [
        (0, 100, 0.95, 0.029_513_049_607),
        (1, 100, 0.95, 0.046_559_811_454),
        (5, 100, 0.95, 0.102_253_377_643),
        (3, 4821, 0.975, 0.001_817_471_557),
        (150, 5000, 0.975, 0.035_111_325_295),
        (0, 1, 0.95, 0.95),
        (400, 1000, 0.9, 0.420_487_046_434),
    ];

    #[test]
    fn bounds_are_exact() {
        for (errors, trials, confidence, known) in KNOWN {
            let found = upper_bound(errors, trials, confidence);
            assert!((found - known).abs() < 1e-8, "{errors} of {trials}: {found}, not {known}");
            assert!(is_bounded(errors, trials, known + 1e-6, confidence));
            assert!(!is_bounded(errors, trials, known - 1e-6, confidence));
        }
        assert_eq!((upper_bound(0, 0, 0.95), upper_bound(7, 7, 0.95)), (1.0, 1.0));
        assert!(!is_bounded(0, 0, 0.5, 0.95) && !is_bounded(0, 1000, 0.0, 0.95) && is_bounded(9, 9, 1.0, 0.95));
    }

    #[test]
    fn many_trials_do_not_underflow() {
        let bound = upper_bound(20_000, 1_000_000, 0.95);
        assert!((0.02..0.0203).contains(&bound), "{bound}");
        assert!((ln_choose(1000, 3) - 166_167_000f64.ln()).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn more_errors_and_more_confidence_raise_the_bound(errors in 0u32..50, more in 1u32..50, trials in 100u32..2000) {
            let bound = upper_bound(errors, trials, 0.95);
            prop_assert!(bound > f64::from(errors) / f64::from(trials));
            prop_assert!(upper_bound(errors + more, trials, 0.95) > bound);
            prop_assert!(upper_bound(errors, trials, 0.99) > bound);
            prop_assert!(upper_bound(errors, trials + more, 0.95) < bound);
        }
    }
}
