//! `POST /{v1|v1beta}/decisions` (Gemini API, "Decisions", announced 2026-11). Questions are those of System One.

use super::gemini::{GeminiBeta, wrong};
use super::gemini_request::Part;
use super::items;
use super::questions::{self, Ask};
use super::talk::Talk;
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
    Parts(Vec<Part>),
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
            Input::Parts(parts) => parts.iter().try_for_each(|part| part.say(&mut talk, &mut prompt))?,
        }
        let items = items::read(&talk.checked("input")?.user);
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
            let feedback = json!({"block_reason": "SAFETY", "block_reason_message": "The input was blocked."});
            let spoiled = (0..asked.titles.len()).collect();
            return Written { body: json!({"prompt_feedback": feedback}), spoiled, ..Written::default() };
        }
        let (mut answers, spoiled) = questions::answers(asked, asks, with);
        for answer in answers.values_mut() {
            if let Some(noul) = answer["noul"].as_f64() {
                answer["noul"] = noul.clamp(0.01, 0.99).into();
                answer["confidence"] = ((2.0 * noul - 1.0).abs()).into();
            }
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
