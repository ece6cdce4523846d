//! Who finds the likely categories of a text.

use crate::cascade::CategoryId;
use crate::category_index::{CategoryIndex, Scratch};
use crate::normalise::{Case, normalise};
use std::fmt::Debug;

/// Bytes of a text that are looked at: as many as have a vector, and more than the words that count.
const READ_BYTES: usize = crate::embedding::MAX_BYTES;

/// Ranks the categories of one taxonomy by how likely they are for a text. The same text has the same ranking.
pub trait Retriever: Debug + Send + Sync {
    /// At most so many categories, the likeliest first. `hints` are what the free tiers guess, best first: those that are
    /// categories count as a ranking of their own. Those of which nothing is known are left out.
    fn shortlist(&self, text: &str, hints: &[CategoryId], most: usize) -> Vec<CategoryId>;
}

/// By words and by meaning.
impl Retriever for CategoryIndex {
    fn shortlist(&self, text: &str, hints: &[CategoryId], most: usize) -> Vec<CategoryId> {
        // A character has four bytes at most.
        let ends = (READ_BYTES..READ_BYTES + 4).find(|end| text.is_char_boundary(*end));
        let text = ends.filter(|end| *end < text.len()).map_or(text, |end| &text[..end]);
        Self::shortlist(self, &normalise(text, Case::Folded), hints, most, &mut Scratch::default())
    }
}
