//! `POST /v1/decisions` (OpenAI, API reference, "Decisions", beta of 2026-10).

use super::answer::{Answer, certainty, spoil};
use super::items::{self, Items};
use super::openai::OpenAi;
use super::{Answering, Api, Asked, Failure, Incoming, Written, openai};
use crate::faults::Fault;
use crate::oracle::Oracle;
use crate::tokens::{Prompt, Tokens};
use serde::Deserialize;
use serde_json::{Value, json};

pub(crate) struct OpenAiDecisions;

#[derive(Deserialize)]
struct Request {
    model: String,
    input: Input,
    questions: Vec<Asking>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Input {
    Text(String),
    Messages(Vec<openai::Message>),
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Asking {
    Predicate {
        name: Option<String>,
        instructions: String,
    },
    Choice {
        name: Option<String>,
        #[serde(default)]
        instructions: String,
        choices: Vec<Choice>,
    },
    Score {
        name: Option<String>,
        #[serde(default)]
        instructions: String,
        levels: Vec<Level>,
    },
}

#[derive(Deserialize)]
struct Choice {
    value: String,
    description: Option<String>,
}

#[derive(Deserialize)]
struct Level {
    label: String,
    description: Option<String>,
}

/// What one question asks.
pub(crate) struct Ask {
    kind: Kind,
    name: Option<String>,
    instructions: String,
    /// Labels of choices or levels.
    labels: Vec<String>,
    /// The item that it is about.
    place: usize,
    id: Value,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Predicate,
    Choice,
    Score,
}

impl Asking {
    /// Reads a question, the `at`th one, and counts its text.
    fn read(self, at: usize, items: &Items, prompt: &mut Prompt) -> Result<Ask, Failure> {
        let (kind, name, instructions, labels) = match self {
            Self::Predicate { name, instructions } => (Kind::Predicate, name, instructions, Vec::new()),
            Self::Choice { name, instructions, choices } => {
                let labels: Vec<_> = choices.into_iter().map(|choice| (choice.value, choice.description)).collect();
                (Kind::Choice, name, instructions, labels)
            }
            Self::Score { name, instructions, levels } => {
                let labels: Vec<_> = levels.into_iter().map(|level| (level.label, level.description)).collect();
                (Kind::Score, name, instructions, labels)
            }
        };
        prompt.add(&instructions);
        for (label, description) in &labels {
            prompt.add(label);
            prompt.add(description.as_deref().unwrap_or_default());
        }
        let labels: Vec<_> = labels.into_iter().map(|(label, _)| label).collect();
        let distinct = labels.iter().collect::<std::collections::HashSet<_>>().len();
        if kind != Kind::Predicate && (!(2..=255).contains(&labels.len()) || distinct < labels.len()) {
            return Err(Failure::invalid(format!("questions[{at}] needs 2 to 255 unique choices"), "questions"));
        }
        let of_name = name.as_deref().and_then(|name| name.strip_prefix("item_"));
        let place = of_name.and_then(|id| items.place_of(id)).unwrap_or(if items.list.len() > at { at } else { 0 });
        let id = items.list.get(place).map_or(Value::Null, |item| item.id.clone());
        Ok(Ask { kind, name, instructions, labels, place, id })
    }
}

impl Ask {
    fn answer(&self, asked: &Asked, answer: &Answer<'_>, with: &Answering<'_>) -> Value {
        let title = asked.titles.get(self.place).map_or("", String::as_str);
        let probabilities = answer.probabilities(asked, with);
        let pairs = self.labels.iter().zip(&probabilities);
        match self.kind {
            Kind::Predicate => {
                let probability = with.oracle.number(title, &self.instructions);
                json!({"type": "predicate", "name": self.name, "probability": probability})
            }
            Kind::Choice => json!({
                "type": "choice",
                "name": self.name,
                "choice": answer.label,
                "confidence": certainty(&probabilities),
                "probabilities": pairs.map(|(l, p)| json!({"value": l, "probability": p})).collect::<Value>(),
            }),
            Kind::Score => {
                let score: f64 = probabilities.iter().enumerate().map(|(level, p)| level as f64 * p).sum();
                let level = |(at, (l, p))| json!({"label": l, "probability": p, "value": at});
                json!({
                    "type": "score",
                    "name": self.name,
                    "score": score,
                    "confidence": certainty(&probabilities),
                    "probabilities": pairs.enumerate().map(level).collect::<Value>(),
                })
            }
        }
    }
}

impl Api for OpenAiDecisions {
    type Provider = OpenAi;
    type Question = Vec<Ask>;

    const NAME: &'static str = "openai_decisions";

    fn read(incoming: &Incoming<'_>, oracle: &Oracle) -> Result<(Asked, Vec<Ask>), Failure> {
        let request: Request = openai::parse(incoming.body)?;
        if !(1..=400).contains(&request.questions.len()) {
            return Err(Failure::invalid("There must be 1 to 400 questions.", "questions"));
        }
        let mut prompt = Prompt::default();
        let items = match request.input {
            Input::Text(text) => {
                prompt.add(&text);
                items::read_text(&text)
            }
            Input::Messages(messages) => items::read(&openai::talk(&messages, &mut prompt)?.user),
        };
        let questions = request.questions.into_iter().enumerate();
        let asks = questions.map(|(at, asking)| asking.read(at, &items, &mut prompt)).collect::<Result<_, _>>()?;
        Ok((Asked::about(request.model, items.names(oracle), prompt, 0), asks))
    }

    fn answer(asked: &Asked, asks: Vec<Ask>, with: &Answering<'_>) -> Written {
        let answer = asks.iter().map(|ask| Answer::to(asked, ask.place, ask.id.clone(), &ask.labels, with));
        let mut answers: Vec<_> = answer.collect();
        // Items and questions are one to one: a question is found by the place of its item.
        let by_item = asks.iter().enumerate().all(|(at, ask)| ask.place == at && ask.kind == Kind::Choice);
        let mut spoiled = if by_item { spoil(&mut answers, &with.chosen) } else { Vec::new() };
        let refused = |at: usize| with.chosen.fault == Fault::Refusal && at == with.chosen.item;
        let written = answers.iter().enumerate().map(|(at, answer)| {
            let ask = if by_item { &asks[answer.place] } else { &asks[at] };
            if refused(answer.place) {
                return json!({"type": "refusal", "name": ask.name});
            }
            ask.answer(asked, answer, with)
        });
        let body = json!({"model": asked.model, "answers": written.collect::<Value>()});
        if with.chosen.fault == Fault::Refusal {
            spoiled.push(with.chosen.item);
        }
        Written { body, spoiled, ..Written::default() }
    }

    fn usage(tokens: &Tokens, _: u64) -> Value {
        let input = tokens.all_input();
        json!({
            "input_tokens": input,
            "input_tokens_details": {"cached_tokens": tokens.cached_input, "cache_write_tokens": tokens.cache_write},
            "output_tokens": tokens.output,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": input + tokens.output,
        })
    }
}
