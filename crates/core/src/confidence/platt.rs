//! A straight line over the log-odds of the raw confidence (Platt, "Probabilistic outputs for support vector machines",
//! 1999), which two numbers describe: what a few dozen observations can tell.

use super::evidence::Weighed;
use super::prior::{Line, probability};

/// Pull of both numbers towards the prior: worth as many observations as tell an intercept apart by one.
const RIDGE: [f64; 2] = [2.0, 4.0];

/// The likeliest line that does not fall. The targets are not 0 and 1 but what Platt took, and Lin, Lin and Weng ("A note
/// on Platt's probabilistic outputs", 2007) after him: one more observation of either kind is thought of.
pub(super) fn fit(observations: &[Weighed], prior: Line) -> Line {
    let sum = |right: bool| observations.iter().filter(|o| o.right == right).map(|o| o.weight).sum::<f64>();
    let targets = [1.0 / (sum(false) + 2.0), (sum(true) + 1.0) / (sum(true) + 2.0)];
    let problem = Problem { observations, prior, targets };
    let line = problem.solve(true);
    if line.slope > 0.0 { line } else { problem.solve(false) }
}

struct Problem<'a> {
    observations: &'a [Weighed],
    prior: Line,
    /// Of the wrong, and of the right.
    targets: [f64; 2],
}

impl Problem<'_> {
    /// Newton's method with halved steps, as in Lin, Lin and Weng; without a slope where it would be negative.
    fn solve(&self, sloping: bool) -> Line {
        let mut line = if sloping { self.prior } else { Line { slope: 0.0, ..self.prior } };
        let mut loss = self.loss(line);
        for _ in 0..50 {
            let step = self.step(line, sloping);
            let mut length = 1.0;
            let gain = loop {
                let next = Line { constant: line.constant - length * step[0], slope: line.slope - length * step[1] };
                let now = self.loss(next);
                if now < loss {
                    let gain = loss - now;
                    (line, loss) = (next, now);
                    break gain;
                }
                length /= 2.0;
                if length < 1e-6 {
                    break 0.0;
                }
            };
            if gain <= 1e-10 * loss {
                break;
            }
        }
        line
    }

    fn step(&self, line: Line, sloping: bool) -> [f64; 2] {
        let mut gradient =
            [RIDGE[0] * (line.constant - self.prior.constant), RIDGE[1] * (line.slope - self.prior.slope)];
        let mut hessian = [RIDGE[0], 0.0, RIDGE[1]];
        for o in self.observations {
            let p = probability(line.at(o.log_odds));
            let (apart, curve) =
                (o.weight * (p - self.targets[usize::from(o.right)]), o.weight * (p * (1.0 - p)).max(1e-9));
            gradient[0] += apart;
            gradient[1] += apart * o.log_odds;
            hessian[0] += curve;
            hessian[1] += curve * o.log_odds;
            hessian[2] += curve * o.log_odds * o.log_odds;
        }
        let [a, b, c] = hessian;
        if !sloping {
            return [gradient[0] / a, 0.0];
        }
        // Positive: the ridge keeps the matrix definite.
        let determinant = a * c - b * b;
        [(c * gradient[0] - b * gradient[1]) / determinant, (a * gradient[1] - b * gradient[0]) / determinant]
    }

    fn loss(&self, line: Line) -> f64 {
        let of = |o: &Weighed| {
            let (z, target) = (line.at(o.log_odds), self.targets[usize::from(o.right)]);
            o.weight * ((-z.abs()).exp().ln_1p() + z.max(0.0) - target * z)
        };
        let pull = RIDGE[0] * (line.constant - self.prior.constant).powi(2)
            + RIDGE[1] * (line.slope - self.prior.slope).powi(2);
        self.observations.iter().map(of).sum::<f64>() + pull / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::confidence::Source;

    fn observed(levels: &[(f64, usize, usize)]) -> Vec<Weighed> {
        let of = |(log_odds, right, all): &(f64, usize, usize)| {
            let (log_odds, right) = (*log_odds, *right);
            (0..*all).map(move |i| Weighed { log_odds, right: i < right, weight: 1.0 })
        };
        levels.iter().flat_map(of).collect()
    }

    #[test]
    fn a_line_through_what_was_seen() {
        // Log-odds of -1, 1 and 3 that are worth half of it: 0.378, 0.622, 0.818.
        let line = fit(
            &observed(&[(-1.0, 378, 1000), (1.0, 622, 1000), (3.0, 818, 1000)]),
            Line::prior(Source::Probabilities),
        );
        assert!((line.slope - 0.5).abs() < 0.02 && line.constant.abs() < 0.02, "{line:?}");
    }

    #[test]
    fn a_line_never_falls() {
        let line = fit(&observed(&[(0.0, 90, 100), (3.0, 50, 100)]), Line::prior(Source::SelfReported));
        assert_eq!(line.slope, 0.0);
        assert!((probability(line.constant) - 0.7).abs() < 0.02, "{line:?}");
    }

    #[test]
    fn nothing_seen_is_the_prior() {
        for source in Source::ALL {
            assert_eq!(fit(&[], Line::prior(source)), Line::prior(source));
        }
    }
}
