//! How many requests go into one batch.

use serde::{Deserialize, Serialize};

/// What one batch may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Requests, or texts where vectors are asked for.
    pub requests: u32,
    /// Bytes of all of it.
    pub bytes: u64,
}

impl Limits {
    /// "Up to 50,000 requests, up to 200 MB", and of embeddings up to 50,000 inputs in all of its requests
    /// (<https://developers.openai.com/api/docs/guides/batch>).
    pub const OPENAI: Self = Self { requests: 50_000, bytes: 209_715_200 };
    /// "100,000 requests or 256 MB" (<https://platform.claude.com/docs/en/build-with-claude/batch-processing>). The create
    /// itself has them all, so it is kept to half of that.
    pub const ANTHROPIC: Self = Self { requests: 50_000, bytes: 128 << 20 };
    /// 2 GB a file and no number of requests (<https://ai.google.dev/gemini-api/docs/batch-api>); what is lost with a batch
    /// that expires, which brings nothing here, is kept to what the others have.
    pub const GEMINI: Self = Self { requests: 50_000, bytes: 209_715_200 };
}

/// A batch as far as it is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    limits: Limits,
    requests: u32,
    units: u32,
    bytes: u64,
}

/// Whether a request is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Take {
    /// It is.
    Taken,
    /// It belongs into the next batch.
    Full,
    /// No batch takes it.
    TooLarge,
}

impl Shard {
    /// An empty batch; `frame` bytes are around its requests.
    pub fn new(limits: Limits, frame: u64) -> Self {
        Self { limits, requests: 0, units: 0, bytes: frame }
    }

    /// Takes a request of so many bytes, with what separates it from the next one. `units` are what the provider counts of it: 1,
    /// or its texts where it asks for vectors.
    pub fn take(&mut self, bytes: u64, units: u32) -> Take {
        let bytes = self.bytes.checked_add(bytes).filter(|sum| *sum <= self.limits.bytes);
        let units = self.units.checked_add(units).filter(|sum| *sum <= self.limits.requests);
        match bytes.zip(units) {
            Some((bytes, units)) => {
                (self.requests, self.units, self.bytes) = (self.requests + 1, units, bytes);
                Take::Taken
            }
            None if self.requests == 0 => Take::TooLarge,
            None => Take::Full,
        }
    }

    /// Requests that it has.
    pub fn requests(&self) -> u32 {
        self.requests
    }

    /// Bytes that it has.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts_count_where_vectors_are_asked_for() {
        let mut shard = Shard::new(Limits { requests: 10, bytes: 1000 }, 0);
        assert_eq!(shard.take(1, 11), Take::TooLarge);
        assert_eq!(
            [shard.take(1, 6), shard.take(1, 5), shard.take(1, 4), shard.take(1, 1)].map(|take| take == Take::Taken),
            [true, false, true, false]
        );
        assert_eq!((shard.requests(), shard.take(1, u32::MAX)), (2, Take::Full));
    }

    proptest! {
        #[test]
        fn no_batch_is_above_its_limits_and_none_but_the_last_could_take_more(
            sizes in proptest::collection::vec(1_u64..400, 0..200), requests in 1_u32..20, bytes in 50_u64..1000,
        ) {
            let limits = Limits { requests, bytes };
            let (mut shard, mut count, mut taken, mut refused) = (Shard::new(limits, 10), 1, 0, 0);
            for size in &sizes {
                let mut answer = shard.take(*size, 1);
                if answer == Take::Full {
                    prop_assert!(shard.requests() == requests || shard.bytes() + size > bytes);
                    (shard, count) = (Shard::new(limits, 10), count + 1);
                    answer = shard.take(*size, 1);
                }
                prop_assert_eq!(answer == Take::TooLarge, size + 10 > bytes);
                prop_assert!(shard.requests() <= requests && shard.bytes() <= bytes && answer != Take::Full);
                if answer == Take::Taken { taken += 1 } else { refused += 1 }
            }
            prop_assert_eq!(taken + refused, sizes.len());
            prop_assert!(count <= sizes.len().max(1));
        }
    }
}
