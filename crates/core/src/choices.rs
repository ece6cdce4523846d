//! What a language model may choose from, and how its answer is read. Its text is never trusted: what is none of the
//! choices is no answer.

use crate::cascade::CategoryId;
use crate::prompt::{Prompt, Reasoned};
use hashbrown::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};
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
    /// A category of the taxonomy that was not on the list: no answer, but worth offering.
    NotOffered(CategoryId),
    /// Nothing that was offered.
    Invalid,
}

impl Verdict {
    /// Whether it says something about what was offered.
    pub const fn is_valid(self) -> bool {
        matches!(self, Self::Category(_) | Self::NoneOfThese)
    }
}

/// What a list is one of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Of categories that may be the answer.
    Candidates,
    /// Of the branches of a tree, each with all that is below it.
    Branches,
}

/// What a request offers of its own.
#[derive(Debug)]
struct Listed {
    form: Form,
    /// For each input the places of what it is offered.
    own: Vec<Vec<u32>>,
    /// All that there is.
    whole: Arc<Choices>,
}

/// The categories that may answer, in an order that is the same for all requests: it is a part of the constant prefix
/// that providers cache. Where there are too many for that, each request has a list of its own beside its inputs.
#[derive(Debug)]
pub struct Choices {
    list: Vec<Choice>,
    exact: HashMap<String, Verdict>,
    folded: HashMap<String, Verdict>,
    prompt: OnceLock<Prompt>,
    reasoned: OnceLock<Reasoned>,
    listed: Option<Listed>,
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
        Self { list, exact, folded, prompt: OnceLock::new(), reasoned: OnceLock::new(), listed: None }
    }

    /// The list of one request, out of all that there is in `whole`; `own` has the places of what each input is offered.
    pub fn listed(list: Vec<Choice>, own: Vec<Vec<u32>>, form: Form, whole: Arc<Self>) -> Self {
        Self { listed: Some(Listed { form, own, whole }), ..Self::new(list) }
    }

    /// What kind of list this is; `None` where it is all that there is.
    pub fn form(&self) -> Option<Form> {
        self.listed.as_ref().map(|listed| listed.form)
    }

    /// What the input at this position of the request is offered, each label once, with what is said of it; the last one is
    /// that none fits.
    pub fn offered_to(&self, position: usize) -> Vec<(&str, Option<&str>)> {
        let Some(own) = self.listed.as_ref().and_then(|listed| listed.own.get(position)) else { return self.offered() };
        self.each_once(own.iter().filter_map(|at| self.list.get(*at as usize)))
    }

    /// The choices, in their order.
    pub fn list(&self) -> &[Choice] {
        &self.list
    }

    /// What an answer says: trimmed, then exactly, then whatever its case. A label that is exactly that of a category which
    /// is not on the list is none of one that differs in case.
    pub fn read(&self, answer: &str) -> Verdict {
        let answer = answer.trim();
        let whole = self.listed.as_ref().map(|listed| &listed.whole);
        let elsewhere = |verdict: Verdict| match verdict {
            Verdict::Category(id) => Verdict::NotOffered(id),
            _ => Verdict::Invalid,
        };
        if let Some(verdict) = self.exact.get(answer) {
            return *verdict;
        }
        if let Some(verdict) = whole.and_then(|whole| whole.exact.get(answer)) {
            return elsewhere(*verdict);
        }
        let folded = fold(answer);
        let among = |choices: &Self| choices.folded.get(&folded).copied();
        among(self).or_else(|| whole.and_then(|whole| among(whole)).map(elsewhere)).unwrap_or(Verdict::Invalid)
    }

    /// What a model is told about them: written at the first request and kept, as all requests begin with it.
    pub fn prompt(&self) -> &Prompt {
        self.prompt.get_or_init(|| Prompt::new(&self.offered(), self.form()))
    }

    /// What a model is told that is also asked why; written at the first such request.
    pub fn reasoned(&self) -> &Reasoned {
        self.reasoned.get_or_init(|| Reasoned::new(&self.offered(), self.form()))
    }

    /// What may be chosen, each label once, with what is said of it; the last one is that none fits.
    pub fn offered(&self) -> Vec<(&str, Option<&str>)> {
        self.each_once(self.list.iter())
    }

    /// Bytes of what one input is offered, written as the options of a decision, about.
    pub fn options_bytes(&self) -> usize {
        let all = self.prompt().options.len();
        let Some(listed) = &self.listed else { return all };
        let most = listed.own.iter().map(Vec::len).max().unwrap_or(0);
        all * most / self.list.len().max(1)
    }

    fn each_once<'a>(&'a self, choices: impl Iterator<Item = &'a Choice>) -> Vec<(&'a str, Option<&'a str>)> {
        let mut seen = HashSet::new();
        let labels = choices.filter(|choice| seen.insert(choice.label.as_str()));
        let mut offered: Vec<_> = labels.map(|choice| (choice.label.as_str(), choice.description.as_deref())).collect();
        // Where a label of ours is the same, it is not offered twice.
        if self.read(NONE_OF_THESE) == Verdict::NoneOfThese {
            // What is on no list of one request may still be in the taxonomy.
            let about = self.listed.is_none().then_some("everything that is in no other category");
            offered.push((NONE_OF_THESE, about));
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
