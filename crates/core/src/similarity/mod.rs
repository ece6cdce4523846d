//! Tier 5: what the nearest earlier answers say of a text, and whether that may be believed.
//!
//! Vectors blur what a word of difference changes: an iPhone 15 is near an iPhone 14, and near a case for it. So the nearest
//! neighbours vote, weighted by how near they are and by who said it ([`judge`]), and a lexical [`guard`] looks at what
//! separates the text from the nearest of those that won. What the guard may overlook is learnt from the taxonomy's own
//! examples ([`Relevance`]). How sure an answer has to be is for [`crate::quality`] to say.

pub mod guard;
mod judgement;
mod nearest;
mod relevance;
pub mod trials;

pub use guard::Veto;
pub use judgement::{Judgement, NEIGHBOURS, Neighbour, Voice, judge};
pub use nearest::Vectors;
pub use relevance::{NEAR, Pair, Relevance};
