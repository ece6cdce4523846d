//! Replies of language models, read leniently in their form and strictly in what they say.

use super::embedded::{values, without_thoughts};
use super::one_line;
use crate::choices::{Choices, Verdict};
use crate::confidence::Source;
use serde_json::Value;

/// How sure a model is taken to be that does not say it, or says nothing that is a number. Below the threshold of the
/// default profile's upgrade (0.80): such an answer is no reason not to ask a stronger model.
pub const DEFAULT_CONFIDENCE: f32 = 0.75;

/// Characters of a rationale that are kept.
pub const RATIONALE_CHARACTERS: usize = 500;

/// What a reply says of one item.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The item.
    pub id: u32,
    /// What it says.
    pub verdict: Verdict,
    /// How sure, 0 to 1.
    pub confidence: f32,
    /// Where that number comes from.
    pub source: Source,
    /// Why, in the model's words, where it says so.
    pub rationale: Option<String>,
}

/// The answers in what a model wrote, of the items that were asked about and in their order. An item without one is left
/// out; one with two different answers is invalid.
pub fn read_items(content: &str, choices: &Choices, ids: &[u32]) -> Vec<Answer> {
    let content = without_thoughts(content);
    // A model may quote what it was asked for before it answers: the first JSON that answers anything counts.
    values(&content)
        .map(|value| read_value(&value, choices, ids))
        .find(|answers| !answers.is_empty())
        .unwrap_or_default()
}

/// The answer of a model that was asked for the label alone.
pub fn read_label(content: &str, choices: &Choices, id: u32) -> Answer {
    // A server that forces JSON upon every model is understood as well.
    if let Some(answer) = read_items(content, choices, &[id]).pop() {
        return answer;
    }
    let content = without_thoughts(content);
    let text = content.trim().trim_matches('`').trim();
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let bare = line.trim_start_matches("- ").trim_matches(['"', '\'', '*', '.', ' ']);
    let read = [text, line, bare].map(|form| choices.read(form));
    let known = read.iter().find(|verdict| **verdict != Verdict::Invalid);
    let verdict = read.iter().find(|verdict| verdict.is_valid()).or(known).copied().unwrap_or(Verdict::Invalid);
    Answer { id, verdict, confidence: DEFAULT_CONFIDENCE, source: Source::Assumed, rationale: None }
}

/// A number as a probability, or the default where it is none: who writes 3.14 does not know how sure he is.
pub fn confidence(number: Option<f64>, source: Source) -> (f32, Source) {
    let probability = number.filter(|number| (0.0..=1.0).contains(number));
    probability.map_or((DEFAULT_CONFIDENCE, Source::Assumed), |number| (number as f32, source))
}

fn read_value(value: &Value, choices: &Choices, ids: &[u32]) -> Vec<Answer> {
    let entries = match value {
        Value::Array(entries) => entries.as_slice(),
        Value::Object(members) => match members.get("items") {
            Some(Value::Array(entries)) => entries.as_slice(),
            _ => std::slice::from_ref(value),
        },
        _ => &[],
    };
    let mut answers: Vec<Option<Answer>> = vec![None; ids.len()];
    for entry in entries {
        let Some(position) = position(entry, ids) else { continue };
        let Some(answer) = read_entry(entry, choices, ids[position]) else { continue };
        let known = &mut answers[position];
        *known = Some(match known.take() {
            Some(known) => agree(known, answer),
            None => answer,
        });
    }
    answers.into_iter().flatten().collect()
}

/// Which item an entry is about. Where one was asked about, an entry without an id is about that one.
fn position(entry: &Value, ids: &[u32]) -> Option<usize> {
    let id = match entry.get("id") {
        Some(Value::String(digits)) => digits.trim().parse().ok()?,
        Some(Value::Null) | None if ids.len() == 1 => return Some(0),
        Some(number) => number.as_u64()?,
        None => return None,
    };
    ids.iter().position(|asked| u64::from(*asked) == id)
}

fn read_entry(entry: &Value, choices: &Choices, id: u32) -> Option<Answer> {
    let verdict = match entry.get("category")? {
        Value::String(label) => choices.read(label),
        _ => Verdict::Invalid,
    };
    let number = match entry.get("confidence") {
        Some(Value::String(digits)) => digits.trim().parse().ok(),
        Some(number) => number.as_f64(),
        None => None,
    };
    let (confidence, source) = confidence(number, Source::SelfReported);
    let rationale = entry.get("rationale").and_then(Value::as_str).and_then(rationale);
    Some(Answer { id, verdict, confidence, source, rationale })
}

/// A rationale as it may be shown: one line without control characters, and no longer than it should be.
fn rationale(text: &str) -> Option<String> {
    let line: String = one_line(text).chars().take(RATIONALE_CHARACTERS).collect();
    Some(line.trim().to_owned()).filter(|line| !line.is_empty())
}

/// What two answers to one item say together.
fn agree(one: Answer, other: Answer) -> Answer {
    if one.verdict == other.verdict {
        Answer { confidence: one.confidence.min(other.confidence), ..one }
    } else {
        Answer { verdict: Verdict::Invalid, confidence: 0.0, ..one }
    }
}
