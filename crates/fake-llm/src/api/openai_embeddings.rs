//! `POST /v1/embeddings` (OpenAI, API reference, "Embeddings").

use super::openai::{self, OpenAi};
use super::{Answering, Api, Asked, Failure, Incoming, Written, vector};
use crate::oracle::Oracle;
use crate::tokens::{Prompt, Tokens, count};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Inputs of a request, tokens of one, tokens of all.
const INPUTS: usize = 2048;
const TOKENS: u64 = 8192;
const ALL_TOKENS: u64 = 300_000;

pub(crate) struct OpenAiEmbeddings;

/// How vectors are told.
pub(crate) struct Wanted {
    dimensions: usize,
    base64: bool,
}

#[derive(Deserialize)]
struct Request {
    model: String,
    input: Input,
    dimensions: Option<usize>,
    encoding_format: Option<String>,
    user: Option<String>,
    #[serde(flatten)]
    other: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Input {
    One(String),
    Many(Vec<String>),
}

/// How many dimensions a model has, at most.
fn dimensions(model: &str) -> usize {
    if model == "text-embedding-3-large" { 3072 } else { 1536 }
}

impl Api for OpenAiEmbeddings {
    type Provider = OpenAi;
    type Question = Wanted;

    const NAME: &'static str = "openai_embeddings";

    fn read(incoming: &Incoming<'_>, _: &Oracle) -> Result<(Asked, Wanted), Failure> {
        let request: Request = openai::parse(incoming.body)?;
        let _: Option<String> = request.user;
        if let Some(name) = request.other.keys().next() {
            return Err(Failure::invalid(format!("Unrecognized request argument supplied: {name}"), "body"));
        }
        let texts = match request.input {
            Input::One(text) => vec![text],
            Input::Many(texts) => texts,
        };
        let tokens = |text: &String| count(text.len() as u64);
        if texts.is_empty() || texts.len() > INPUTS || texts.iter().any(String::is_empty) {
            return Err(Failure::invalid(format!("'input' needs 1 to {INPUTS} texts that are not empty."), "input"));
        }
        if let Some(tokens) = texts.iter().map(tokens).find(|tokens| *tokens > TOKENS) {
            return Err(Failure::ContextLength { limit: TOKENS, tokens });
        }
        let all: u64 = texts.iter().map(tokens).sum();
        if all > ALL_TOKENS {
            return Err(Failure::ContextLength { limit: ALL_TOKENS, tokens: all });
        }
        let largest = dimensions(&request.model);
        let wanted = request.dimensions.unwrap_or(largest);
        if !(1..=largest).contains(&wanted) || (request.dimensions.is_some() && request.model.contains("ada-002")) {
            return Err(Failure::invalid("This model does not support specifying these dimensions.", "dimensions"));
        }
        let base64 = match request.encoding_format.as_deref() {
            None | Some("float") => false,
            Some("base64") => true,
            Some(_) => return Err(Failure::invalid("'encoding_format' is float or base64.", "encoding_format")),
        };
        let mut prompt = Prompt::default();
        texts.iter().for_each(|text| prompt.add(text));
        Ok((Asked::unanswered(request.model, texts, prompt), Wanted { dimensions: wanted, base64 }))
    }

    fn answer(asked: &Asked, wanted: Wanted, _: &Answering<'_>) -> Written {
        let told = |vector: Vec<f32>| match wanted.base64 {
            true => {
                let bytes: Vec<u8> = vector.into_iter().flat_map(f32::to_le_bytes).collect();
                STANDARD.encode(bytes).into()
            }
            false => Value::from(vector),
        };
        let entry = |(at, text): (usize, &String)| json!({"object": "embedding", "index": at, "embedding": told(vector::unit(text, wanted.dimensions))});
        let data: Value = asked.titles.iter().enumerate().map(entry).collect();
        Written { body: json!({"object": "list", "model": asked.model, "data": data}), ..Written::default() }
    }

    fn usage(tokens: &Tokens, _: u64) -> Value {
        json!({"prompt_tokens": tokens.all_input(), "total_tokens": tokens.all_input()})
    }
}
