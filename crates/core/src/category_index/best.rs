//! The best category of a text by words and meaning together, and how likely it is right.

use super::calibration::Features;
use super::{CategoryIndex, Scratch};
use crate::cascade::Guess;
use crate::lexical::keep_best;

/// What the index says of one text.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// The best categories, best first, at most three; the first bears the calibrated confidence.
    pub guesses: Vec<Guess>,
    /// The words and phrases that spoke for the best, strongest first; none where only its meaning did.
    pub evidence: Vec<String>,
    /// What the confidence was computed from.
    pub features: Features,
}

/// How much a cosine of 1 counts, in units of a word that only one category uses. Chosen on the labelled part of the sample;
/// from 1 to 3 it makes little difference, there and elsewhere.
const MEANING: f32 = 1.5;

/// Where no word is known, how near the nearest category has to be for a guess: syllables of what nobody knows are near to
/// something, too.
const NEAR: f32 = 0.3;

/// Guesses of a match.
const GUESSES: usize = 3;

impl CategoryIndex {
    /// The best categories for a text in normal form (case folded); `None` where nothing speaks for any.
    pub fn best(&self, text: &str, scratch: &mut Scratch) -> Option<Match> {
        let Scratch { words, ranked, near, merged, .. } = scratch;
        let heard = self.words.rank(text, usize::MAX, words, ranked);
        self.vectors.cosines(text, near);
        merged.clear();
        merged.resize(self.ids.len(), 0.0);
        near.iter().for_each(|(at, cosine)| merged[*at as usize] = MEANING * cosine.max(0.0));
        ranked.iter().for_each(|(at, score)| merged[*at as usize] += score);
        let mut top: Vec<(u32, f32)> = (0..).zip(merged.iter().copied()).filter(|(_, score)| *score > 0.0).collect();
        keep_best(&mut top, GUESSES);
        let (first, score) = *top.first()?;
        if ranked.is_empty() && score < MEANING * NEAR {
            return None;
        }
        let own = |list: &[(u32, f32)]| list.iter().find(|(at, _)| *at == first).map_or(0.0, |(_, value)| *value);
        let sum: f32 = ranked.iter().map(|(_, score)| score).sum();
        let (own_words, cosine) = (own(ranked), own(near).max(0.0));
        let others = near.iter().filter(|(at, _)| *at != first).fold(0.0f32, |most, (_, other)| most.max(*other));
        let features = Features {
            words: own_words,
            share: if sum > 0.0 { own_words / sum } else { 0.0 },
            margin: (score - top.get(1).map_or(0.0, |second| second.1)) / score,
            known: heard.known,
            label: self.words.label_share(&heard, first),
            cosine,
            nearer: (cosine - others).max(0.0),
        };
        let confidence = features.confidence(self.curve);
        let guess = |(at, other): &(u32, f32)| Guess {
            category: self.ids[*at as usize],
            confidence: confidence * other / score,
        };
        let guesses = top.iter().map(guess).collect();
        Some(Match { guesses, evidence: self.words.evidence(&heard, first), features })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lexical::Document;
    use proptest::prelude::*;

    fn index() -> CategoryIndex {
        let document = |id, path: &[&str], description: &str, examples: &[&str]| Document {
            id,
            labels: path.iter().map(|s| (*s).to_owned()).collect(),
            description: description.to_owned(),
            examples: examples.iter().map(|s| (*s).to_owned()).collect(),
            inner: false,
        };
        CategoryIndex::new(&[
            document(1, &["Footwear"], "Shoes and boots", &["shoes"]),
            document(2, &["Footwear", "Sneakers"], "Casual shoes", &["sneakers", "air max"]),
            document(3, &["Phones", "Phone Cases"], "Covers for phones", &["phone case", "back cover"]),
            document(4, &["Phones", "Smartphones"], "Mobile phones", &["iphone", "galaxy s24"]),
        ])
    }

    #[test]
    fn a_phrase_finds_its_category_and_says_so() {
        let found = index().best("nike air max 270", &mut Scratch::default()).unwrap();
        assert_eq!(found.guesses[0].category, 2);
        assert_eq!(found.evidence[0], "air max");
    }

    #[test]
    fn an_accessory_is_not_the_device_it_is_for() {
        let found = index().best("silicone case for iphone 15", &mut Scratch::default()).unwrap();
        assert_eq!(found.guesses[0].category, 3, "{found:?}");
    }

    #[test]
    fn without_a_known_word_meaning_guesses_and_is_not_sure() {
        let found = index().best("cellular telephone", &mut Scratch::default()).unwrap();
        assert!([3, 4].contains(&found.guesses[0].category) && found.evidence.is_empty(), "{found:?}");
        assert!(found.guesses[0].confidence < 0.7, "{found:?}");
    }

    #[test]
    fn what_says_nothing_matches_nothing() {
        assert_eq!(index().best("", &mut Scratch::default()), None);
        assert_eq!(index().best("zzz qqq", &mut Scratch::default()), None);
        assert_eq!(CategoryIndex::new(&[]).best("shoe", &mut Scratch::default()), None);
    }

    proptest! {
        #[test]
        fn confidence_is_a_probability_and_scratch_stays_clean(
            text in "(air|max|phone|case|shoe|galaxy|[a-z]{1,4}|,|for| ){0,20}"
        ) {
            let index = index();
            let mut scratch = Scratch::default();
            if let Some(found) = index.best(&text, &mut scratch) {
                prop_assert!(found.guesses.iter().all(|g| (0.0..=1.0).contains(&g.confidence)), "{:?}", found);
                prop_assert_eq!(Some(found), index.best(&text, &mut scratch));
            }
        }
    }
}
