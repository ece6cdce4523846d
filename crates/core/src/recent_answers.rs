//! The stored answers that were read last, in bounded memory: two tables of [`crate::exact`], of which the older is forgotten once the
//! younger is full.

use crate::exact::{Exact, Known};
use crate::fingerprint::Fingerprint;

/// Answers for which there is room at once.
const FIRST: usize = 1000;

/// Answers by fingerprint, the later half of them at least.
#[derive(Debug)]
pub struct RecentAnswers {
    young: Exact,
    old: Exact,
    /// Bytes that each may have.
    most: usize,
}

impl RecentAnswers {
    /// None, and no memory yet. `bytes`: what they may have together.
    pub fn new(bytes: usize) -> Self {
        Self { young: Exact::default(), old: Exact::default(), most: bytes / 2 }
    }

    /// Adds what is known of a fingerprint that is not known here.
    pub fn add(&mut self, fingerprint: &Fingerprint, known: Known) {
        if self.young.bytes() == 0 && Exact::bytes_for(FIRST) <= self.most {
            self.young = Exact::with_capacity(FIRST);
        }
        if self.young.bytes_with_next() > self.most {
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
        }
        if self.young.bytes_with_next() <= self.most {
            self.young.add(fingerprint, known);
        }
    }

    /// What is known of a fingerprint.
    pub fn get(&self, fingerprint: &Fingerprint) -> Option<Known> {
        self.young.get(fingerprint).or_else(|| self.old.get(fingerprint))
    }

    /// Bytes held now.
    pub fn bytes(&self) -> usize {
        self.young.bytes() + self.old.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cascade::Guess;
    use crate::fingerprint::{Audience, Fingerprinter, Target};
    use crate::normalise::Case;

    fn fingerprint(i: i32) -> Fingerprint {
        Fingerprinter::new(Audience::Tenant(""), Target::Taxonomy(1), Case::Folded).fingerprint(&i.to_string())
    }

    fn taught(category: i32) -> Known {
        Known::Answer(Guess { category, confidence: 1.0 })
    }

    #[test]
    fn the_last_are_known_the_first_forgotten_and_memory_bounded() {
        let bytes = 200_000;
        let mut answers = RecentAnswers::new(bytes);
        assert_eq!(answers.bytes(), 0);
        for i in 0..50_000 {
            answers.add(&fingerprint(i), taught(i));
            assert!(answers.bytes() <= bytes, "{} bytes", answers.bytes());
            // A table grows by half as many again, as long as that fits.
            for known in (i - 2000..=i).step_by(400).filter(|known| *known >= 0) {
                assert_eq!(answers.get(&fingerprint(known)), Some(taught(known)), "{known} after {i}");
            }
        }
        assert!((0..30_000).all(|i| answers.get(&fingerprint(i)).is_none()));
        assert!((50_000..60_000).all(|i| answers.get(&fingerprint(i)).is_none()));
    }

    #[test]
    fn little_memory_holds_few_and_none_none() {
        for bytes in [0, 1, 64, 500, 2000] {
            let mut answers = RecentAnswers::new(bytes);
            (0..100).for_each(|i| answers.add(&fingerprint(i), Known::Elsewhere));
            assert!(answers.bytes() <= bytes, "{} of {bytes} bytes", answers.bytes());
            let known = (0..100).filter(|i| answers.get(&fingerprint(*i)) == Some(Known::Elsewhere)).count();
            assert!(known <= bytes / 16, "{known} in {bytes} bytes");
            assert!(bytes < 2000 || known > 0, "none in {bytes} bytes");
        }
    }
}
