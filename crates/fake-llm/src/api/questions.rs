//! Questions with names, as System One and Gemini ask them.

use super::answer::{Answer, certainty, spoil};
use super::items::Items;
use super::{Answering, Asked, Failure};
use crate::tokens::Prompt;
use serde_json::{Map, Value, json};

/// A question with its name.
pub(crate) struct Ask {
    name: String,
    instructions: String,
    kind: Kind,
    /// The item that it is about.
    place: usize,
}

enum Kind {
    Noul,
    Choice(Vec<String>),
    Score(Vec<Value>),
}

/// What is wrong with the field of this path.
pub(crate) fn invalid(path: &str, message: impl Into<String>) -> Failure {
    // The path of the field takes the place of a code: it is all that this API tells more.
    Failure::Invalid { message: format!("{path}\n{}", message.into()), param: None, code: None }
}

impl Ask {
    fn read(name: &str, question: &Value, items: &Items, prompt: &mut Prompt) -> Result<Self, Failure> {
        let path = |field: &str| format!("questions/{name}/{field}");
        let kind = question["type"].as_str().ok_or_else(|| invalid(&path("type"), "Field required"))?;
        let instructions = text(&question["instructions"]);
        prompt.add(&instructions);
        let criteria = &question["criteria"];
        let kind = match kind {
            "noul" => {
                prompt.add(&text(criteria));
                Kind::Noul
            }
            "choice" => {
                let options = criteria.as_object().filter(|options| (2..=255).contains(&options.len()));
                let options = options.ok_or_else(|| invalid(&path("criteria"), "2 to 255 options are needed"))?;
                for (option, description) in options {
                    prompt.add(option);
                    prompt.add(&text(description));
                }
                Kind::Choice(options.keys().cloned().collect())
            }
            "score" => {
                let complete =
                    |levels: &&Vec<Value>| (2..=10).contains(&levels.len()) && !levels.contains(&Value::Null);
                let levels = criteria.as_array().filter(complete);
                let levels = levels.ok_or_else(|| invalid(&path("criteria"), "a list of 2 to 10 levels is needed"))?;
                levels.iter().for_each(|level| prompt.add(&text(level)));
                Kind::Score(levels.clone())
            }
            other => return Err(invalid(&path("type"), format!("{other:?} is none of 'noul', 'choice', 'score'"))),
        };
        let place = name.strip_prefix("item_").and_then(|id| items.place_of(id)).unwrap_or(0);
        Ok(Self { name: name.to_owned(), instructions, kind, place })
    }
}

/// Reads all of them and counts their text. A question named `item_ID` is about the item of that id, another one about the
/// first.
pub(crate) fn read(questions: &Value, items: &Items, prompt: &mut Prompt) -> Result<Vec<Ask>, Failure> {
    let questions = questions.as_object().filter(|questions| !questions.is_empty());
    let questions = questions.ok_or_else(|| invalid("questions", "Field required"))?;
    questions.iter().map(|(name, question)| Ask::read(name, question, items, prompt)).collect()
}

/// The answers by name, and the places of the items that a fault spoiled.
pub(crate) fn answers(asked: &Asked, asks: Vec<Ask>, with: &Answering<'_>) -> (Map<String, Value>, Vec<usize>) {
    let mut written = Map::new();
    let mut spoiled = Vec::new();
    for Ask { name, instructions, kind, place } in asks {
        let labels = match &kind {
            Kind::Noul => {
                let title = asked.titles.get(place).map_or("", String::as_str);
                let noul = with.oracle.number(title, &instructions);
                written.insert(name, json!({"type": "noul", "noul": noul}));
                continue;
            }
            Kind::Choice(options) => options.clone(),
            Kind::Score(levels) => levels.iter().map(text).collect(),
        };
        let mut answers = vec![Answer::to(asked, place, Value::Null, &labels, with)];
        let probabilities = answers[0].probabilities(asked, with);
        let value = match kind {
            Kind::Score(levels) => score(&levels, &probabilities),
            _ => {
                spoiled.extend(spoil(&mut answers, &with.chosen));
                // There is one answer for a name: of two, the second one stays, as in JSON.
                let Some(answer) = answers.pop() else { continue };
                json!({
                    "type": "choice",
                    "choice": answer.label,
                    "probabilities": labels.iter().cloned().zip(&probabilities).map(pair).collect::<Map<_, _>>(),
                    "confidence": certainty(&probabilities),
                })
            }
        };
        written.insert(name, value);
    }
    (written, spoiled)
}

/// The expectation of the level, and how narrow its distribution is (TypeSafe's formulas).
fn score(levels: &[Value], probabilities: &[f64]) -> Value {
    let at = |(level, probability): (usize, &f64)| level as f64 * probability;
    let mode = (0..levels.len()).max_by(|a, b| probabilities[*a].total_cmp(&probabilities[*b])).unwrap_or(0);
    let middle = (levels.len() - 1) as f64 / 2.0;
    let uniform = (0..levels.len()).map(|level| (level as f64 - middle).abs()).sum::<f64>() / levels.len() as f64;
    let spread: f64 = probabilities.iter().enumerate().map(|(level, p)| level.abs_diff(mode) as f64 * p).sum();
    let numbered = |(level, value): (usize, &Value)| (level.to_string(), value.clone());
    json!({
        "type": "score",
        "score": probabilities.iter().enumerate().map(at).sum::<f64>(),
        "legend": levels.iter().enumerate().map(numbered).collect::<Map<_, _>>(),
        "probabilities": (0..levels.len()).map(|level| level.to_string()).zip(probabilities).map(pair).collect::<Map<_, _>>(),
        "confidence": (1.0 - spread / uniform).max(0.0),
    })
}

fn pair((label, probability): (String, &f64)) -> (String, Value) {
    (label, json!(probability))
}

/// A text as it is, anything else as JSON, nothing as nothing.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
