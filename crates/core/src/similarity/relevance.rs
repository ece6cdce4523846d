//! Which differences matter: learnt from labelled texts and their nearest neighbours.

use super::guard::{Features, Kind};
use crate::cascade::CategoryId;
use crate::quality::is_bounded;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Cosine from which two texts are a pair to learn from: what answers is rarely further away.
pub const NEAR: f32 = 0.75;

/// Pairs that differ in a kind, from which a category is judged by its own.
const ENOUGH: u32 = 30;

/// How sure it must be that a difference does not matter.
const CONFIDENCE: f64 = 0.9;

/// How many more of the pairs that differ may be of two categories, beside those that do not differ.
const SLACK: f64 = 0.03;

/// A labelled text and its nearest neighbour.
#[derive(Debug, Clone, Copy)]
pub struct Pair<'a> {
    /// The text in normal form (case folded).
    pub text: &'a str,
    /// That of its neighbour.
    pub neighbour: &'a str,
    /// The neighbour's category.
    pub category: CategoryId,
    /// Whether the text has another one.
    pub apart: bool,
}

/// What was seen of pairs that differ in a kind, or in none.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    pairs: u32,
    apart: u32,
}

impl Seen {
    fn add(&mut self, apart: bool) {
        self.pairs = self.pairs.saturating_add(1);
        self.apart = self.apart.saturating_add(u32::from(apart));
    }
}

/// Which differences matter: what is not known to be harmless does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Relevance {
    /// Kinds that do not matter in general.
    harmless: BTreeSet<Kind>,
    /// Categories that were judged by their own pairs: which kinds, and whether they matter there.
    categories: BTreeMap<CategoryId, BTreeMap<Kind, bool>>,
}

impl Relevance {
    /// Learns from pairs of texts that are near each other, a cosine of at least [`NEAR`]. A kind does not matter where the
    /// pairs say that texts are hardly more often apart with the difference than without; a category with enough pairs
    /// is judged by its own.
    pub fn learn<'a>(pairs: impl IntoIterator<Item = Pair<'a>>) -> Self {
        let (mut all, mut alike) = (BTreeMap::<Kind, Seen>::new(), Seen::default());
        let mut by_category = BTreeMap::<(CategoryId, Kind), Seen>::new();
        for pair in pairs {
            let (ours, theirs) = (Features::of(pair.text), Features::of(pair.neighbour));
            let mut kinds = ours.differences(&theirs).peekable();
            if kinds.peek().is_none() {
                alike.add(pair.apart);
            }
            for kind in kinds {
                all.entry(kind).or_default().add(pair.apart);
                by_category.entry((pair.category, kind)).or_default().add(pair.apart);
            }
        }
        let tolerated = f64::from(alike.apart) / f64::from(alike.pairs.max(1)) + SLACK;
        let is_harmless = |seen: &Seen| is_bounded(seen.apart, seen.pairs, tolerated, CONFIDENCE);
        let mut relevance = Self::default();
        relevance.harmless.extend(all.iter().filter(|(_, seen)| is_harmless(seen)).map(|(kind, _)| *kind));
        for ((category, kind), seen) in by_category.iter().filter(|(_, seen)| seen.pairs >= ENOUGH) {
            relevance.categories.entry(*category).or_default().insert(*kind, !is_harmless(seen));
        }
        relevance
    }

    /// Whether a difference of this kind may mean another category than this one.
    pub fn matters(&self, kind: Kind, category: CategoryId) -> bool {
        let own = self.categories.get(&category).and_then(|kinds| kinds.get(&kind));
        own.copied().unwrap_or_else(|| !self.harmless.contains(&kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pairs of a category whose numbers differ, of which every `apart`th is of two categories.
    fn numbered(pairs: u32, apart: u32, category: CategoryId) -> impl Iterator<Item = Pair<'static>> {
        (0..pairs).map(move |i| Pair {
            text: "pen 1",
            neighbour: "pen 2",
            category,
            apart: apart > 0 && i.is_multiple_of(apart),
        })
    }

    /// Pairs without a difference, of one category.
    fn alike(pairs: u32) -> impl Iterator<Item = Pair<'static>> {
        (0..pairs).map(|_| Pair { text: "red pen", neighbour: "blue pen", category: 1, apart: false })
    }

    fn learnt(pairs: u32, apart: u32) -> Relevance {
        Relevance::learn(numbered(pairs, apart, 1).chain(alike(pairs)))
    }

    #[test]
    fn every_difference_matters_until_it_is_known_not_to() {
        assert!(Kind::ALL.iter().all(|kind| Relevance::default().matters(*kind, 1)));
        assert!(learnt(20, 0).matters(Kind::Number, 1), "twenty pairs prove little");
        assert!(!learnt(200, 0).matters(Kind::Number, 1));
        assert!(!learnt(200, 0).matters(Kind::Number, 9), "nor elsewhere");
        assert!(learnt(200, 0).matters(Kind::Code, 1), "of codes nothing is known");
        assert!(learnt(200, 4).matters(Kind::Number, 1), "a quarter are something else");
    }

    #[test]
    fn a_category_with_pairs_of_its_own_is_judged_by_them() {
        let pairs = numbered(4000, 0, 1).chain(numbered(40, 1, 2)).chain(alike(400));
        let relevance = Relevance::learn(pairs);
        assert!(!relevance.matters(Kind::Number, 1));
        assert!(relevance.matters(Kind::Number, 2));
        assert!(!relevance.matters(Kind::Number, 3), "the others are like most");
    }

    #[test]
    fn what_is_stored_reads_the_same() {
        let relevance = Relevance::learn(numbered(4000, 0, 1).chain(numbered(40, 1, 2)));
        let stored = serde_json::to_value(&relevance).expect("plain names and flags");
        assert_eq!(stored["categories"]["2"]["number"], true);
        assert_eq!(serde_json::from_value::<Relevance>(stored).expect("as it was written"), relevance);
        let empty: Relevance = serde_json::from_str("{}").expect("nothing is known");
        assert!(empty.matters(Kind::Number, 1));
    }
}
