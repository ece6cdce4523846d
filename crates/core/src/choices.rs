//! What a language model may choose from, and how its answer is read. Its text is never trusted: what is none of the
//! choices is no answer.

use crate::cascade::CategoryId;
use crate::prompt::{Prompt, Reasoned};
use hashbrown::{HashMap, HashSet};
use std::sync::OnceLock;
use unicode_normalization::UnicodeNormalization;

/// What a model says where no category fits. Offered beside the labels; ours in case a label is the same.
pub const NONE_OF_THESE: &str = "none of these";

/// One category that a model may choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The category.
    pub id: CategoryId,
    /// Its full path, or the ad-hoc label.
    pub label: String,
    /// One line about it, and typical titles.
    pub description: Option<String>,
}

/// What an answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// This category.
    Category(CategoryId),
    /// That none fits.
    NoneOfThese,
    /// Nothing that was offered.
    Invalid,
}

/// The categories that may answer, in an order that is the same for all requests: it is a part of the constant prefix
/// that providers cache.
#[derive(Debug)]
pub struct Choices {
    list: Vec<Choice>,
    exact: HashMap<String, Verdict>,
    folded: HashMap<String, Verdict>,
    prompt: OnceLock<Prompt>,
    reasoned: OnceLock<Reasoned>,
}

/// What is read from the list, and the prompt, which is written from it, add nothing.
impl PartialEq for Choices {
    fn eq(&self, other: &Self) -> bool {
        self.list == other.list
    }
}

impl Choices {
    /// Choices in the order given.
    pub fn new(list: Vec<Choice>) -> Self {
        let mut exact = HashMap::with_capacity(list.len() + 1);
        let mut folded = HashMap::with_capacity(list.len() + 1);
        let answers = list.iter().map(|choice| (choice.label.as_str(), Verdict::Category(choice.id)));
        for (label, verdict) in answers.chain([(NONE_OF_THESE, Verdict::NoneOfThese)]) {
            // A label of ours comes before the answer that none fits.
            exact.entry(label.trim().to_owned()).or_insert(verdict);
            // Labels that differ only in case are told apart by their case alone.
            folded.entry(fold(label)).and_modify(|other| *other = Verdict::Invalid).or_insert(verdict);
        }
        Self { list, exact, folded, prompt: OnceLock::new(), reasoned: OnceLock::new() }
    }

    /// The choices, in their order.
    pub fn list(&self) -> &[Choice] {
        &self.list
    }

    /// What an answer says: trimmed, then exactly, then whatever its case.
    pub fn read(&self, answer: &str) -> Verdict {
        let answer = answer.trim();
        let exact = self.exact.get(answer).or_else(|| self.folded.get(&fold(answer)));
        exact.copied().unwrap_or(Verdict::Invalid)
    }

    /// What a model is told about them: written at the first request and kept, as all requests begin with it.
    pub fn prompt(&self) -> &Prompt {
        self.prompt.get_or_init(|| Prompt::new(&self.offered()))
    }

    /// What a model is told that is also asked why; written at the first such request.
    pub fn reasoned(&self) -> &Reasoned {
        self.reasoned.get_or_init(|| Reasoned::new(&self.offered()))
    }

    /// What may be chosen, each label once, with what is said of it; the last one is that none fits.
    pub fn offered(&self) -> Vec<(&str, Option<&str>)> {
        let mut seen = HashSet::new();
        let labels = self.list.iter().filter(|choice| seen.insert(choice.label.as_str()));
        let mut offered: Vec<_> = labels.map(|choice| (choice.label.as_str(), choice.description.as_deref())).collect();
        // Where a label of ours is the same, it is not offered twice.
        if self.read(NONE_OF_THESE) == Verdict::NoneOfThese {
            offered.push((NONE_OF_THESE, Some("everything that is in no other category")));
        }
        offered
    }

    /// Bytes of the longest label that a model may have to write.
    pub fn longest(&self) -> usize {
        self.list.iter().map(|choice| choice.label.len()).max().unwrap_or(0).max(NONE_OF_THESE.len())
    }
}

fn fold(text: &str) -> String {
    // Models write letters with accents in either form.
    let composed: String = text.trim().nfc().collect();
    caseless::default_case_fold_str(&composed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choices(labels: &[&str]) -> Choices {
        let choice = |(i, label): (usize, &&str)| Choice { id: i as i32, label: label.to_string(), description: None };
        Choices::new(labels.iter().enumerate().map(choice).collect())
    }

    #[test]
    fn an_answer_is_trimmed_then_exact_then_without_case() {
        let choices = choices(&["Toys > Games", "Books"]);
        for answer in ["Toys > Games", "  Toys > Games\n", "toys > GAMES"] {
            assert_eq!(choices.read(answer), Verdict::Category(0), "{answer:?}");
        }
        for answer in ["Toys", "", "Toys>Games", "Books.", "\"Books\"", "Toys > Games > Lego", "\u{0}"] {
            assert_eq!(choices.read(answer), Verdict::Invalid, "{answer:?}");
        }
        assert_eq!(choices.read("None of these"), Verdict::NoneOfThese);
        assert_eq!(self::choices(&["M\u{f6}bel"]).read("mo\u{308}bel"), Verdict::Category(0));
        assert_eq!(choices.longest(), NONE_OF_THESE.len());
    }

    #[test]
    fn labels_that_differ_in_case_only_need_their_case() {
        let choices = choices(&["Polish", "polish", "none of these"]);
        assert_eq!(choices.read("polish"), Verdict::Category(1));
        assert_eq!(choices.read("Polish"), Verdict::Category(0));
        assert_eq!(choices.read("POLISH"), Verdict::Invalid);
        assert_eq!(choices.read("none of these"), Verdict::Category(2));
    }
}
