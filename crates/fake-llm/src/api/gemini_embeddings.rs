//! `POST /{version}/models/{model}:embedContent` and `:batchEmbedContents` (ai.google.dev, "Embeddings").

use super::gemini::{Gemini, model_of, wrong};
use super::gemini_request::Turn;
use super::{Answering, Api, Asked, Failure, Incoming, Written, vector};
use crate::oracle::Oracle;
use crate::tokens::{Prompt, Tokens};
use serde::Deserialize;
use serde_json::{Value, json};

/// Dimensions of all models.
const DIMENSIONS: usize = 3072;

/// Contents of a batch.
const CONTENTS: usize = 100;

pub(crate) struct GeminiEmbed;

pub(crate) struct GeminiBatchEmbed;

#[derive(Deserialize)]
struct Request {
    model: Option<String>,
    content: Turn,
    #[serde(rename = "outputDimensionality", alias = "output_dimensionality")]
    dimensions: Option<usize>,
}

#[derive(Deserialize)]
struct Batch {
    requests: Vec<Request>,
}

impl Request {
    fn text(&self) -> String {
        self.content.parts.iter().map(|part| part.text.as_str()).collect()
    }

    fn dimensions(&self) -> Result<usize, Failure> {
        let dimensions = self.dimensions.unwrap_or(DIMENSIONS);
        let allowed = (1..=DIMENSIONS).contains(&dimensions);
        if allowed { Ok(dimensions) } else { Err(wrong("output_dimensionality is out of range.")) }
    }
}

fn read(incoming: &Incoming<'_>, requests: &[Request]) -> Result<(Asked, Vec<usize>), Failure> {
    let model = model_of(incoming);
    let other = |named: &&str| named.strip_prefix("models/").unwrap_or(named) != model;
    if let Some(other) = requests.iter().filter_map(|request| request.model.as_deref()).find(other) {
        return Err(wrong(format!("model {other} is not that of the address")));
    }
    let texts: Vec<_> = requests.iter().map(Request::text).collect();
    if texts.is_empty() || texts.len() > CONTENTS || texts.iter().any(String::is_empty) {
        return Err(wrong(format!("1 to {CONTENTS} contents are needed, and none may be empty.")));
    }
    let dimensions = requests.iter().map(Request::dimensions).collect::<Result<_, _>>()?;
    let mut prompt = Prompt::default();
    texts.iter().for_each(|text| prompt.add(text));
    Ok((Asked::unanswered(model, texts, prompt), dimensions))
}

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|error| wrong(format!("Invalid JSON payload received. {error}")))
}

/// A vector; one that gemini-embedding-001 was told to shorten is not of unit length.
fn embed(model: &str, text: &str, dimensions: usize) -> Value {
    let mut values = vector::unit(text, dimensions);
    if model == "gemini-embedding-001" && dimensions < DIMENSIONS {
        let length = (dimensions as f32 / DIMENSIONS as f32).sqrt();
        values.iter_mut().for_each(|value| *value *= length);
    }
    json!({ "values": values })
}

impl Api for GeminiEmbed {
    type Provider = Gemini;
    type Question = Vec<usize>;

    const NAME: &'static str = "gemini_embed";

    fn read(incoming: &Incoming<'_>, _: &Oracle) -> Result<(Asked, Vec<usize>), Failure> {
        read(incoming, &[parse(incoming.body)?])
    }

    fn answer(asked: &Asked, dimensions: Vec<usize>, _: &Answering<'_>) -> Written {
        let embedding =
            asked.titles.first().zip(dimensions.first()).map(|(text, size)| embed(&asked.model, text, *size));
        Written { body: json!({ "embedding": embedding }), ..Written::default() }
    }

    /// It is charged, but not told.
    fn usage(_: &Tokens, _: u64) -> Value {
        Value::Null
    }
}

impl Api for GeminiBatchEmbed {
    type Provider = Gemini;
    type Question = Vec<usize>;

    const NAME: &'static str = "gemini_batch_embed";

    fn read(incoming: &Incoming<'_>, _: &Oracle) -> Result<(Asked, Vec<usize>), Failure> {
        read(incoming, &parse::<Batch>(incoming.body)?.requests)
    }

    fn answer(asked: &Asked, dimensions: Vec<usize>, _: &Answering<'_>) -> Written {
        let texts = asked.titles.iter().zip(dimensions);
        let embeddings: Value = texts.map(|(text, size)| embed(&asked.model, text, size)).collect();
        Written { body: json!({ "embeddings": embeddings }), ..Written::default() }
    }

    /// It is charged, but not told.
    fn usage(_: &Tokens, _: u64) -> Value {
        Value::Null
    }
}
