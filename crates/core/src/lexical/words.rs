//! The words of a text as lexical matching sees them.

/// A word with how much its place in the title says about what the thing is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) weight: f32,
    /// Whether the word before it stands right before, so that the two may form a phrase.
    pub(super) follows: bool,
}

impl Word {
    /// Whether it says nothing by itself: a number, or a single letter. In a phrase it may: `iphone 15`.
    pub(super) fn is_bare(&self) -> bool {
        self.text.len() < 2 || self.text.bytes().all(|b| b.is_ascii_digit())
    }
}

/// What comes after these says what the thing is for or comes with, not what it is: `case for iPhone 15`.
const TURNS: [&str; 8] = ["for", "with", "w", "compatible", "fits", "from", "by", "in"];

/// Weight of a word after such a turn. Chosen on the labelled part of the sample; the calibration absorbs the rest.
const WEIGHT_AFTER_TURN: f32 = 0.45;

/// Words that say nothing about the category.
const STOP_WORDS: [&str; 14] = ["a", "an", "and", "the", "of", "to", "on", "or", "at", "as", "is", "&", "s", "pack"];

/// Splits a text in normal form into words; letters and digits make words, everything else ends them.
pub(super) fn words(normal: &str) -> Vec<Word> {
    let mut found = Vec::new();
    let mut weight = 1.0;
    let mut follows = false;
    for piece in normal.split(' ').flat_map(pieces) {
        let Piece::Word(word) = piece else {
            follows = false;
            weight = 1.0;
            continue;
        };
        if TURNS.contains(&word) {
            weight = WEIGHT_AFTER_TURN;
            follows = false;
        } else if STOP_WORDS.contains(&word) {
            follows = false;
        } else {
            found.push(Word { text: stem(word), weight, follows });
            follows = true;
        }
    }
    found
}

enum Piece<'a> {
    Word(&'a str),
    /// A comma, bracket, bar or dash standing alone: a new thought begins.
    Break,
}

fn pieces(token: &str) -> impl Iterator<Item = Piece<'_>> {
    let alone = !token.chars().any(char::is_alphanumeric);
    let ends = token.ends_with([',', ';', ':', '|', ')', ']', '.']);
    let words = token.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(Piece::Word);
    let opens = token.starts_with(['(', '[', '|']);
    std::iter::once(Piece::Break)
        .filter(move |_| alone || opens)
        .chain(words)
        .chain(std::iter::once(Piece::Break).filter(move |_| ends && !alone))
}

/// Takes English plurals back to their singular, by the S-stemmer of Harman (1991): light, and never below three letters.
fn stem(word: &str) -> String {
    let length = word.len();
    if length <= 3 || !word.is_ascii() || !word.ends_with('s') || word.ends_with("ss") || word.ends_with("us") {
        return word.to_owned();
    }
    if let Some(root) = word.strip_suffix("ies").filter(|r| !r.ends_with(['e', 'a']) && r.len() >= 2) {
        return format!("{root}y");
    }
    let hisses = |root: &str| ["sh", "ch", "ss", "x"].iter().any(|end| root.ends_with(end));
    if let Some(root) = word.strip_suffix("es").filter(|root| hisses(root)) {
        return root.to_owned();
    }
    word[..length - 1].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(s: &str) -> Vec<String> {
        words(s).into_iter().map(|w| w.text).collect()
    }

    #[test]
    fn plurals_meet_their_singular() {
        assert_eq!(
            texts("shoes dresses watches batteries boxes glass bus"),
            ["shoe", "dress", "watch", "battery", "box", "glass", "bus"]
        );
    }

    #[test]
    fn what_a_thing_is_for_counts_less_until_a_new_thought() {
        let weights: Vec<_> = words("case for iphone 15, leather").into_iter().map(|w| (w.text, w.weight)).collect();
        let after = WEIGHT_AFTER_TURN;
        let expected = [("case", 1.0), ("iphone", after), ("15", after), ("leather", 1.0)];
        assert_eq!(weights, expected.map(|(w, x)| (w.to_owned(), x)));
    }

    #[test]
    fn phrases_end_at_punctuation() {
        let follows: Vec<_> = words("air max, red shoe").into_iter().map(|w| w.follows).collect();
        assert_eq!(follows, [false, true, false, true]);
    }
}
