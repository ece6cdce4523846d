//! What a model that writes is asked for, and what it says: the same for every provider.

use super::answer::{Answer, spoil};
use super::content::{self, Form};
use super::items::{self, Items};
use super::talk::Talk;
use super::{Answering, Asked, schema};
use crate::faults::Fault;
use crate::oracle::Oracle;
use crate::tokens::count;

/// What is to be written about which items.
pub(crate) struct Task {
    pub(crate) form: Form,
    pub(crate) items: Items,
    options: Vec<String>,
    /// Tokens that may be written, thoughts included.
    pub(crate) most_tokens: Option<u64>,
}

/// What was said.
pub(crate) struct Speech<'a> {
    pub(crate) text: String,
    pub(crate) end: End,
    pub(crate) answers: Vec<Answer<'a>>,
    /// Places of the items that a fault spoiled.
    pub(crate) spoiled: Vec<usize>,
    /// Tokens of the text.
    pub(crate) tokens: u64,
}

/// How a speech ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// By itself.
    Whole,
    /// For want of tokens.
    Cut,
    /// Before it began: the model would not.
    Refused,
}

impl Task {
    /// The options are those of the schema, of the data, or of the instruction.
    pub(crate) fn new(form: Form, talk: &Talk, most_tokens: Option<u64>, oracle: &Oracle) -> Self {
        let offered = match &form {
            Form::Schema(schema) => schema::options(schema),
            Form::Label(options) => options.clone(),
            Form::Json | Form::Text => Vec::new(),
        };
        let mut items = items::read(&talk.user);
        let listed = std::mem::take(&mut items.offered);
        let options = match (offered.is_empty(), listed.is_empty()) {
            (false, _) => offered,
            (true, false) => listed,
            (true, true) => items::labels(&talk.instruction, oracle),
        };
        Self { form, items, options, most_tokens }
    }

    /// What a model says after so many tokens of thoughts.
    pub(crate) fn speak(&self, asked: &Asked, with: &Answering<'_>, thoughts: u64) -> Speech<'_> {
        let places = self.items.list.iter().enumerate();
        let answer =
            |(place, item): (usize, &items::Item)| Answer::to(asked, place, item.id.clone(), &self.options, with);
        let mut answers: Vec<_> = places.map(answer).collect();
        let mut spoiled = spoil(&mut answers, &with.chosen);
        let mut text = content::write(&self.form, &answers, self.items.packed);
        let mut end = End::Whole;
        match with.chosen.fault {
            Fault::Refusal => {
                text = "I'm sorry, but I can't help with that.".to_owned();
                end = End::Refused;
            }
            Fault::Length => {
                let half = text.len() as u64 / 2;
                cut(&mut text, half);
                end = End::Cut;
            }
            Fault::BrokenContent => text = format!("Sure! Here is the answer: {}", text.replace('"', "'")),
            _ => {}
        }
        if matches!(with.chosen.fault, Fault::Refusal | Fault::Length | Fault::BrokenContent) {
            spoiled = (0..self.items.list.len()).collect();
        }
        // A client that allows too few tokens has itself to blame: nothing is spoiled.
        let left = self.most_tokens.map(|most| most.saturating_sub(thoughts));
        if let Some(left) = left.filter(|left| count(text.len() as u64) > *left && end != End::Refused) {
            cut(&mut text, left.saturating_mul(4));
            end = End::Cut;
        }
        let tokens = count(text.len() as u64);
        Speech { text, end, answers, spoiled, tokens }
    }
}

/// The first so many bytes, as whole characters.
fn cut(text: &mut String, bytes: u64) {
    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX).min(text.len());
    text.truncate((0..=bytes).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0));
}
