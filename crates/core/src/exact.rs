//! Many stored answers in memory, by their fingerprints: what a statement that asks for a large part of them reads once
//! instead of looking up one by one. [`crate::shared_exact`] is the same in memory that processes share.

use crate::cascade::Guess;
use crate::fingerprint::Fingerprint;

/// What is known of a fingerprint.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Known {
    /// The answer.
    Answer(Guess),
    /// There may be an answer, which has to be read where it is stored.
    Elsewhere,
    /// There is none.
    Nothing,
}

/// A fingerprint's first 96 bits, and who answers: 16 bytes, so that an answer is one touch of memory. What SHA-256 tells apart,
/// these bits tell apart, and nobody finds a text for given ones. Zeros are a free place.
pub(crate) type Entry = [u64; 2];

/// What stands in the place of a category where more has to be read.
const ELSEWHERE: u32 = u32::MAX;

/// The confidence of what people taught. Another one has to be read.
const TAUGHT: f32 = 1.0;

/// Answers by fingerprint, in one table with open addressing and linear probing.
#[derive(Debug, Default)]
pub struct Exact {
    entries: Vec<Entry>,
    answers: usize,
}

impl Exact {
    /// Room for about so many answers.
    pub fn with_capacity(answers: usize) -> Self {
        Self { entries: vec![[0; 2]; places_for(answers)], answers: 0 }
    }

    /// Bytes that so many answers take.
    pub const fn bytes_for(answers: usize) -> usize {
        places_for(answers) * size_of::<Entry>()
    }

    /// Answers that so many bytes hold.
    pub const fn answers_in(bytes: usize) -> usize {
        (bytes / size_of::<Entry>()).saturating_sub(4) / 4 * 3
    }

    /// Bytes held now.
    pub fn bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
    }

    /// Bytes that will be held once one more is added.
    pub fn bytes_with_next(&self) -> usize {
        self.places_with_next() * size_of::<Entry>()
    }

    /// Adds what is known of a fingerprint that was not added before.
    pub fn add(&mut self, fingerprint: &Fingerprint, known: Known) {
        let Some(entry) = entry(fingerprint, known) else { return };
        let places = self.places_with_next();
        self.answers += 1;
        if places > self.entries.len() {
            let small = std::mem::replace(&mut self.entries, vec![[0; 2]; places]);
            small.into_iter().filter(|entry| entry[0] != 0).for_each(|entry| self.place(entry));
        }
        self.place(entry);
    }

    /// Answers that are held.
    pub fn answers(&self) -> usize {
        self.answers
    }

    /// Forgets all; its memory stays.
    pub fn clear(&mut self) {
        self.entries.fill([0; 2]);
        self.answers = 0;
    }

    /// What is known of a fingerprint.
    pub fn get(&self, fingerprint: &Fingerprint) -> Option<Known> {
        let key = key(fingerprint);
        // One that holds nothing may have no places at all.
        let mut at = first_place(&key, self.entries.len());
        while let Some(entry) = self.entries.get(at).filter(|entry| entry[0] != 0) {
            if let Some(known) = known(entry, &key) {
                return Some(known);
            }
            at = next_place(at, self.entries.len());
        }
        None
    }

    /// Places once one more is added: by half as many again where there is no room, so that an estimate that was a little too low
    /// does not take twice the memory.
    fn places_with_next(&self) -> usize {
        let answers = self.answers + 1;
        if places_for(answers) > self.entries.len() { places_for(answers.max(16) / 2 * 3) } else { self.entries.len() }
    }

    fn place(&mut self, entry: Entry) {
        let mut at = first_place(&entry, self.entries.len());
        while self.entries[at][0] != 0 {
            at = next_place(at, self.entries.len());
        }
        self.entries[at] = entry;
    }
}

/// Places for so many answers, of which three in four are taken at most.
pub(crate) const fn places_for(answers: usize) -> usize {
    answers / 3 * 4 + 4
}

/// Where the search for an entry or a key begins among so many places: its bytes are evenly spread already.
pub(crate) fn first_place(key: &Entry, places: usize) -> usize {
    ((u128::from(key[0]) * places as u128) >> 64) as usize
}

/// Where it goes on.
pub(crate) fn next_place(at: usize, places: usize) -> usize {
    if at + 1 == places { 0 } else { at + 1 }
}

/// An entry without its category.
pub(crate) fn key(fingerprint: &Fingerprint) -> Entry {
    let word = |at: usize| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&fingerprint.0[at..at + 8]);
        u64::from_be_bytes(bytes)
    };
    // A place that begins with zeros is free.
    [word(0).max(1), word(8) & !u64::from(u32::MAX)]
}

/// What is kept of a fingerprint; nothing of one of which nothing is known.
pub(crate) fn entry(fingerprint: &Fingerprint, known: Known) -> Option<Entry> {
    let category = match known {
        Known::Answer(Guess { category, confidence }) if confidence == TAUGHT => category as u32,
        Known::Answer(_) | Known::Elsewhere => ELSEWHERE,
        Known::Nothing => return None,
    };
    let [first, second] = key(fingerprint);
    Some([first, second | u64::from(category)])
}

/// What an entry says, if it is that of the key.
pub(crate) fn known(entry: &Entry, key: &Entry) -> Option<Known> {
    let category = entry[1] as u32;
    let is_it = entry[0] == key[0] && entry[1] ^ key[1] == u64::from(category);
    is_it.then_some(match category {
        ELSEWHERE => Known::Elsewhere,
        category => Known::Answer(Guess { category: category as i32, confidence: TAUGHT }),
    })
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
        let added = |i: i32| match i % 10 {
            0 => Known::Elsewhere,
            1 => Known::Answer(Guess { category: i, confidence: 0.5 }),
            _ => Known::Answer(Guess { category: i, confidence: 1.0 }),
        };
        (0..10_000).for_each(|i| exact.add(&of(i), added(i)));
        exact.add(&of(10_000), Known::Nothing);
        for i in 0..10_000 {
            // What is no answer of a person's is read where it is stored.
            let known = if i % 10 == 1 { Known::Elsewhere } else { added(i) };
            assert_eq!(exact.get(&of(i)), Some(known));
        }
        assert!((10_000..20_000).all(|i| exact.get(&of(i)).is_none()));
        assert!(Exact::default().get(&of(0)).is_none());
        assert!(exact.bytes() <= 3 * Exact::bytes_for(10_000) / 2 + 64, "{} bytes", exact.bytes());
        let (same, fits) = (exact.bytes(), Exact::with_capacity(10_000).bytes());
        assert!(fits == Exact::bytes_for(10_000) && fits <= same, "{fits} of {same} bytes");
    }

    #[test]
    fn it_tells_before_it_grows() {
        let keys = Fingerprinter::new(Audience::Tenant(""), Target::Taxonomy(1), Case::Folded);
        let mut exact = Exact::with_capacity(100);
        let mut grown = 0;
        for i in 0..1_000 {
            let (before, told) = (exact.bytes(), exact.bytes_with_next());
            exact.add(&keys.fingerprint(&i.to_string()), Known::Elsewhere);
            assert_eq!(exact.bytes(), told, "answer {i}");
            grown += usize::from(told > before);
        }
        assert!((5..=7).contains(&grown), "it has grown {grown} times");
    }

    #[test]
    fn as_many_as_a_memory_holds_take_no_more() {
        assert_eq!(Exact::answers_in(0), 0);
        for bytes in (0..5_000).chain([64 << 10, 8 << 20, (8 << 20) + 63]) {
            let answers = Exact::answers_in(bytes);
            assert!(answers == 0 || Exact::bytes_for(answers) <= bytes, "{answers} in {bytes} bytes");
            assert!(Exact::bytes_for(answers + 3) > bytes, "{answers} in {bytes} bytes");
        }
    }

    #[test]
    fn what_was_forgotten_is_not_known_and_leaves_its_room() {
        let keys = Fingerprinter::new(Audience::Tenant(""), Target::Taxonomy(1), Case::Folded);
        let of = |i: i32| keys.fingerprint(&i.to_string());
        let mut exact = Exact::with_capacity(100);
        let bytes = exact.bytes();
        for round in 0..5 {
            let own = round * 100..round * 100 + 100;
            own.clone().for_each(|i| exact.add(&of(i), Known::Elsewhere));
            assert!((0..500).all(|i| exact.get(&of(i)).is_some() == own.contains(&i)), "round {round}");
            assert_eq!((exact.answers(), exact.bytes()), (100, bytes));
            exact.clear();
            assert_eq!(exact.answers(), 0);
        }
    }

    #[test]
    fn fingerprints_that_differ_in_a_bit_of_96_are_two() {
        let zero = Fingerprint([0; 32]);
        let guess = |category| Known::Answer(Guess { category, confidence: 1.0 });
        for bit in 0..96 {
            let mut other = zero;
            other.0[bit / 8] |= 1 << (bit % 8);
            // The first word of zeros is that of 1, so that a place with it is taken.
            let is_same = bit == 56;
            let mut exact = Exact::with_capacity(2);
            exact.add(&zero, guess(1));
            assert_eq!(exact.get(&other), is_same.then(|| guess(1)), "bit {bit}");
            exact.add(&other, guess(2));
            assert_eq!((exact.get(&zero), exact.get(&other).is_some()), (Some(guess(1)), true), "bit {bit}");
        }
    }
}
