//! What the guard reads in one text.

use super::words::{is_accessory, is_between, is_negation, is_purpose, is_size, unit};
use super::{Kind, Veto};
use std::borrow::Cow;

/// Bytes of a text that are read: no title is longer, and a document says early what it is about.
const READ: usize = 4096;

/// The features of one text, sorted, each once.
#[derive(Debug, Default)]
pub struct Features<'a> {
    found: Vec<(Kind, Cow<'a, str>)>,
}

impl<'a> Features<'a> {
    /// Reads a text in normal form (case folded), of which the first 4 KB count.
    pub fn of(text: &'a str) -> Self {
        let mut features = Self::default();
        let mut before = "";
        let mut words = head(text).split([' ', ',', ';', '(', ')', '[', ']', '/', '|', ':']).map(trimmed).peekable();
        // What `for` has announced and has not come yet.
        let mut purpose = false;
        while let Some(word) = words.next() {
            if word.is_empty() {
                continue;
            }
            if purpose && !is_between(word) {
                features.add(Kind::Purpose, word);
                purpose = false;
            }
            purpose |= is_purpose(word);
            if is_negation(word) {
                // That something is denied is what vectors blur; what it is they see.
                features.add(Kind::Negation, "not");
            } else if is_accessory(word) {
                features.add(Kind::Accessory, singular(word));
            } else if is_size(word, before) {
                features.add(Kind::Size, word);
            } else if word.contains(char::is_numeric) && features.number(word, words.peek().copied()) {
                words.next();
            }
            before = word;
        }
        features.found.sort_unstable();
        features.found.dedup();
        features
    }

    /// Takes in a word with digits; says whether the next word was its unit.
    fn number(&mut self, word: &'a str, next: Option<&'a str>) -> bool {
        let end = word.find(|c: char| !(c.is_numeric() || c == '.')).unwrap_or(word.len());
        let (number, rest) = word.split_at(end);
        match (number.is_empty(), rest.is_empty()) {
            (false, true) => {
                let unit = next.and_then(unit);
                match unit {
                    Some(unit) => self.measure(number, unit),
                    None => self.add(Kind::Number, number),
                }
                return unit.is_some();
            }
            (false, false) => match unit(rest.trim_start_matches('-')) {
                Some(unit) => self.measure(number, unit),
                None => self.add(Kind::Code, word),
            },
            (true, _) => {
                let amount = rest.trim_start_matches(['$', '€', '£', '#']);
                let is_amount = amount.len() < rest.len() && amount.chars().all(|c| c.is_numeric() || c == '.');
                if is_amount { self.add(Kind::Number, amount) } else { self.add(Kind::Code, word) }
            }
        }
        false
    }

    fn measure(&mut self, number: &str, unit: &'static str) {
        self.found.push((Kind::Unit, Cow::Borrowed(unit)));
        self.found.push((Kind::Size, Cow::Owned(format!("{number}{unit}"))));
    }

    fn add(&mut self, kind: Kind, value: &'a str) {
        self.found.push((kind, Cow::Borrowed(value)));
    }

    fn values(&self, kind: Kind) -> &[(Kind, Cow<'a, str>)] {
        let start = self.found.partition_point(|(k, _)| *k < kind);
        &self.found[start..start + self.found[start..].partition_point(|(k, _)| *k == kind)]
    }

    /// The kinds in which two texts differ. Units differ only where both have some: one may just not say its size.
    pub fn differences(&self, other: &Features<'_>) -> impl Iterator<Item = Kind> {
        Kind::ALL.into_iter().filter(move |kind| {
            let (ours, theirs) = (self.values(*kind), other.values(*kind));
            let is_told = *kind != Kind::Unit || !(ours.is_empty() || theirs.is_empty());
            is_told && ours != theirs
        })
    }

    /// The difference of one kind, in words.
    pub fn veto(&self, other: &Features<'_>, kind: Kind) -> Veto {
        Veto { kind, input: self.told(kind), neighbour: other.told(kind) }
    }

    fn told(&self, kind: Kind) -> String {
        self.values(kind).iter().map(|(_, value)| value.as_ref()).collect::<Vec<_>>().join(" ")
    }
}

fn head(text: &str) -> &str {
    let mut end = text.len().min(READ);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Without the punctuation around a word that says nothing; `"` after a number are inches.
fn trimmed(word: &str) -> &str {
    word.trim_matches(['.', '!', '?', '*', '-', '+', '&', '“', '”'])
}

fn singular(word: &str) -> &str {
    match word {
        "batteries" => "battery",
        "accessories" => "accessory",
        "lens" => word,
        _ => word.strip_suffix('s').unwrap_or(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn differing(a: &str, b: &str) -> Vec<Kind> {
        Features::of(a).differences(&Features::of(b)).collect()
    }

    #[test]
    fn what_vectors_blur_is_told_apart() {
        for (a, b, kinds) in [
            ("iphone 15", "iphone 14", &[Kind::Number][..]),
            ("iphone 15", "iphone 15 case", &[Kind::Accessory]),
            ("case for iphone", "case for galaxy", &[Kind::Purpose]),
            ("compatible with the canon eos", "compatible with nikon", &[Kind::Purpose]),
            ("cola 500 ml", "cola 500ml", &[]),
            ("cola 0.5 litre", "cola 500 ml", &[Kind::Unit, Kind::Size]),
            ("flour 500 g", "flour 500 gm", &[]),
            ("flour 500 g", "flour", &[Kind::Size]),
            ("sony wh-1000xm4", "sony wh-1000xm5", &[Kind::Code]),
            ("milk without sugar", "milk with sugar", &[Kind::Negation]),
            ("sugar-free gum", "gum", &[Kind::Negation]),
            ("my card hasn't arrived", "my card has arrived", &[Kind::Negation]),
            ("shirt xl", "shirt xxl", &[Kind::Size]),
            ("shirt size m", "shirt size l", &[Kind::Size]),
            ("monitor 24\"", "monitor 24 inch", &[]),
            ("$5 top up", "$10 top up", &[Kind::Number]),
            ("batteries", "battery", &[]),
            ("red shoe", "blue shoe", &[]),
            ("", "", &[]),
        ] {
            assert_eq!(differing(a, b), kinds, "{a} | {b}");
            assert_eq!(differing(b, a), kinds, "{b} | {a}");
        }
    }

    #[test]
    fn the_order_and_the_number_of_times_make_no_difference() {
        assert_eq!(differing("2 pans 3 pots", "3 pots 2 pans, 2"), []);
    }

    #[test]
    fn a_veto_says_what_differs_in_words() {
        let (a, b) = (Features::of("case for iphone 15"), Features::of("iphone 15"));
        assert_eq!(a.veto(&b, Kind::Accessory).to_string(), "the accessories differ: case here, none there");
    }

    #[test]
    fn only_the_first_part_of_a_long_text_is_read() {
        let long = "ä ".repeat(500_000) + "7";
        assert_eq!(differing(&long, "ä"), []);
    }

    proptest! {
        #[test]
        fn any_text_is_read_and_never_differs_from_itself(text in any::<String>(), other in "[a-z0-9$\"' .,-]{0,40}") {
            prop_assert_eq!(differing(&text, &text), []);
            prop_assert_eq!(differing(&text, &other), differing(&other, &text));
        }
    }
}
