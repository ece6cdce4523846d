//! The lists of `all_words` and `any_word`: how they are read, and what a whole word is.
//!
//! Syntax. The pattern is NFKC-normalised. If it has a comma, commas separate the items and an item may be a phrase
//! (`running shoes, trainers`; white space inside a phrase is one space); without a comma, white space separates them.
//! Empty items (`a,,b`) are ignored. There is no quoting: an item cannot have a comma, write a `regex` for that.
//!
//! Whole words. Item and text are case-folded alike. An occurrence counts when neither neighbour belongs to a word:
//! not alphanumeric (Unicode Alphabetic or Numeric) and not a combining mark, which belongs to the letter before it.
//! So `t-shirt`, `3.5mm`, `usb-c` and `c++` are words like others, `usb` occurs in `USB-C`, and `3` in `3.5mm` but not
//! in `35`. Scripts written without spaces have no word edges of that kind; rules for them are `regex` rules.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::fold::fold;
use crate::error::{Error, Result};

/// The folded items of a list, in order of appearance, without repeats.
///
/// # Errors
/// `InvalidParameter` for a list without items, and for an item of ASCII punctuation only.
pub(super) fn parse_items(pattern: &str) -> Result<Vec<String>> {
    let normalised: String = pattern.nfkc().collect();
    let pieces: Vec<&str> = if normalised.contains(',') {
        normalised.split(',').collect()
    } else {
        normalised.split_whitespace().collect()
    };
    let mut items: Vec<String> = Vec::with_capacity(pieces.len());
    let mut seen = hashbrown::HashSet::new();
    for piece in pieces {
        let item = piece.split_whitespace().collect::<Vec<_>>().join(" ");
        if item.is_empty() {
            continue;
        }
        if item.chars().all(|character| character.is_ascii_punctuation() || character == ' ') {
            return Err(Error::invalid("invalid rule pattern: an item of the word list is not a word")
                .detail(format!("The item \"{item}\" has no letter and no digit."))
                .hint("Remove the item, or write a rule of kind \"regex\" to match punctuation."));
        }
        let folded = fold(&item);
        if seen.insert(folded.clone()) {
            items.push(folded);
        }
    }
    if items.is_empty() {
        return Err(Error::invalid("invalid rule pattern: the word list is empty")
            .hint("Give at least one word; separate words by white space, or words and phrases by commas."));
    }
    Ok(items)
}

/// Whether the occurrence `start..end` (bytes) of an item in a folded text has no word character on either side.
pub(super) fn is_whole_word(folded: &str, start: usize, end: usize) -> bool {
    let bytes = folded.as_bytes();
    // One byte decides for ASCII neighbours, which nearly all are.
    let before = match start.checked_sub(1).map(|offset| bytes[offset]) {
        None => false,
        Some(byte) if byte.is_ascii() => byte.is_ascii_alphanumeric(),
        Some(_) => folded[..start].chars().next_back().is_some_and(belongs_to_word),
    };
    let after = match bytes.get(end) {
        None => false,
        Some(byte) if byte.is_ascii() => byte.is_ascii_alphanumeric(),
        Some(_) => folded[end..].chars().next().is_some_and(belongs_to_word),
    };
    !before && !after
}

/// Whether a folded item occurs in a folded text as a whole word.
pub(super) fn contains_word(folded: &str, item: &str) -> bool {
    let step = item.chars().next().map_or(1, char::len_utf8);
    let mut from = 0;
    while let Some(found) = folded.get(from..).and_then(|rest| rest.find(item)) {
        let start = from + found;
        if is_whole_word(folded, start, start + item.len()) {
            return true;
        }
        from = start + step;
    }
    false
}

fn belongs_to_word(character: char) -> bool {
    character.is_alphanumeric() || is_combining_mark(character)
}

#[cfg(test)]
mod tests {
    use super::{contains_word, parse_items};
    use crate::error::ErrorKind;
    use crate::rules::fold::fold;

    #[test]
    fn commas_make_phrases_and_white_space_makes_words() {
        assert_eq!(parse_items(" Running  shoes ").unwrap(), ["running", "shoes"]);
        assert_eq!(parse_items("running \t shoes, trainers").unwrap(), ["running shoes", "trainers"]);
        assert_eq!(parse_items("running shoes,").unwrap(), ["running shoes"]);
        assert_eq!(parse_items("a,,b , a").unwrap(), ["a", "b"]);
        assert_eq!(parse_items("\u{FF35}\u{FF33}\u{FF22}\u{FF0C}straße").unwrap(), ["usb", "strasse"]);
    }

    #[test]
    fn lists_without_words_are_refused() {
        for pattern in ["", " ", ",", " , ,", "\u{3000}", "shoes - boots", "&, cups"] {
            let error = parse_items(pattern).unwrap_err();
            assert_eq!(error.kind, ErrorKind::InvalidParameter, "{pattern}");
            assert!(error.hint.is_some());
        }
    }

    #[test]
    fn whole_words_have_no_alphanumeric_neighbour() {
        let table = [
            ("USB-C cable", "usb-c", true),
            ("USB-C cable", "usb", true),
            ("usb-cable", "usb-c", false),
            ("3.5mm jack", "3.5mm", true),
            ("13.5mm jack", "3.5mm", false),
            ("C++11", "c++", false),
            ("C++ book", "c++", true),
            ("usb_c", "usb", true),
            ("shoeshoe shoe", "shoe", true),
            ("aaa", "a", false),
            ("STRASSE", "straße", true),
            ("Straße", "s", false),
            ("İ", "i", false),
            ("Ärger", "rger", false),
            ("café-bar", "café", true),
            ("🎁 box", "🎁", true),
        ];
        for (text, item, expected) in table {
            assert_eq!(contains_word(&fold(text), &fold(item)), expected, "{item} in {text}");
        }
    }
}
