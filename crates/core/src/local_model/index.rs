//! Which of the buckets are filled, and the position of each among the filled: a bitmap with counts, 1.5 bits a bucket.

use super::ngrams::BUCKET_BITS;

/// Words of 64 buckets.
pub(super) const WORDS: usize = (1 << BUCKET_BITS) / 64;

/// Bytes of it in a model.
pub(super) const BYTES: usize = WORDS * 12;

/// The filled buckets, in memory.
pub(super) struct Index {
    bits: Vec<u64>,
    /// Filled buckets before each word.
    before: Vec<u32>,
}

impl Index {
    pub(super) fn new(filled: impl Iterator<Item = bool>) -> Self {
        let mut bits = vec![0u64; WORDS];
        filled
            .enumerate()
            .filter(|(_, filled)| *filled)
            .for_each(|(bucket, _)| bits[bucket / 64] |= 1 << (bucket % 64));
        let counted = |sum: &mut u32, word: &u64| {
            let before = *sum;
            *sum += word.count_ones();
            Some(before)
        };
        let before = bits.iter().scan(0, counted).collect();
        Self { bits, before }
    }

    /// The position of a bucket among the filled.
    #[inline]
    pub(super) fn find(&self, bucket: u32) -> Option<u32> {
        position(self.bits[bucket as usize / 64], self.before[bucket as usize / 64], bucket)
    }

    /// Appends it, for `Stored` to read.
    pub(super) fn store(&self, bytes: &mut Vec<u8>) {
        for (bits, before) in self.bits.iter().zip(&self.before) {
            bytes.extend_from_slice(&bits.to_le_bytes());
            bytes.extend_from_slice(&before.to_le_bytes());
        }
    }
}

/// The filled buckets, in the bytes of a model.
#[derive(Clone, Copy)]
pub(super) struct Stored<'a>(pub(super) &'a [u8]);

impl Stored<'_> {
    #[inline]
    pub(super) fn find(&self, bucket: u32) -> Option<u32> {
        let (bits, before) = self.0[bucket as usize / 64 * 12..][..12].split_at(8);
        let bits = u64::from_le_bytes(bits.try_into().expect("eight bytes"));
        position(bits, u32::from_le_bytes(before.try_into().expect("four bytes")), bucket)
    }
}

#[inline]
fn position(bits: u64, before: u32, bucket: u32) -> Option<u32> {
    let bit = 1u64 << (bucket % 64);
    (bits & bit != 0).then(|| before + (bits & (bit - 1)).count_ones())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filled_buckets_are_numbered_in_order() {
        let filled = [0, 63, 64, 1000, (1 << BUCKET_BITS) - 1];
        let index = Index::new((0..1 << BUCKET_BITS).map(|b: u32| filled.contains(&b)));
        let mut bytes = Vec::new();
        index.store(&mut bytes);
        assert_eq!(bytes.len(), BYTES);
        for (position, bucket) in filled.into_iter().enumerate() {
            assert_eq!(index.find(bucket), Some(position as u32));
            assert_eq!(Stored(&bytes).find(bucket), Some(position as u32));
        }
        assert_eq!((index.find(1), Stored(&bytes).find(65)), (None, None));
    }
}
