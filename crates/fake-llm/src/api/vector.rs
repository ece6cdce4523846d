//! Embeddings that need no model: a sum of hashed pieces of the words (feature hashing: Weinberger et al. 2009; pieces of
//! words with their ends marked: Bojanowski et al. 2017). Texts that share words or parts of them are near each other.

use crate::random::hash;

/// Characters of the pieces.
const SIZES: [usize; 3] = [3, 4, 5];

/// A vector of unit length; of an empty text the first axis.
pub(crate) fn unit(text: &str, dimensions: usize) -> Vec<f32> {
    let mut sum = vec![0.0_f64; dimensions];
    for word in text.to_lowercase().split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let marked: Vec<char> = format!("<{word}>").chars().collect();
        add(&mut sum, &marked, 1.0);
        for size in SIZES {
            for piece in marked.windows(size).filter(|piece| piece.len() < marked.len()) {
                add(&mut sum, piece, 0.5);
            }
        }
    }
    let length = sum.iter().map(|x| x * x).sum::<f64>().sqrt();
    if length == 0.0 {
        sum[0] = 1.0;
        return sum.into_iter().map(|x| x as f32).collect();
    }
    sum.into_iter().map(|x| (x / length) as f32).collect()
}

/// Adds a piece to the axis and in the direction that its hash says.
fn add(sum: &mut [f64], piece: &[char], weight: f64) {
    let hash = hash(0xe3bed, &piece.iter().collect::<String>());
    let axis = (hash >> 1) as usize % sum.len();
    sum[axis] += if hash & 1 == 0 { weight } else { -weight };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn likeness(one: &str, other: &str) -> f32 {
        unit(one, 256).iter().zip(unit(other, 256)).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn like_texts_are_near() {
        for text in ["LEGO police station", "", "é"] {
            assert!((likeness(text, text) - 1.0).abs() < 1e-5, "{text:?} has unit length");
        }
        let near = likeness("LEGO police station", "lego Police-Stations, 60141");
        let far = likeness("LEGO police station", "Garden hose 20 m");
        assert!(near > 0.6 && far < 0.3 && far > -0.3, "{near} and {far}");
    }
}
