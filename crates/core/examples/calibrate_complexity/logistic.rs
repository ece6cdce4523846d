//! Logistic regression on the signs, and the area under the curve.

use crate::trials::Trial;
use pg_categorize_core::complexity::Signs;

/// Weights of the constant and the signs.
pub struct Curve(pub [f64; N]);

const N: usize = 6;

fn terms(signs: &Signs) -> [f64; N] {
    [1.0, signs.count, signs.closeness, signs.doubt, signs.entropy.unwrap_or(0.0), signs.length].map(|t| t.into())
}

impl Curve {
    /// By gradient descent with momentum; the signs lie within 0 and 1, so that one step suits all. No weight but the constant
    /// is below 0: more doubt must not make an input simpler.
    pub fn fit(trials: &[&Trial]) -> Self {
        let (mut curve, mut speed) = (Self([0.0; N]), [0.0; N]);
        for _ in 0..3000 {
            let mut gradient = [0.0; N];
            for trial in trials {
                let error = f64::from(u8::from(trial.wrong)) - curve.at(&trial.signs);
                gradient.iter_mut().zip(terms(&trial.signs)).for_each(|(g, x)| *g += error * x);
            }
            for i in 0..N {
                speed[i] = 0.9 * speed[i] + 0.5 * gradient[i] / trials.len().max(1) as f64;
                curve.0[i] += speed[i];
                if i > 0 {
                    curve.0[i] = curve.0[i].max(0.0);
                }
            }
        }
        curve
    }

    pub fn at(&self, signs: &Signs) -> f64 {
        let sum: f64 = self.0.iter().zip(terms(signs)).map(|(w, x)| w * x).sum();
        1.0 / (1.0 + (-sum).exp())
    }
}

/// How probable it is that one that is true has the higher score than one that is not (Hanley and McNeil, 1982); ties count half.
pub fn area(scored: impl Iterator<Item = (f64, bool)>) -> f64 {
    let mut scored: Vec<(f64, bool)> = scored.collect();
    scored.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut below, mut sum, mut all) = (0.0, 0.0, 0.0);
    for tied in scored.chunk_by(|a, b| a.0 == b.0) {
        let yes = tied.iter().filter(|(_, is_true)| *is_true).count() as f64;
        let no = tied.len() as f64 - yes;
        sum += yes * (below + no / 2.0);
        below += no;
        all += yes;
    }
    sum / (all * below)
}
