//! `POST /v1/systemone` (TypeSafe, API reference; jevcompat, SPEC.md 0.1). One item in a request: its state.

use super::answer::{Answer, certainty, spoil};
use super::{Answering, Api, Asked, Failure, Written, items, openai};
use crate::oracle::Oracle;
use crate::tokens::{Prompt, Tokens};
use axum::http::HeaderMap;
use serde_json::{Map, Value, json};

/// The model behind the name that means the newest one.
const LATEST: (&str, &str) = ("jev-latest", "jev-1.14.0");

pub(crate) struct SystemOne;

/// A question with its name.
pub(crate) struct Ask {
    name: String,
    instructions: String,
    kind: Kind,
}

enum Kind {
    Noul,
    Choice(Vec<String>),
    Score(Vec<Value>),
}

fn invalid(path: &str, message: impl Into<String>) -> Failure {
    // The path of the field takes the place of a code: it is all that this API tells more.
    Failure::Invalid { message: format!("{path}\n{}", message.into()), param: None, code: None }
}

impl Ask {
    fn read(name: &str, question: &Value, prompt: &mut Prompt) -> Result<Self, Failure> {
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
        Ok(Self { name: name.to_owned(), instructions, kind })
    }
}

impl Api for SystemOne {
    type Question = Vec<Ask>;

    fn key(headers: &HeaderMap) -> Option<&str> {
        openai::key(headers)
    }

    fn read(body: &[u8], _: &Oracle) -> Result<(Asked, Vec<Ask>), Failure> {
        let body: Value =
            serde_json::from_slice(body).map_err(|error| invalid("", format!("JSON decode error: {error}")))?;
        let model = body["model"].as_str().unwrap_or(LATEST.0).to_owned();
        let state = body.get("state").ok_or_else(|| invalid("state", "Field required"))?;
        let questions = body["questions"].as_object().filter(|questions| !questions.is_empty());
        let questions = questions.ok_or_else(|| invalid("questions", "Field required"))?;
        let mut prompt = Prompt::default();
        let state = text(state);
        prompt.add(&state);
        let asks = questions.iter().map(|(name, question)| Ask::read(name, question, &mut prompt));
        let asks = asks.collect::<Result<_, _>>()?;
        let titles = items::read(&state).list.into_iter().map(|item| item.title).collect();
        Ok((Asked { model, titles, prompt, output_bound: 0 }, asks))
    }

    fn answer(asked: &Asked, asks: Vec<Ask>, with: &Answering<'_>) -> Written {
        let title = asked.titles.first().map_or("", String::as_str);
        let output_tokens = asks.len() as u64;
        let mut written = Map::new();
        let mut spoiled = Vec::new();
        for Ask { name, instructions, kind } in asks {
            let labels = match &kind {
                Kind::Noul => {
                    let noul = with.oracle.number(title, &instructions);
                    written.insert(name, json!({"type": "noul", "noul": noul}));
                    continue;
                }
                Kind::Choice(options) => options.clone(),
                Kind::Score(levels) => levels.iter().map(text).collect(),
            };
            let mut answers = vec![Answer::to(asked, 0, Value::Null, &labels, with)];
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
        let model = if asked.model == LATEST.0 { LATEST.1 } else { &asked.model };
        Written { body: json!({"model": model, "answers": written}), output_tokens, spoiled }
    }

    fn usage(tokens: &Tokens) -> Value {
        json!({"input_tokens": tokens.all_input(), "output_tokens": tokens.output})
    }

    fn failure(failure: &Failure) -> (u16, Value) {
        let (status, kind, message) = match failure {
            Failure::Invalid { message, .. } => {
                let (path, message) = message.split_once('\n').unwrap_or(("", message));
                let place = ["body"].into_iter().chain(path.split('/').filter(|part| !part.is_empty()));
                let detail = json!([{"loc": place.collect::<Vec<_>>(), "msg": message, "type": "value_error"}]);
                return (422, json!({"detail": detail}));
            }
            Failure::RateLimit | Failure::SlowDown => (429, "rate_limit_error", "Rate limit exceeded."),
            Failure::Quota => (429, "api_usage_error", "The credits of this account are used up."),
            Failure::Unauthorized => (401, "authentication_error", "Invalid API key."),
            Failure::Forbidden => (403, "authentication_error", "This key may not do that."),
            Failure::ModelNotFound(_) => (404, "not_found", "There is no such model."),
            Failure::RequestTimeout => (408, "internal_error", "The request timed out."),
            Failure::Conflict => (409, "api_usage_error", "The request conflicts with another."),
            Failure::ServerError => (500, "internal_error", "Internal server error."),
            Failure::Overloaded | Failure::Loading => (503, "internal_error", "The model is not available now."),
            Failure::ContextLength { .. } => (400, "api_usage_error", "The state has too many tokens."),
        };
        (status, json!({"detail": {"error_type": kind, "message": message}}))
    }
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
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
