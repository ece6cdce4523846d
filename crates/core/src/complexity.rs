//! How hard an input is to categorise, 0 to 1, known before anybody is paid: up to [`SIMPLE`] a cheap model will do, beyond
//! [`MODERATE`] a strong one is worth its price.
//!
//! The score is a logistic curve over a few signs. Their weights beside a local model were fitted to where such models err, on
//! titles of shops and on questions, with 100 to 29,000 examples and 8 to 220 labels (`examples/calibrate_complexity`).
//! What that showed: the confidence of the local model and the entropy of what it says are nearly all that can be known.
//! The number of words, letters and numbers in a title tell nothing (by themselves, an area of 0.48 to 0.50 under the curve),
//! so they have no weight, nor has a mixture of scripts, which no data here has. How hard an input is for a language model is another question, which no data here answers.

use crate::category_path;
use crate::choices::Choices;
use crate::normalise::{Case, normalise};
use hashbrown::HashMap;

/// The highest score of a simple input.
pub const SIMPLE: f32 = 0.3;

/// The highest score of a moderate one; above it lie the complex.
pub const MODERATE: f32 = 0.7;

/// What is known of the labels of one taxonomy, or of ad-hoc ones, before any input.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Complexity {
    /// The logarithm of their number, 1 for a thousand and more.
    count: f32,
    /// Which part of its words a label shares with others, on average.
    closeness: f32,
}

/// What the score of one input is made from, each 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Signs {
    /// The number of labels, on a logarithmic scale that ends at a thousand.
    pub count: f32,
    /// Which part of its words a label shares with others, on average.
    pub closeness: f32,
    /// How unsure the surest free tier is; 1 where none has a guess.
    pub doubt: f32,
    /// The entropy of the local model's probabilities, as a part of the largest possible; none without a local model.
    pub entropy: Option<f32>,
    /// How much longer than a title it is, on a logarithmic scale.
    pub length: f32,
}

struct Weights {
    constant: f32,
    count: f32,
    closeness: f32,
    doubt: f32,
    entropy: f32,
}

/// Fitted; see the head of the file. Closeness adds nothing to what the local model knows of its labels.
const BESIDE_LOCAL_MODEL: Weights = Weights { constant: -4.7, count: 1.2, closeness: 0.0, doubt: 4.1, entropy: 2.9 };

/// Chosen: the doubt of lexical matching says where that errs, but most words that it does not know are plain to a language
/// model. So doubt has about half of the weight that fits its errors (4.3), closeness what fits them (1.9), and the constant is
/// such that a text of which nothing is known is about simple among a handful of labels, and complex among hundreds of
/// close ones.
const ALONE: Weights = Weights { constant: -3.4, count: 1.0, closeness: 2.0, doubt: 2.5, entropy: 0.0 };

/// Chosen: a document of four hundred words says many things, so that it is a class harder than a title.
const LENGTH: f32 = 1.0;

/// Words up to which nothing was seen to depend on the length.
const TITLE_WORDS: f32 = 40.0;

/// Bytes that are looked at: about the four hundred words at which the scale of lengths ends.
const READ_BYTES: usize = 3000;

impl Complexity {
    /// What is known of these choices.
    pub fn of_choices(choices: &Choices) -> Self {
        Self::of_labels(choices.list().iter().map(|choice| choice.label.as_str()))
    }

    /// What is known of labels or paths of categories; a path is compared by its last label.
    pub fn of_labels<'a>(labels: impl IntoIterator<Item = &'a str>) -> Self {
        let labels: Vec<Vec<String>> = labels.into_iter().map(own_words).collect();
        let mut users: HashMap<&str, u32> = HashMap::new();
        labels.iter().flatten().for_each(|word| *users.entry(word).or_default() += 1);
        let is_shared = |word: &&String| users.get(word.as_str()).is_some_and(|users| *users > 1);
        let shared = |words: &Vec<String>| words.iter().filter(is_shared).count() as f32 / words.len().max(1) as f32;
        let count = labels.len().max(1) as f32;
        Self { count: (count.ln() / 1000_f32.ln()).min(1.0), closeness: labels.iter().map(shared).sum::<f32>() / count }
    }

    /// The score of a text, 0 to 1. `best_confidence` is that of the surest free tier, 0 where none has a guess; `local` has
    /// the local model's highest probabilities, best first. Takes a microsecond and allocates nothing.
    pub fn score(&self, text: &str, best_confidence: f32, local: Option<&[f32]>) -> f32 {
        self.signs(text, best_confidence, local).score()
    }

    /// What that score is made from. A confidence that is no number is none.
    pub fn signs(&self, text: &str, best_confidence: f32, local: Option<&[f32]>) -> Signs {
        let best = if best_confidence.is_nan() { 0.0 } else { best_confidence.clamp(0.0, 1.0) };
        Signs {
            count: self.count,
            closeness: self.closeness,
            doubt: 1.0 - best,
            entropy: local.and_then(entropy),
            length: length(text),
        }
    }
}

impl Signs {
    /// The score, 0 to 1.
    pub fn score(&self) -> f32 {
        let weights = if self.entropy.is_some() { BESIDE_LOCAL_MODEL } else { ALONE };
        let sum = weights.constant
            + weights.count * self.count
            + weights.closeness * self.closeness
            + weights.doubt * self.doubt
            + weights.entropy * self.entropy.unwrap_or(0.0)
            + LENGTH * self.length;
        1.0 / (1.0 + (-sum).exp())
    }
}

/// The entropy of the highest probabilities and of what is left for all others together, as a part of the largest possible.
/// None where nothing is probable.
fn entropy(highest: &[f32]) -> Option<f32> {
    let (mut entropy, mut left, mut count) = (0.0, 1.0_f32, 1.0_f32);
    for p in highest.iter().copied().filter(|p| *p > 0.0 && *p <= 1.0) {
        entropy -= p * p.ln();
        left -= p;
        count += 1.0;
    }
    if left > 0.0 {
        entropy -= left * left.ln();
    }
    (count > 1.0).then(|| (entropy / count.ln()).clamp(0.0, 1.0))
}

fn length(text: &str) -> f32 {
    // A character has four bytes at most.
    let ends = (READ_BYTES..READ_BYTES + 4).find(|end| text.is_char_boundary(*end));
    let text = ends.map_or(text, |end| &text[..end]);
    // Scripts without blanks between words have about three bytes a letter, and two letters a word.
    let words = (text.split_ascii_whitespace().count() as f32).max(text.len() as f32 / 12.0);
    ((words / TITLE_WORDS).ln() / 10_f32.ln()).clamp(0.0, 1.0)
}

/// The words of a label, each once.
fn own_words(label: &str) -> Vec<String> {
    let last = category_path::split(label).ok().and_then(|mut labels| labels.pop());
    let folded = normalise(last.as_deref().unwrap_or(label), Case::Folded);
    let words = folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let mut words: Vec<String> = words.map(str::to_owned).collect();
    words.sort_unstable();
    words.dedup();
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choices::Choice;
    use proptest::prelude::*;

    const FEW: [&str; 4] = ["Toys", "Books", "Garden > Tools", "Home > Lamps"];

    fn many() -> Complexity {
        let labels: Vec<String> = (0..300).map(|i| format!("Shop > Spare Parts For Model{i}")).collect();
        Complexity::of_labels(labels.iter().map(String::as_str))
    }

    #[test]
    fn close_labels_share_words() {
        assert_eq!(Complexity::of_labels(FEW).closeness, 0.0);
        assert_eq!(many().closeness, 0.75);
        let half = Complexity::of_labels(["Casual Shoes", "Formal SHOES", "A > Shoes > Belts", "a > shoes > hats"]);
        assert_eq!(half.closeness, 0.25, "the labels above are no words of their own");
        assert_eq!(Complexity::of_labels([]), Complexity { count: 0.0, closeness: 0.0 });
        let choice = |(i, label): (usize, &&str)| Choice { id: i as i32, label: label.to_string(), description: None };
        let choices = Choices::new(FEW.iter().enumerate().map(choice).collect());
        assert_eq!(Complexity::of_choices(&choices), Complexity::of_labels(FEW));
    }

    #[test]
    fn what_a_local_model_is_sure_of_is_simple_and_what_it_doubts_is_complex() {
        let (few, many) = (Complexity::of_labels(FEW), many());
        let score = |best, local: &[f32]| many.score("red shoe", best, Some(local));
        assert!(score(0.95, &[0.95, 0.03, 0.01]) < 0.1);
        assert!((SIMPLE..MODERATE).contains(&score(0.65, &[0.65, 0.2, 0.1])), "{}", score(0.65, &[0.65, 0.2, 0.1]));
        assert!(score(0.3, &[0.3, 0.28, 0.2]) > MODERATE);
        // The same confidence with one rival, or with many.
        assert!(score(0.5, &[0.5, 0.49, 0.01]) < score(0.5, &[0.5, 0.1, 0.1]));
        // Nothing known: the labels decide.
        assert!(few.score("gnome", 0.3, None) <= SIMPLE);
        assert!((0.25..0.4).contains(&few.score("gnome", 0.0, None)), "{}", few.score("gnome", 0.0, None));
        assert!(many.score("gnome", 0.0, None) > MODERATE);
        assert_eq!(few.score("gnome", 0.3, Some(&[])), few.score("gnome", 0.3, None));
    }

    #[test]
    fn a_document_is_harder_than_a_title() {
        let few = Complexity::of_labels(FEW);
        let (title, document) = ("a red lamp", "it is a lamp and more ".repeat(2000));
        assert_eq!(few.signs(&title.repeat(10), 0.0, None).length, 0.0);
        assert!(few.score(&document, 0.0, None) > few.score(title, 0.0, None) + 0.15);
        assert!(few.signs(&"\u{706f}\u{5177}".repeat(1000), 0.0, None).length > 0.3, "no blanks between words");
    }

    /// Stated as ten microseconds; this bound is for debug builds on busy machines.
    #[test]
    fn a_score_takes_next_to_no_time() {
        let (many, text) = (many(), "long text ".repeat(100_000));
        let began = std::time::Instant::now();
        let sum: f32 = (0..1000).map(|i| many.score(&text, i as f32 / 1000.0, Some(&[0.5, 0.2, 0.1]))).sum();
        assert!(sum > 0.0 && began.elapsed().as_millis() < 1000, "{:?}", began.elapsed());
    }

    proptest! {
        #[test]
        fn whatever_comes_in_a_score_is_between_0_and_1(
            text in any::<String>(), best in any::<f32>(), local in proptest::option::of(proptest::collection::vec(any::<f32>(), 0..4)),
            labels in proptest::collection::vec(any::<String>(), 0..8),
        ) {
            let complexity = Complexity::of_labels(labels.iter().map(String::as_str));
            let score = complexity.score(&text, best, local.as_deref());
            prop_assert!((0.0..=1.0).contains(&score), "{score}");
        }

        #[test]
        fn more_doubt_is_never_simpler(low in 0.0..1.0_f32, high in 0.0..1.0_f32, local in any::<bool>()) {
            let (low, high) = (low.min(high), low.max(high));
            let local = local.then_some(&[0.6, 0.2, 0.1][..]);
            let complexity = many();
            prop_assert!(complexity.score("lamp", low, local) >= complexity.score("lamp", high, local));
        }
    }
}
