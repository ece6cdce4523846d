//! The nearest among some vectors, by looking at all of them: for training, where there is no index.

use crate::embedding::{DIMENSIONS, Embedding};

/// Vectors of unit length, one after the other.
#[derive(Default)]
pub struct Vectors {
    flat: Vec<f32>,
}

impl Vectors {
    /// Adds a vector; a text without one has zeros, which are near nothing.
    pub fn push(&mut self, embedding: Option<&Embedding>) {
        match embedding {
            Some(embedding) => self.flat.extend_from_slice(&embedding.0),
            None => self.flat.extend([0.0; DIMENSIONS]),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.flat.len() / DIMENSIONS
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.flat.is_empty()
    }

    /// The `count` nearest to the vector at `of` but itself, nearest first, each with its cosine.
    pub fn nearest(&self, of: usize, count: usize) -> Vec<(u32, f32)> {
        let query = &self.flat[of * DIMENSIONS..][..DIMENSIONS];
        let mut cosines = Vec::with_capacity(self.len());
        pulp::Arch::new().dispatch(|| {
            cosines.extend(self.flat.chunks_exact(DIMENSIONS).map(|vector| dot(query, vector)));
        });
        let mut best: Vec<(u32, f32)> = Vec::with_capacity(count + 1);
        for (i, cosine) in cosines.into_iter().enumerate().filter(|(i, _)| *i != of) {
            if best.len() < count || best.last().is_some_and(|last| cosine > last.1) {
                let at = best.partition_point(|known| known.1 >= cosine);
                best.insert(at, (i as u32, cosine));
                best.truncate(count);
            }
        }
        best
    }
}

/// In lanes, so that the compiler can use vector instructions: the sum of floats has an order.
#[inline(always)]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 16;
    let mut sums = [0.0f32; LANES];
    for (a, b) in a.chunks_exact(LANES).zip(b.chunks_exact(LANES)) {
        for lane in 0..LANES {
            sums[lane] = a[lane].mul_add(b[lane], sums[lane]);
        }
    }
    sums.iter().sum()
}
