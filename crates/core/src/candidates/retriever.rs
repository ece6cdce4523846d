//! Who finds the likely categories of a text.

use crate::cascade::CategoryId;
use crate::lexical::{LexicalIndex, Scratch};
use crate::normalise::{Case, normalise};
use std::fmt::Debug;

/// Bytes of a text that are looked at: more than the words that count.
const READ_BYTES: usize = 16 * 1024;

/// Ranks the categories of one taxonomy by how likely they are for a text. The same text has the same ranking.
pub trait Retriever: Debug + Send + Sync {
    /// At most so many categories, the likeliest first. `hints` are what the free tiers guess, best first: those that are
    /// categories are among them. Those of which nothing is known are left out.
    fn shortlist(&self, text: &str, hints: &[CategoryId], most: usize) -> Vec<CategoryId>;
}

/// By the words that a text shares with categories.
#[derive(Debug)]
pub struct Words(LexicalIndex);

impl Words {
    /// By the words of this index.
    pub fn new(index: LexicalIndex) -> Self {
        Self(index)
    }
}

impl Retriever for Words {
    fn shortlist(&self, text: &str, hints: &[CategoryId], most: usize) -> Vec<CategoryId> {
        // A character has four bytes at most.
        let ends = (READ_BYTES..READ_BYTES + 4).find(|end| text.is_char_boundary(*end));
        let text = ends.filter(|end| *end < text.len()).map_or(text, |end| &text[..end]);
        let ranked = self.0.rank(&normalise(text, Case::Folded), most, &mut Scratch::default());
        hints.iter().copied().chain(ranked).collect()
    }
}
