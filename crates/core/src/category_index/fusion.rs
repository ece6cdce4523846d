//! Several rankings become one by reciprocal rank fusion (Cormack, Clarke and Büttcher 2009,
//! <https://doi.org/10.1145/1571941.1572114>): a category scores 1 / (60 + rank) in each ranking that has it.

use crate::lexical::keep_best;

/// The constant of the paper: how little the first ranks stand out.
const FLATNESS: f32 = 60.0;

/// Scores that are being added up.
#[derive(Debug, Default)]
pub(super) struct Fusion {
    scores: Vec<f32>,
    touched: Vec<u32>,
}

impl Fusion {
    /// Begins anew, for so many categories.
    pub(super) fn start(&mut self, categories: usize) {
        for at in self.touched.drain(..) {
            self.scores[at as usize] = 0.0;
        }
        self.scores.resize(categories, 0.0);
    }

    /// Adds a ranking, best first, that counts `weight` times.
    pub(super) fn add(&mut self, ranking: impl Iterator<Item = u32>, weight: f32) {
        for (rank, at) in ranking.enumerate() {
            let score = &mut self.scores[at as usize];
            if *score == 0.0 {
                self.touched.push(at);
            }
            *score += weight / (FLATNESS + 1.0 + rank as f32);
        }
    }

    /// The best `k`, best first.
    pub(super) fn take(&self, k: usize) -> Vec<(u32, f32)> {
        let mut merged: Vec<(u32, f32)> = self.touched.iter().map(|at| (*at, self.scores[*at as usize])).collect();
        keep_best(&mut merged, k);
        merged
    }
}
