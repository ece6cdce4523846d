//! Stored answers that several processes gather in one piece of memory, each a part of them, and that all ask once they have: what
//! [`crate::exact`] is to one process.
//!
//! Words are written without any order among each other. Who asks must have heard from all that add, through something that orders
//! memory, that they have ended.

use crate::exact::{Known, entry, first_place, key, known, next_place, places_for};
use crate::fingerprint::Fingerprint;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Words of a place.
const PLACE: usize = 2;

/// Places that a search goes through before it says that there is no room: where three in four are taken, so many never follow each
/// other.
const FAR: usize = 4096;

/// A table of answers by fingerprint, of a fixed size.
#[derive(Debug, Clone, Copy)]
pub struct SharedExact<'a> {
    words: &'a [AtomicU64],
}

impl<'a> SharedExact<'a> {
    /// Words that so many answers take.
    pub const fn words_for(answers: usize) -> usize {
        places_for(answers) * PLACE
    }

    /// The table over these words, as many as [`Self::words_for`] has said.
    pub fn over(words: &'a [AtomicU64]) -> Self {
        Self { words }
    }

    /// Makes it empty, before anybody adds or asks.
    pub fn clear(&self) {
        self.words.iter().for_each(|word| word.store(0, Relaxed));
    }

    /// Adds what is known of a fingerprint that nobody has added before; whether there was room for it.
    #[must_use]
    pub fn add(&self, fingerprint: &Fingerprint, known: Known) -> bool {
        let Some(entry) = entry(fingerprint, known) else { return true };
        let mut at = first_place(&entry, self.places());
        for _ in 0..self.places().min(FAR) {
            let (first, second) = self.place(at);
            if first.load(Relaxed) == 0 && first.compare_exchange(0, entry[0], Relaxed, Relaxed).is_ok() {
                second.store(entry[1], Relaxed);
                return true;
            }
            at = next_place(at, self.places());
        }
        false
    }

    /// What is known of a fingerprint.
    pub fn get(&self, fingerprint: &Fingerprint) -> Option<Known> {
        let key = key(fingerprint);
        let mut at = first_place(&key, self.places());
        for _ in 0..self.places().min(FAR) {
            let (first, second) = self.place(at);
            let entry = [first.load(Relaxed), second.load(Relaxed)];
            if entry[0] == 0 {
                return None;
            }
            if let Some(known) = known(&entry, &key) {
                return Some(known);
            }
            at = next_place(at, self.places());
        }
        None
    }

    fn places(&self) -> usize {
        self.words.len() / PLACE
    }

    fn place(&self, at: usize) -> (&AtomicU64, &AtomicU64) {
        (&self.words[at * PLACE], &self.words[at * PLACE + 1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cascade::Guess;
    use crate::fingerprint::{Audience, Fingerprinter, Target};
    use crate::normalise::Case;

    fn words(answers: usize) -> Vec<AtomicU64> {
        (0..SharedExact::words_for(answers)).map(|_| AtomicU64::new(u64::MAX)).collect()
    }

    fn keys() -> impl Fn(usize) -> Fingerprint {
        let keys = Fingerprinter::new(Audience::Tenant(""), Target::Taxonomy(1), Case::Folded);
        move |i| keys.fingerprint(&format!("title {i}"))
    }

    fn of(i: usize) -> Known {
        let guess = Guess { category: i as i32, confidence: 1.0 };
        if i.is_multiple_of(10) { Known::Elsewhere } else { Known::Answer(guess) }
    }

    #[test]
    fn what_several_add_at_once_is_known_to_all_and_nothing_else() {
        const ALL: usize = 40_000;
        let words = words(ALL);
        let table = SharedExact::over(&words);
        table.clear();
        std::thread::scope(|scope| {
            for part in 0..4 {
                scope.spawn(move || {
                    let key = keys();
                    (part..ALL).step_by(4).for_each(|i| assert!(table.add(&key(i), of(i))));
                });
            }
        });
        let key = keys();
        assert!((0..ALL).all(|i| table.get(&key(i)) == Some(of(i))));
        assert!((ALL..2 * ALL).all(|i| table.get(&key(i)).is_none()));
    }

    #[test]
    fn more_than_there_is_room_for_is_told() {
        let words = words(100);
        let table = SharedExact::over(&words);
        table.clear();
        let key = keys();
        let added = (0..1000).take_while(|i| table.add(&key(*i), of(*i))).count();
        assert!((100..200).contains(&added), "{added}");
        assert!(!table.add(&key(5000), of(5)));
        assert!((0..added).all(|i| table.get(&key(i)) == Some(of(i))) && table.get(&key(5000)).is_none());
    }

    #[test]
    fn a_table_without_a_place_holds_nothing() {
        let table = SharedExact::over(&[]);
        table.clear();
        assert!(!table.add(&keys()(1), of(1)) && table.get(&keys()(1)).is_none());
    }
}
