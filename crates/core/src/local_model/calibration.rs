//! From scores to probabilities that mean what they say.
//!
//! Scores become a distribution by softmax at a temperature (Guo, Pleiss, Sun and Weinberger, "On calibration of modern
//! neural networks", 2017). How sure the likeliest category is then comes from a logistic regression (Platt, 1999) on
//! three things: the log-odds of that distribution, how far the best score is ahead of the second, and which share of the
//! words was known from training at all. Both are fitted on held-out examples.

/// The parameters of a calibrated model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Calibration {
    /// Scores are multiplied by it before the softmax.
    pub(super) inverse_temperature: f32,
    /// Of the logistic regression: constant, log-odds, margin, share of known words.
    pub(super) coefficients: [f32; 4],
}

/// What the likeliest category of one text rests on.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Signs {
    /// Log-odds of the softmax.
    pub(super) log_odds: f32,
    /// Best score less the second best.
    pub(super) margin: f32,
    /// Share of the weight of the words that training knew, 0 to 1.
    pub(super) known: f32,
}

/// Nothing that was learnt from examples is certain.
const MOST_CONFIDENCE: f32 = 0.9999;

impl Signs {
    /// As the regression sees them; bounded, so that nothing extreme decides alone.
    fn regressors(&self) -> [f64; 4] {
        [
            1.0,
            f64::from(self.log_odds.clamp(-12.0, 12.0)),
            f64::from(self.margin.clamp(0.0, 4.0)),
            f64::from(self.known),
        ]
    }
}

impl Calibration {
    /// What holds until something better is fitted.
    pub(super) const NEUTRAL: Self = Self { inverse_temperature: 5.0, coefficients: [0.0, 0.7, 0.0, 0.0] };

    /// The probability that the likeliest category is right.
    pub(super) fn confidence(&self, signs: &Signs) -> f32 {
        let z: f64 = signs.regressors().iter().zip(self.coefficients).map(|(x, w)| x * f64::from(w)).sum();
        ((1.0 / (1.0 + (-z).exp())) as f32).min(MOST_CONFIDENCE)
    }

    /// Fits the regression to what was right and what was wrong.
    pub(super) fn fit(inverse_temperature: f32, signs: &[(Signs, bool)]) -> Self {
        Self { inverse_temperature, coefficients: logistic(signs).map(|w| w as f32) }
    }
}

/// Pull of each coefficient towards its value in `NEUTRAL`: worth one example a standard deviation away.
const RIDGE: f64 = 1.0;

/// Logistic regression by Newton's method with halved steps.
fn logistic(signs: &[(Signs, bool)]) -> [f64; 4] {
    let prior = Calibration::NEUTRAL.coefficients.map(f64::from);
    let mut w = prior;
    let mut best = loss(&w, &prior, signs);
    for _ in 0..50 {
        let (mut gradient, mut hessian) = ([0.0; 4], [[0.0; 4]; 4]);
        for (sign, right) in signs {
            let x = sign.regressors();
            let p = 1.0 / (1.0 + (-dot(&w, &x)).exp());
            for a in 0..4 {
                gradient[a] += (p - f64::from(u8::from(*right))) * x[a];
                for b in 0..4 {
                    hessian[a][b] += (p * (1.0 - p)).max(1e-9) * x[a] * x[b];
                }
            }
        }
        for a in 0..4 {
            gradient[a] += RIDGE * (w[a] - prior[a]);
            hessian[a][a] += RIDGE;
        }
        let step = solve(hessian, gradient);
        let mut length = 1.0;
        let improved = loop {
            let next: [f64; 4] = std::array::from_fn(|a| w[a] - length * step[a]);
            let now = loss(&next, &prior, signs);
            if now < best {
                let gain = best - now;
                (w, best) = (next, now);
                break gain > 1e-9 * best.abs();
            }
            length /= 2.0;
            if length < 1e-6 {
                break false;
            }
        };
        if !improved {
            break;
        }
    }
    w
}

fn dot(a: &[f64; 4], b: &[f64; 4]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn loss(w: &[f64; 4], prior: &[f64; 4], signs: &[(Signs, bool)]) -> f64 {
    let of = |(sign, right): &(Signs, bool)| {
        let z = dot(w, &sign.regressors());
        let z = if *right { z } else { -z };
        (-z.abs()).exp().ln_1p() + (-z).max(0.0)
    };
    let pull: f64 = w.iter().zip(prior).map(|(w, p)| (w - p) * (w - p)).sum();
    signs.iter().map(of).sum::<f64>() + RIDGE / 2.0 * pull
}

/// Gaussian elimination; the ridge keeps the matrix positive definite.
fn solve(mut m: [[f64; 4]; 4], mut y: [f64; 4]) -> [f64; 4] {
    for a in 0..4 {
        for b in a + 1..4 {
            let factor = m[b][a] / m[a][a];
            (a..4).for_each(|c| m[b][c] -= factor * m[a][c]);
            y[b] -= factor * y[a];
        }
    }
    for a in (0..4).rev() {
        (a + 1..4).for_each(|c| y[a] -= m[a][c] * y[c]);
        y[a] /= m[a][a];
    }
    y
}

/// The inverse temperature at which held-out examples are likeliest, between 0.5 and 30; `surprise` is their mean negative
/// log-likelihood at one. The likelihood has one peak: a golden-section search on the logarithm finds it.
pub(super) fn inverse_temperature(mut surprise: impl FnMut(f32) -> f64) -> f32 {
    const GOLDEN: f32 = 0.618_034;
    let (mut low, mut high) = (0.5f32.ln(), 30f32.ln());
    while high - low > 0.02 {
        let (a, b) = (high - GOLDEN * (high - low), low + GOLDEN * (high - low));
        if surprise(a.exp()) < surprise(b.exp()) {
            high = b;
        } else {
            low = a;
        }
    }
    ((low + high) / 2.0).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_regression_finds_the_coefficients_that_made_the_data() {
        let truth = Calibration { inverse_temperature: 5.0, coefficients: [-1.0, 0.5, 1.0, 0.8] };
        let mut random = super::super::random::Random(1);
        let mut uniform = || random.next() as f32 / u64::MAX as f32;
        let signs: Vec<_> = (0..20_000)
            .map(|_| {
                let s = Signs { log_odds: uniform() * 8.0 - 3.0, margin: uniform() * 2.0, known: uniform() };
                (s, uniform() < truth.confidence(&s))
            })
            .collect();
        let fitted = Calibration::fit(5.0, &signs);
        for (s, _) in signs.iter().take(100) {
            assert!((fitted.confidence(s) - truth.confidence(s)).abs() < 0.03);
        }
    }

    #[test]
    fn a_handful_of_examples_makes_nothing_certain() {
        let sure = Signs { log_odds: 4.0, margin: 1.0, known: 1.0 };
        let fitted = Calibration::fit(5.0, &[(sure, true), (sure, true)]);
        assert!(fitted.confidence(&sure) < 0.995);
        assert!(Calibration::fit(5.0, &[]).confidence(&sure) > 0.9);
    }

    #[test]
    fn the_temperature_is_where_the_surprise_is_least() {
        let found = inverse_temperature(|t| f64::from((t.ln() - 6f32.ln()).powi(2)));
        assert!((found - 6.0).abs() < 0.2, "{found}");
    }
}
