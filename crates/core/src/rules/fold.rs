//! One folding for the literals of all rules and for the text, so that both meet in one automaton.
//!
//! The folding works character by character: fold(xy) = fold(x) fold(y). That alone makes the prefilter sound: if a
//! rule matches a piece of the text, the folded piece stands in the folded text, whatever table of cases is used. It
//! is the full default case folding of Unicode (ß to ss, İ to i and a dot), section 3.13 of the Unicode Standard,
//! definition D140 toCasefold; the table is that of the crate `caseless`.

use caseless::Caseless;

/// The folded form of a text, with the way back to the offsets of the text.
#[derive(Debug, Default)]
pub(super) struct Folded {
    text: String,
    /// For each folded byte, where its character begins in the text; empty for ASCII, where offsets are the same.
    origins: Vec<u32>,
}

impl Folded {
    /// Replaces the content by the folding of `text`, keeping the buffers.
    pub(super) fn set(&mut self, text: &str) {
        self.text.clear();
        self.origins.clear();
        if text.is_ascii() {
            self.text.push_str(text);
            self.text.make_ascii_lowercase();
            return;
        }
        for (offset, character) in text.char_indices() {
            fold_character(character, &mut self.text);
            self.origins.resize(self.text.len(), u32::try_from(offset).unwrap_or(u32::MAX));
        }
    }

    /// The folded text.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether the text before folding was ASCII.
    pub(super) fn is_ascii(&self) -> bool {
        self.origins.is_empty()
    }

    /// Byte offset in the text of the character that became the folded byte at `offset`.
    pub(super) fn origin(&self, offset: usize) -> u32 {
        // Past 4 GB of text u32 saturates; Postgres holds no value over 1 GB.
        self.origins.get(offset).copied().unwrap_or(u32::try_from(offset).unwrap_or(u32::MAX))
    }
}

/// Appends the folding of one character.
pub(super) fn fold_character(character: char, folded: &mut String) {
    if character.is_ascii() {
        folded.push(character.to_ascii_lowercase());
    } else {
        folded.extend(std::iter::once(character).default_case_fold());
    }
}

/// The folding of a whole string.
pub(super) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    text.chars().for_each(|character| fold_character(character, &mut folded));
    folded
}

#[cfg(test)]
mod tests {
    use super::{Folded, fold};

    #[test]
    fn folds_character_by_character() {
        assert_eq!(fold("Straße \u{212A} ſ İ"), "strasse k s i\u{307}");
        let mut folded = Folded::default();
        folded.set("Aß\u{212A}x");
        assert_eq!(folded.text(), "asskx");
        let origins: Vec<u32> = (0..5).map(|offset| folded.origin(offset)).collect();
        assert_eq!(origins, [0, 1, 1, 3, 6]);
        folded.set("ABC");
        assert!(folded.is_ascii() && folded.origin(2) == 2);
    }
}
