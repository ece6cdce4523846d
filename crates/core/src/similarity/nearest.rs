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
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedding::embed;

    #[test]
    fn the_nearest_come_first_and_the_text_itself_does_not() {
        let mut vectors = Vectors::default();
        for text in ["red running shoe", "blue running shoe", "how do i get a refund", "", "red running shoes"] {
            vectors.push(embed(text).as_ref());
        }
        assert_eq!(vectors.len(), 5);
        let nearest = vectors.nearest(0, 3);
        let order: Vec<u32> = nearest.iter().map(|(i, _)| *i).collect();
        assert_eq!(order[..2], [4, 1], "{nearest:?}");
        assert!(nearest.windows(2).all(|pair| pair[0].1 >= pair[1].1));
        let ours = embed("red running shoe").zip(embed("red running shoes")).map(|(a, b)| a.cosine(&b));
        assert!((nearest[0].1 - ours.expect("both are known")).abs() < 1e-5);
        assert_eq!(vectors.nearest(3, 9).len(), 4);
        assert!(vectors.nearest(3, 9).iter().all(|(_, cosine)| *cosine == 0.0));
        assert!(vectors.nearest(0, 0).is_empty());
    }
}
