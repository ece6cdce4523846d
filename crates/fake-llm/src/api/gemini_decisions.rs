//! `POST /{v1|v1beta}/decisions` (Gemini API, "Decisions", announced 2026-11). Questions are those of System One.

use super::gemini::{GeminiBeta, wrong};
use super::items;
use super::questions::{self, Ask};
use super::talk::{Talk, image_name, image_of_url};
use super::{Answering, Api, Asked, Failure, Incoming, Written};
use crate::faults::Fault;
use crate::oracle::Oracle;
use crate::tokens::{Prompt, Tokens};
use serde::Deserialize;
use serde_json::{Value, json};

/// Questions that a request may have.
const QUESTIONS: usize = 1000;

pub(crate) struct GeminiDecisions;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    model: String,
    input: Input,
    questions: Value,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Input {
    Text(String),
    Block(Block),
    Blocks(Vec<Block>),
}

/// A block of content, as the Interactions API has them and not as generateContent.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block {
    Text { text: String },
    Image { data: Option<String>, mime_type: Option<String>, uri: Option<String> },
}

impl Block {
    fn say(&self, talk: &mut Talk, prompt: &mut Prompt) -> Result<(), Failure> {
        match self {
            Self::Text { text } => talk.say(text, prompt),
            Self::Image { data: Some(data), mime_type: Some(kind), .. } if kind.starts_with("image/") => {
                talk.show(image_name(data, "input")?, prompt);
            }
            Self::Image { data: None, uri: Some(uri), .. } => talk.show(image_of_url(uri, "input")?, prompt),
            Self::Image { .. } => return Err(wrong("input: an image needs data with an image's mime_type, or a uri")),
        }
        Ok(())
    }
}

/// What is refused of a question beside what System One refuses: all texts are needed, and options are bare.
fn check(name: &str, question: &Value) -> Result<(), Failure> {
    let empty = |text: &Value| text.as_str().is_some_and(|text| text.trim().is_empty());
    let instructions = &question["instructions"];
    if instructions.is_null() || empty(instructions) || instructions.as_array().is_some_and(Vec::is_empty) {
        return Err(wrong(format!("questions[{name}].instructions: at least one content block is required")));
    }
    let options = question["criteria"].as_object().filter(|_| question["type"] == "choice");
    for (option, description) in options.into_iter().flatten() {
        if !description.is_string() {
            return Err(wrong(format!("questions[{name}].criteria[{option}]: a string is required")));
        }
        if option.is_empty() || option.trim() != option || option.chars().any(char::is_control) {
            return Err(wrong(format!("questions[{name}].criteria: {option:?} is not a valid option")));
        }
    }
    Ok(())
}

impl Api for GeminiDecisions {
    type Provider = GeminiBeta;
    type Question = Vec<Ask>;

    const NAME: &'static str = "gemini_decisions";

    fn read(incoming: &Incoming<'_>, oracle: &Oracle) -> Result<(Asked, Vec<Ask>), Failure> {
        let request: Request = serde_json::from_slice(incoming.body).map_err(|error| wrong(error.to_string()))?;
        let (mut prompt, mut talk) = (Prompt::default(), Talk::default());
        match request.input {
            Input::Text(text) => talk.say(&text, &mut prompt),
            Input::Block(block) => block.say(&mut talk, &mut prompt)?,
            Input::Blocks(blocks) => blocks.iter().try_for_each(|block| block.say(&mut talk, &mut prompt))?,
        }
        let items = items::read(&talk.checked("input")?.user);
        let questions = request.questions.as_object();
        questions.into_iter().flatten().try_for_each(|(name, question)| check(name, question))?;
        let asks = questions::read(&request.questions, &items, &mut prompt).map_err(|failure| match failure {
            Failure::Invalid { message, .. } => wrong(message.replacen('\n', ": ", 1)),
            other => other,
        })?;
        if asks.len() > QUESTIONS {
            return Err(wrong(format!("At most {QUESTIONS} questions are allowed.")));
        }
        let model = request.model.strip_prefix("models/").unwrap_or(&request.model).to_owned();
        Ok((Asked::about(model, items.names(oracle), prompt, 0), asks))
    }

    fn answer(asked: &Asked, asks: Vec<Ask>, with: &Answering<'_>) -> Written {
        if with.chosen.fault == Fault::Refusal {
            let feedback = json!({"block_reason": "safety", "block_reason_message": "The input was blocked."});
            let spoiled = (0..asked.titles.len()).collect();
            return Written { body: json!({"prompt_feedback": feedback}), spoiled, ..Written::default() };
        }
        let (mut answers, spoiled) = questions::answers(asked, asks, with);
        for answer in answers.values_mut() {
            if let Some(noul) = answer["noul"].as_f64() {
                answer["noul"] = noul.clamp(0.01, 0.99).into();
            }
            answer["confidence"] = confidence(answer).into();
        }
        Written { body: json!({"answers": answers}), spoiled, ..Written::default() }
    }

    fn usage(tokens: &Tokens, _: u64) -> Value {
        json!({
            "total_input_tokens": tokens.all_input(),
            "total_cached_tokens": tokens.cached_input,
            "total_output_tokens": tokens.output,
            "total_tokens": tokens.all_input() + tokens.output,
        })
    }
}

/// The probability of what is likeliest, as the documentation of the answers has it.
fn confidence(answer: &Value) -> f64 {
    match answer["noul"].as_f64() {
        Some(noul) => noul.max(1.0 - noul),
        None => answer["probabilities"]
            .as_object()
            .map_or(0.0, |all| all.values().filter_map(Value::as_f64).fold(0.0, f64::max)),
    }
}
