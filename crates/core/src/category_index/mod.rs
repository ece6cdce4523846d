//! Which categories of a taxonomy a text may belong to: a short list from any number of them, by words and by meaning.
//!
//! Words find what a category names; vectors find what is named otherwise (`sofa`, `couch`). The two rankings are of no
//! common scale, so they are merged by rank (Cormack, Clarke and Büttcher 2009), together with what others guess: a
//! trained model, the categories of similar texts.

mod best;
pub mod calibration;
mod fusion;
mod vectors;

pub use best::Match;

use crate::cascade::CategoryId;
use crate::lexical::{self, Document, LexicalIndex};
use calibration::{Curve, DESCRIBED, LABELS_ONLY};
use fusion::Fusion;
use vectors::CategoryVectors;

/// An index over the live categories of one taxonomy.
#[derive(Debug)]
pub struct CategoryIndex {
    ids: Vec<CategoryId>,
    /// Where each category stands, by its id.
    places: Vec<(CategoryId, u32)>,
    words: LexicalIndex,
    vectors: CategoryVectors,
    curve: &'static Curve,
}

/// A category that a text may belong to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// The category.
    pub category: CategoryId,
    /// What it was ranked by; comparable within one list only.
    pub score: f32,
}

/// Buffers that live across calls.
#[derive(Debug, Default)]
pub struct Scratch {
    words: lexical::Scratch,
    ranked: Vec<(u32, f32)>,
    near: Vec<(u32, f32)>,
    merged: Vec<f32>,
    fusion: Fusion,
}

/// How much deeper than the wanted list the rankings are read: what is second in both comes before what is first in one.
const DEPTH: usize = 5;

/// How much hints count, beside words and meaning each: the first of them stands before what those two agree on.
const HINTS: f32 = 2.0;

impl CategoryIndex {
    /// Indexes the categories: a hash table of words, and 260 bytes a category.
    pub fn new(documents: &[Document]) -> Self {
        let mut places: Vec<_> = documents.iter().zip(0..).map(|(d, at)| (d.id, at)).collect();
        places.sort_unstable();
        Self {
            places,
            ids: documents.iter().map(|d| d.id).collect(),
            words: LexicalIndex::new(documents),
            vectors: CategoryVectors::new(documents),
            curve: if are_described(documents) { &DESCRIBED } else { &LABELS_ONLY },
        }
    }

    /// Whether most of the categories have a description or typical words.
    pub fn is_described(&self) -> bool {
        std::ptr::eq(self.curve, &DESCRIBED)
    }

    /// Whether there is nothing to match.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The best `k` categories for a text in normal form (case folded), best first; fewer where fewer are known, none for a
    /// text that says nothing.
    pub fn rank(&self, text: &str, k: usize, scratch: &mut Scratch) -> Vec<Candidate> {
        self.merged(text, &[], k, scratch)
    }

    /// The same with `hints`: categories that others guess, the likeliest first, each once.
    pub fn shortlist(&self, text: &str, hints: &[CategoryId], k: usize, scratch: &mut Scratch) -> Vec<CategoryId> {
        self.merged(text, hints, k, scratch).into_iter().map(|candidate| candidate.category).collect()
    }

    fn merged(&self, text: &str, hints: &[CategoryId], k: usize, scratch: &mut Scratch) -> Vec<Candidate> {
        let Scratch { words, ranked, fusion, .. } = scratch;
        fusion.start(self.ids.len());
        let known = |hint: &CategoryId| {
            let at = self.places.binary_search_by_key(hint, |place| place.0).ok()?;
            Some(self.places[at].1)
        };
        fusion.add(hints.iter().filter_map(known), HINTS);
        let depth = k.saturating_mul(DEPTH);
        self.words.rank(text, depth, words, ranked);
        fusion.add(ranked.iter().map(|r| r.0), 1.0);
        self.vectors.rank(text, depth, ranked);
        fusion.add(ranked.iter().map(|r| r.0), 1.0);
        let merged = fusion.take(k);
        merged.into_iter().map(|(at, score)| Candidate { category: self.ids[at as usize], score }).collect()
    }
}

/// Whether most of the categories have more than a label. Inner nodes often come by themselves, without a description.
fn are_described(documents: &[Document]) -> bool {
    let leaves = || documents.iter().filter(|d| !d.inner);
    let described = leaves().filter(|d| !d.description.is_empty() || !d.examples.is_empty()).count();
    2 * described > leaves().count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn index() -> CategoryIndex {
        let document = |id, path: &str, examples: &[&str]| Document {
            id,
            labels: path.split(" > ").map(str::to_owned).collect(),
            examples: examples.iter().map(|s| (*s).to_owned()).collect(),
            ..Document::default()
        };
        CategoryIndex::new(&[
            document(7, "Furniture > Sofas", &[]),
            document(3, "Kitchen > Kettles", &[]),
            document(5, "Phones > Smartphones", &["iphone", "galaxy s24"]),
            document(4, "zzqx", &[]),
        ])
    }

    fn first(text: &str) -> Option<CategoryId> {
        index().rank(text, 1, &mut Scratch::default()).first().map(|candidate| candidate.category)
    }

    #[test]
    fn words_and_meaning_both_find_a_category() {
        assert_eq!(first("galaxy s24"), Some(5));
        assert_eq!(first("zzqx"), Some(4));
        assert_eq!(first("couch"), Some(7), "no word in common");
        assert_eq!(first(""), None);
    }

    #[test]
    fn hints_come_in_and_those_that_are_no_category_do_not() {
        let mut scratch = Scratch::default();
        let list = index().shortlist("couch", &[99, 4, -1], 2, &mut scratch);
        assert_eq!(list, [4, 7]);
        assert_eq!(index().shortlist("", &[4, 99], 2, &mut scratch), [4]);
        assert!(index().shortlist("couch", &[4], 0, &mut scratch).is_empty());
    }

    #[test]
    fn many_categories_of_one_name_are_a_list_like_another() {
        let document = |id| Document { id, labels: vec!["Shoes".to_owned()], ..Document::default() };
        let documents: Vec<Document> = (0..15_000).map(document).collect();
        let list = CategoryIndex::new(&documents).shortlist("shoes", &[14_999], 20, &mut Scratch::default());
        assert_eq!((list.len(), list.contains(&14_999)), (20, true));
    }

    proptest! {
        #[test]
        fn a_list_has_each_category_once_and_scratch_stays_clean(
            text in "(galaxy|sofa|zzqx|tea|[a-z]{1,4}| ){0,12}",
            hints in proptest::collection::vec(2..9, 0..4),
            k in 0usize..6
        ) {
            let index = index();
            let mut scratch = Scratch::default();
            let list = index.shortlist(&text, &hints, k, &mut scratch);
            let mut once = list.clone();
            once.sort_unstable();
            once.dedup();
            prop_assert!(once.len() == list.len() && list.len() <= k);
            prop_assert_eq!(index.shortlist(&text, &hints, k, &mut scratch), list);
        }
    }

    #[test]
    fn nothing_is_known_of_no_categories() {
        assert!(CategoryIndex::new(&[]).rank("sofa", 20, &mut Scratch::default()).is_empty());
    }
}
