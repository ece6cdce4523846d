//! How often each n-gram occurs in each text: what is kept of a text.

use super::memory;
use super::ngrams::{BUCKET_BITS, Kind, MAX_BYTES, each_ngram};
use crate::error::Result;

/// An n-gram with its count in one number: 20 bits of bucket, 12 of count.
const COUNT_MAX: u32 = (1 << (32 - BUCKET_BITS)) - 1;
const BUCKET_MASK: u32 = (1 << BUCKET_BITS) - 1;

/// Slots that are kept from text to text: 32 KB.
const FEW_SLOTS: usize = 4096;

/// The counted n-grams of one text.
#[derive(Clone, Copy)]
pub(super) struct Counted<'a> {
    words: &'a [u32],
    runs: &'a [u32],
}

impl Counted<'_> {
    /// Buckets with counts of one kind.
    #[inline]
    pub(super) fn of(&self, kind: Kind) -> impl Iterator<Item = (u32, u32)> {
        let packed = if kind == Kind::Word { self.words } else { self.runs };
        packed.iter().map(|p| (p & BUCKET_MASK, p >> BUCKET_BITS))
    }

    /// How many n-grams there are, each counted once.
    pub(super) fn len(&self) -> usize {
        self.words.len() + self.runs.len()
    }
}

/// Counts the n-grams of one text at a time; its buffers are kept.
#[derive(Default)]
pub(super) struct Counter {
    words: Vec<u32>,
    runs: Vec<u32>,
    /// Open addressing: which n-gram a slot holds, by its position in the list of its kind, and for which text.
    slots: Vec<(u32, u32)>,
    stamp: u32,
}

impl Counter {
    /// The n-grams of a text in normal form, in the order of their first occurrence.
    #[inline]
    pub(super) fn count(&mut self, text: &str) -> Counted<'_> {
        let Self { words, runs, slots, stamp } = self;
        for list in [&mut *words, &mut *runs] {
            list.clear();
            list.shrink_to(FEW_SLOTS);
        }
        // Less than four n-grams a byte, and a table that is never full. What a long text needed is not kept for long.
        let wanted = (text.len().min(MAX_BYTES) * 4).next_power_of_two().max(1024);
        if slots.len() < wanted || slots.len() > wanted.max(FEW_SLOTS) || *stamp == u32::MAX {
            *slots = vec![(0, 0); wanted];
            *stamp = 0;
        }
        *stamp += 1;
        let mask = slots.len() - 1;
        each_ngram(text, |ngram| {
            let list = if ngram.kind == Kind::Word { &mut *words } else { &mut *runs };
            let mut at = (ngram.bucket as usize * 2 + ngram.kind as usize) & mask;
            loop {
                let slot = &mut slots[at];
                if slot.0 != *stamp {
                    *slot = (*stamp, list.len() as u32 * 2 + ngram.kind as u32);
                    list.push(ngram.bucket | 1 << BUCKET_BITS);
                    return;
                }
                let known = slot.1 & 1 == ngram.kind as u32;
                let entry = known.then(|| &mut list[(slot.1 >> 1) as usize]);
                if let Some(entry) = entry.filter(|entry| **entry & BUCKET_MASK == ngram.bucket) {
                    if *entry >> BUCKET_BITS < COUNT_MAX {
                        *entry += 1 << BUCKET_BITS;
                    }
                    return;
                }
                at = (at + 1) & mask;
            }
        });
        Counted { words, runs }
    }
}

/// The counted n-grams of many texts.
#[derive(Default)]
pub(super) struct Counts {
    packed: Vec<u32>,
    /// Where each text's words end, and its runs.
    ends: Vec<(usize, usize)>,
}

impl Counts {
    pub(super) fn push(&mut self, text: Counted<'_>) -> Result<()> {
        memory::reserve(&mut self.packed, text.len())?;
        memory::reserve(&mut self.ends, 1)?;
        self.packed.extend_from_slice(text.words);
        let words = self.packed.len();
        self.packed.extend_from_slice(text.runs);
        self.ends.push((words, self.packed.len()));
        Ok(())
    }

    pub(super) fn get(&self, text: usize) -> Counted<'_> {
        let start = if text == 0 { 0 } else { self.ends[text - 1].1 };
        let (words, runs) = self.ends[text];
        Counted { words: &self.packed[start..words], runs: &self.packed[words..runs] }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Bytes that it holds.
    pub(super) fn bytes(&self) -> usize {
        self.packed.len() * 4 + self.ends.len() * 16
    }

    /// Keeps the texts for which `keep` says so, in their order.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(usize) -> bool) {
        let (mut from, mut to, mut kept) = (0, 0, 0);
        for text in 0..self.ends.len() {
            let (words, end) = self.ends[text];
            if keep(text) {
                self.packed.copy_within(from..end, to);
                self.ends[kept] = (to + words - from, to + end - from);
                to += end - from;
                kept += 1;
            }
            from = end;
        }
        self.packed.truncate(to);
        self.ends.truncate(kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_are_counted_and_kinds_kept_apart() {
        let mut counter = Counter::default();
        let text = counter.count("go go go");
        let mut words: Vec<u32> = text.of(Kind::Word).map(|(_, count)| count).collect();
        words.sort_unstable();
        assert_eq!(words, [2, 3]);
        assert!(text.of(Kind::Run).all(|(_, count)| count == 3));
        assert_eq!(counter.count("").len(), 0);
    }

    #[test]
    fn texts_that_stay_keep_their_counts() {
        let (mut counter, mut counts) = (Counter::default(), Counts::default());
        for text in ["one two", "", "three", "one"] {
            counts.push(counter.count(text)).expect("memory");
        }
        let last: Vec<_> = counts.get(3).of(Kind::Run).collect();
        counts.retain(|text| text % 2 == 1);
        assert_eq!(counts.len(), 2);
        assert_eq!(counts.get(0).len(), 0);
        assert_eq!(counts.get(1).of(Kind::Run).collect::<Vec<_>>(), last);
    }
}
