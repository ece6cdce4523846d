//! The vectors of the vocabulary's entries, and arithmetic on vectors.

use super::DIMENSIONS;
use super::vocabulary::ENTRIES;

/// Rows of signed bytes.
static VECTORS: &[u8; ENTRIES * DIMENSIONS] = include_bytes!("../../models/minilm-256/vectors.bin");

/// What each row is multiplied by, as little-endian floats.
static SCALES: &[u8; ENTRIES * 4] = include_bytes!("../../models/minilm-256/scales.bin");

/// Partial sums of a dot product: as many as the widest vector instructions take, twice.
const LANES: usize = 32;

/// The mean of the tokens' vectors, of length 1; `None` without tokens, or where they cancel each other.
pub(super) fn mean(tokens: &[u16]) -> Option<[f32; DIMENSIONS]> {
    pulp::Arch::new().dispatch(Mean(tokens))
}

struct Mean<'t>(&'t [u16]);

impl pulp::WithSimd for Mean<'_> {
    type Output = Option<[f32; DIMENSIONS]>;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> Self::Output {
        let mut sum = [0.0; DIMENSIONS];
        for token in self.0 {
            let at = usize::from(*token);
            let row = &VECTORS[at * DIMENSIONS..(at + 1) * DIMENSIONS];
            let scale = f32::from_le_bytes(std::array::from_fn(|i| SCALES[at * 4 + i]));
            sum.iter_mut().zip(row).for_each(|(s, x)| *s += f32::from(*x as i8) * scale);
        }
        let length = dot_lanes(&sum, &sum).sqrt();
        (length > 1e-6).then(|| sum.map(|x| x / length))
    }
}

/// The sum of the products.
pub(super) fn dot(a: &[f32; DIMENSIONS], b: &[f32; DIMENSIONS]) -> f32 {
    struct Dot<'v>(&'v [f32; DIMENSIONS], &'v [f32; DIMENSIONS]);
    impl pulp::WithSimd for Dot<'_> {
        type Output = f32;
        #[inline(always)]
        fn with_simd<S: pulp::Simd>(self, _: S) -> f32 {
            dot_lanes(self.0, self.1)
        }
    }
    pulp::Arch::new().dispatch(Dot(a, b))
}

#[inline(always)]
fn dot_lanes(a: &[f32; DIMENSIONS], b: &[f32; DIMENSIONS]) -> f32 {
    let mut sums = [0.0; LANES];
    for (a, b) in a.chunks_exact(LANES).zip(b.chunks_exact(LANES)) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum()
}
