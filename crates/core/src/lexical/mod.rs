//! Lexical matching: what the local model answers before anything has been learnt (its version 0).
//!
//! A title is compared with the words of each category: label, typical words (`examples`), description, and the labels
//! above it. Words count by their inverse document frequency (Spärck Jones 1972) and their place in the title; the
//! score becomes a probability by a logistic curve fitted to labelled titles (Platt 1999), see [`calibration`].

pub mod calibration;
mod index;
mod words;

pub(crate) use index::keep_best;
pub use index::{Document, LexicalIndex, Match, Scratch};
