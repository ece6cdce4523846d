//! When two titles are near-duplicates: they have the same words, whatever their order, case and punctuation.
//!
//! The key is narrow on purpose, since it shares paid answers: sizes and models matter. A number belongs to the word
//! after it (`5 kg` is `5kg`, and `5 kg, 10 pack` is not `10 kg, 5 pack`), keeps its decimal point, and counts as often
//! as it occurs. Signs that mean something (`+`, `#`, `%`, currency) belong to their word: `C++` is not `C`.

use crate::normalise::{Case, normalise};

/// The key that near-duplicates share; `None` for a text without words.
pub fn key(text: &str) -> Option<String> {
    let folded = normalise(text, Case::Folded);
    let mut words: Vec<String> = Vec::new();
    let mut number_before = false;
    for word in split(&folded) {
        let is_number = word.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b',');
        match words.last_mut() {
            Some(last) if number_before && !is_number => last.push_str(word),
            _ => words.push(word.to_owned()),
        }
        number_before = is_number;
    }
    words.sort_unstable();
    words.dedup_by(|a, b| a == b && !a.contains(char::is_numeric));
    (!words.is_empty()).then(|| words.join(" "))
}

fn split(folded: &str) -> impl Iterator<Item = &str> {
    let bytes = folded.as_bytes();
    let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    let mut from = 0;
    let separators = folded.char_indices().filter(move |(at, c)| {
        let decimal = matches!(c, '.' | ',') && digit(at.checked_sub(1)) && digit(Some(at + 1));
        // Inches and feet stand behind a number.
        let measure = matches!(c, '"' | '\'' | '\u{2032}' | '\u{2033}') && digit(at.checked_sub(1));
        is_separator(*c) && !decimal && !measure
    });
    let ends = separators.map(|(at, c)| (at, at + c.len_utf8())).chain([(folded.len(), folded.len())]);
    let pieces = ends.map(move |(end, next)| {
        let piece = &folded[from..end];
        from = next;
        piece
    });
    pieces.filter(|piece| !piece.is_empty())
}

/// White space, and punctuation that only sets words apart.
fn is_separator(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '\u{2010}'..='\u{2015}' | '\u{2018}'..='\u{201f}' | '\u{2022}' | '\u{2026}' | '\u{ab}' | '\u{bb}')
        || matches!(c, ',' | ';' | ':' | '!' | '?' | '.' | '(' | ')' | '[' | ']' | '{' | '}' | '|' | '/' | '\\')
        || matches!(c, '-' | '_' | '*' | '~' | '"' | '\'' | '`')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn order_case_and_punctuation_make_no_difference() {
        let table = [
            ("Nike Air Max, black", "black nike  AIR MAX!"),
            ("USB-C cable (white)", "white cable usb/c"),
            ("Rice 5 kg", "5kg rice"),
            ("shoes shoes men", "Men: shoes"),
            ("Café \u{201c}Noir\u{201d}", "noir cafe\u{301}"),
        ];
        for (a, b) in table {
            assert_eq!(key(a), key(b), "{a} and {b}");
        }
    }

    #[test]
    fn sizes_models_and_signs_make_one() {
        let table = [
            ("iPhone 12 case", "iPhone 13 case"),
            ("Rice 5 kg, 10 pack", "Rice 10 kg, 5 pack"),
            ("cable 3.5mm", "cable 35mm"),
            ("cable 3.5mm", "cable 5.3mm"),
            ("C++ book", "C book"),
            ("2 2 pack", "2 pack"),
            ("TV 10\"", "TV 10"),
            ("shirt", "shirts"),
            ("juice 10%", "juice 10"),
        ];
        for (a, b) in table {
            assert_ne!(key(a), key(b), "{a} and {b}");
        }
        assert_eq!(key(" - !"), None);
    }

    proptest! {
        #[test]
        fn any_text_has_a_key_that_its_own_case_does_not_change(text in any::<String>()) {
            prop_assert_eq!(key(&normalise(&text, Case::Folded)), key(&text));
        }

        #[test]
        fn words_in_another_order_have_the_same_key(mut words in proptest::collection::vec("[a-z]{1,6}", 1..8)) {
            let before = key(&words.join(" "));
            words.reverse();
            prop_assert_eq!(key(&words.join(", ")), before);
        }
    }
}
