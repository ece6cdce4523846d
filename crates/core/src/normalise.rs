//! The normal form of a text: what two inputs must share to be the same input.
//!
//! Unicode NFKC (UAX #15), default case folding (Unicode 3.13, R4) and white space collapsed to single blanks, trimmed.
//! The result is a fixed point: normalising it again changes nothing. ASCII, which is most of real titles, takes a
//! path without tables.

use unicode_normalization::UnicodeNormalization;

/// Part of every fingerprint: raise it when the normal form of any text changes, so that old keys are never mistaken.
pub const NORMALISER_VERSION: u8 = 1;

/// Folding and composing can feed each other; real text settles in two rounds.
const MAX_ROUNDS: usize = 8;

/// Whether case makes a difference, a setting of the taxonomy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Case {
    /// `Shoe` and `shoe` are one input.
    Folded,
    /// `Shoe` and `shoe` are two.
    Kept,
}

/// Writes the normal form of `input` into `out`, whose capacity is reused.
pub fn normalise_into(input: &str, case: Case, out: &mut String) {
    out.clear();
    if input.is_ascii() {
        collapse_ascii(input, case, out);
        return;
    }
    collapse(input.nfkc(), out);
    if case == Case::Folded {
        for _ in 0..MAX_ROUNDS {
            let mut next = String::with_capacity(out.len());
            collapse(caseless::default_case_fold_str(out).nfkc(), &mut next);
            if next == *out {
                break;
            }
            *out = next;
        }
    }
}

/// The normal form of `input` as a new string.
pub fn normalise(input: &str, case: Case) -> String {
    let mut out = String::with_capacity(input.len());
    normalise_into(input, case, &mut out);
    out
}

/// The text that rules see: composed and collapsed, before case folding, so that `(?-i)` means something.
pub fn rule_text_into(input: &str, out: &mut String) {
    normalise_into(input, Case::Kept, out);
}

/// Whether nothing is left of `input` once white space is gone.
pub fn is_blank(input: &str) -> bool {
    input.chars().all(char::is_whitespace)
}

fn collapse(chars: impl Iterator<Item = char>, out: &mut String) {
    let mut gap = false;
    for c in chars {
        if c.is_whitespace() {
            gap = !out.is_empty();
            continue;
        }
        if gap {
            out.push(' ');
            gap = false;
        }
        out.push(c);
    }
}

fn collapse_ascii(input: &str, case: Case, out: &mut String) {
    if is_collapsed(input.as_bytes()) {
        out.push_str(input);
        if case == Case::Folded {
            out.make_ascii_lowercase();
        }
        return;
    }
    let mut gap = false;
    for b in input.bytes() {
        if b == b' ' || (b'\t'..=b'\r').contains(&b) {
            gap = !out.is_empty();
            continue;
        }
        if gap {
            out.push(' ');
            gap = false;
        }
        out.push(char::from(if case == Case::Folded { b.to_ascii_lowercase() } else { b }));
    }
}

/// Whether ASCII has single blanks within and no other white space, as most titles do: written so that the compiler makes vector
/// instructions of it.
fn is_collapsed(bytes: &[u8]) -> bool {
    let Some((first, rest)) = bytes.split_first() else { return true };
    let is_plain = |plain: bool, byte: &u8| plain & !(b'\t'..=b'\r').contains(byte);
    let is_single = |single: bool, (one, next): (&u8, &u8)| single & !((*one == b' ') & (*next == b' '));
    *first != b' '
        && *bytes.last().unwrap_or(first) != b' '
        && bytes.iter().fold(true, is_plain)
        && bytes.iter().zip(rest).fold(true, is_single)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn folds_composes_and_collapses() {
        assert_eq!(normalise("  Nike\tAIR\u{a0}Max \n", Case::Folded), "nike air max");
        assert_eq!(normalise("ＮＩＫＥ Straße ﬁt", Case::Folded), "nike strasse fit");
        assert_eq!(normalise("Cafe\u{301}", Case::Folded), normalise("CAFÉ", Case::Folded));
        assert_eq!(normalise("Nike  AIR", Case::Kept), "Nike AIR");
    }

    #[test]
    fn blank_is_white_space_of_any_script() {
        assert!(is_blank(" \u{3000}\t\u{2003}"));
        assert!(!is_blank("\u{1}"));
    }

    proptest! {
        #[test]
        fn is_idempotent(s in "\\PC{0,40}", raw in any::<String>()) {
            for text in [s, raw] {
                for case in [Case::Folded, Case::Kept] {
                    let once = normalise(&text, case);
                    prop_assert_eq!(&normalise(&once, case), &once);
                }
            }
        }

        #[test]
        fn the_ascii_path_agrees_with_the_tables(s in "[ -~\\t\\n\\r]{0,60}") {
            let mut slow = String::new();
            collapse(caseless::default_case_fold_str(&s).nfkc(), &mut slow);
            prop_assert_eq!(normalise(&s, Case::Folded), slow);
        }
    }
}
