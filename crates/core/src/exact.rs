//! Many stored answers in memory, by their fingerprints: what a statement that asks for a large part of them reads once
//! instead of looking up one by one.

use crate::cascade::{CategoryId, Guess};
use crate::fingerprint::Fingerprint;
use hashbrown::{HashSet, HashTable};

/// Half of a fingerprint. What is told apart by SHA-256 is told apart by 128 bits of it.
type Key = [u8; 16];

#[derive(Debug)]
struct Entry {
    key: Key,
    category: CategoryId,
    confidence: f32,
}

/// What is known of a fingerprint.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Known {
    /// The answer.
    Answer(Guess),
    /// There is an answer, of which more has to be read where it is stored.
    Elsewhere,
}

/// Answers by fingerprint: end to end as they were added, with a table of their numbers. Who asks in the order in which they were
/// stored finds neighbours side by side, and the table itself is small enough for a processor's cache.
#[derive(Debug, Default)]
pub struct Exact {
    answers: Vec<Entry>,
    numbers: HashTable<u32>,
    elsewhere: HashSet<Key>,
}

impl Exact {
    /// Room for about so many answers.
    pub fn with_capacity(answers: usize) -> Self {
        Self {
            answers: Vec::with_capacity(answers),
            numbers: HashTable::with_capacity(answers),
            elsewhere: HashSet::new(),
        }
    }

    /// Bytes that so many answers take: places of the table are a power of two, of which seven in eight are filled.
    pub const fn bytes_for(answers: usize) -> usize {
        answers * size_of::<Entry>() + (answers * 8 / 7 + 1).next_power_of_two() * (size_of::<u32>() + 1)
    }

    /// Bytes held now.
    pub fn bytes(&self) -> usize {
        let answers = self.answers.capacity() * size_of::<Entry>();
        answers + self.numbers.allocation_size() + self.elsewhere.allocation_size()
    }

    /// Adds what is known of a fingerprint that was not added before.
    pub fn add(&mut self, fingerprint: &Fingerprint, known: Known) {
        let key = key(fingerprint);
        match (known, u32::try_from(self.answers.len())) {
            (Known::Answer(Guess { category, confidence }), Ok(number)) => {
                self.answers.push(Entry { key, category, confidence });
                let answers = &self.answers;
                self.numbers.insert_unique(hash(&key), number, |number| hash(&answers[*number as usize].key));
            }
            // Where there are more answers than numbers, what is left is looked up where it is stored.
            (Known::Elsewhere, _) | (_, Err(_)) => _ = self.elsewhere.insert(key),
        }
    }

    /// What is known of a fingerprint.
    pub fn get(&self, fingerprint: &Fingerprint) -> Option<Known> {
        let key = key(fingerprint);
        let number = self.numbers.find(hash(&key), |number| self.answers[*number as usize].key == key);
        if let Some(entry) = number.map(|number| &self.answers[*number as usize]) {
            return Some(Known::Answer(Guess { category: entry.category, confidence: entry.confidence }));
        }
        (!self.elsewhere.is_empty() && self.elsewhere.contains(&key)).then_some(Known::Elsewhere)
    }
}

fn key(fingerprint: &Fingerprint) -> Key {
    let mut key = Key::default();
    key.copy_from_slice(&fingerprint.0[..16]);
    key
}

/// The bytes are evenly spread already.
fn hash(key: &Key) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(&key[..8]);
    u64::from_le_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::{Audience, Fingerprinter, Target};
    use crate::normalise::Case;

    #[test]
    fn what_was_added_is_known_and_nothing_else() {
        let keys = Fingerprinter::new(Audience::Tenant(""), Target::Taxonomy(1), Case::Folded);
        let of = |i: i32| keys.fingerprint(&format!("title {i}"));
        let mut exact = Exact::with_capacity(10);
        let guess = |i: i32| Guess { category: i, confidence: i as f32 / 1e6 };
        for i in 0..10_000 {
            let known = if i % 10 == 0 { Known::Elsewhere } else { Known::Answer(guess(i)) };
            exact.add(&of(i), known);
        }
        for i in 0..10_000 {
            let known = if i % 10 == 0 { Known::Elsewhere } else { Known::Answer(guess(i)) };
            assert_eq!(exact.get(&of(i)), Some(known));
        }
        assert!((10_000..20_000).all(|i| exact.get(&of(i)).is_none()));
        assert!(exact.bytes() <= Exact::bytes_for(9_000) + 64 * 1024, "{} bytes", exact.bytes());
    }
}
