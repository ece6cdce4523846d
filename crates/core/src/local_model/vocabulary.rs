//! Which buckets the training texts filled, and how much an n-gram of each weighs in a text.
//!
//! tf-idf as Salton and Buckley (1988) and scikit-learn's `TfidfTransformer` have it: a count c weighs 1 + ln c, times
//! ln((1 + texts) / (1 + texts with it)) + 1. Words and runs are brought to length one apart from each other, so that
//! the many runs do not drown the words.

use super::counts::{Counted, Counts};
use super::index::Index;
use super::memory;
use super::ngrams::{BUCKET_BITS, Kind};
use crate::error::Result;

/// Buckets with their weights.
pub(super) struct Vocabulary {
    pub(super) index: Index,
    /// Inverse document frequency of each filled bucket.
    pub(super) weights: Vec<f32>,
    /// That of a bucket which no text filled.
    pub(super) unseen: f32,
}

impl Vocabulary {
    /// The vocabulary of some of the texts.
    ///
    /// # Errors
    /// `OutOfMemory`.
    pub(super) fn new(counts: &Counts, texts: &[u32], interrupt: &mut dyn FnMut()) -> Result<Self> {
        let mut frequency = memory::filled(0u32, 1 << BUCKET_BITS)?;
        for (i, text) in texts.iter().enumerate() {
            if i % INTERRUPT == 0 {
                interrupt();
            }
            let counted = counts.get(*text as usize);
            for (bucket, _) in counted.of(Kind::Word).chain(counted.of(Kind::Run)) {
                frequency[bucket as usize] += 1;
            }
        }
        let idf = |with: u32| ((1.0 + texts.len() as f32) / (1.0 + with as f32)).ln().max(0.0) + 1.0;
        Ok(Self {
            index: Index::new(frequency.iter().map(|f| *f > 0)),
            weights: frequency.iter().filter(|f| **f > 0).map(|f| idf(*f)).collect(),
            unseen: idf(0),
        })
    }
}

/// Texts between two chances to cancel: some ten milliseconds.
pub(super) const INTERRUPT: usize = 4096;

/// Weight of a count.
#[inline]
pub(super) fn damped(count: u32) -> f32 {
    if count == 1 { 1.0 } else { 1.0 + (count as f32).ln() }
}

/// Texts as sparse vectors of small numbers: 20 bits of feature, 12 of its value between 0 and 1.
#[derive(Default)]
pub(super) struct Vectors {
    packed: Vec<u32>,
    starts: Vec<usize>,
}

const VALUE_BITS: u32 = 32 - BUCKET_BITS;
const VALUE_MAX: f32 = ((1 << VALUE_BITS) - 1) as f32;

impl Vectors {
    /// The vectors of some of the texts.
    ///
    /// # Errors
    /// `OutOfMemory`.
    pub(super) fn new(
        vocabulary: &Vocabulary,
        counts: &Counts,
        texts: &[u32],
        interrupt: &mut dyn FnMut(),
    ) -> Result<Self> {
        let mut vectors = Self { packed: Vec::new(), starts: vec![0] };
        memory::reserve(&mut vectors.packed, texts.iter().map(|t| counts.get(*t as usize).len()).sum())?;
        memory::reserve(&mut vectors.starts, texts.len())?;
        for (i, text) in texts.iter().enumerate() {
            if i % INTERRUPT == 0 {
                interrupt();
            }
            vectors.push(vocabulary, counts.get(*text as usize));
        }
        Ok(vectors)
    }

    fn push(&mut self, vocabulary: &Vocabulary, text: Counted<'_>) {
        for kind in [Kind::Word, Kind::Run] {
            let features = |(bucket, count)| {
                let feature = vocabulary.index.find(bucket)?;
                Some((feature, damped(count) * vocabulary.weights[feature as usize]))
            };
            let length = text.of(kind).filter_map(features).map(|(_, x)| x * x).sum::<f32>().sqrt();
            let scale = VALUE_MAX / length.max(f32::MIN_POSITIVE);
            let packed = |(feature, x): (u32, f32)| feature | ((x * scale).round() as u32) << BUCKET_BITS;
            self.packed.extend(text.of(kind).filter_map(features).map(packed));
        }
        self.starts.push(self.packed.len());
    }

    pub(super) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Features of one text with their values.
    #[inline(always)]
    pub(super) fn get(&self, text: usize) -> impl Iterator<Item = (usize, f32)> {
        let packed = &self.packed[self.starts[text]..self.starts[text + 1]];
        packed.iter().map(|p| ((p & ((1 << BUCKET_BITS) - 1)) as usize, (p >> BUCKET_BITS) as f32 * (1.0 / VALUE_MAX)))
    }

    /// The squared length of one text's vector.
    pub(super) fn squared_length(&self, text: usize) -> f32 {
        self.get(text).map(|(_, x)| x * x).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::super::counts::Counter;
    use super::*;

    #[test]
    fn words_and_runs_have_length_one_each() {
        let (mut counter, mut counts) = (Counter::default(), Counts::default());
        for text in ["red shoe", "red hat red", "?"] {
            counts.push(counter.count(text)).expect("memory");
        }
        let all = [0, 1, 2];
        let vocabulary = Vocabulary::new(&counts, &all, &mut || ()).expect("memory");
        let vectors = Vectors::new(&vocabulary, &counts, &all, &mut || ()).expect("memory");
        assert_eq!(vectors.len(), 3);
        assert!((vectors.squared_length(0) - 2.0).abs() < 0.01, "{}", vectors.squared_length(0));
        assert!((vectors.squared_length(1) - 2.0).abs() < 0.01);
        assert_eq!(vectors.get(2).count(), 0);
    }
}
