//! The words of categories, and how well a text's words fit each.
//!
//! A text is compared with the words of each category: label, typical words (`examples`), description, and the labels above
//! it. Words count by their inverse document frequency (Spärck Jones 1972) and their place in the title.

mod index;
mod words;

pub(crate) use index::keep_best;
pub use index::{Document, LexicalIndex, Scratch};
