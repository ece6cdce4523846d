//! Embeddings of OpenAI and of every server that is compatible with it.
//!
//! Source: <https://developers.openai.com/api/reference/resources/embeddings> (OpenAPI 2.3.0).

use super::vectors::{from_base64, from_numbers};
use super::{Api, Written};
use crate::plan::Route;
use crate::provider::{Body, embeddings_usage};
use pg_categorize_core::price::Usage;
use pg_categorize_core::prompt::quoted;
use serde_json::Value;

/// Texts of one request, by the documentation. All together they may have 300,000 tokens, which the provider checks.
const TEXTS: usize = 2048;

pub(super) struct Embeddings;

impl Api for Embeddings {
    fn pack_limit(&self) -> usize {
        TEXTS
    }

    fn write(&self, route: &Route, texts: &[&str], dimensions: Option<usize>) -> Written {
        let input: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
        let input = format!("[{}]", input.join(","));
        let mut body = Body::new(input.len());
        body.text("model", &route.model.name);
        body.json("input", &input);
        if let Some(dimensions) = dimensions {
            body.json("dimensions", &dimensions.to_string());
        }
        // A third of the bytes of numbers, and exact; not every server knows it.
        if route.provider.abilities.openai_extras {
            body.text("encoding_format", "base64");
        }
        Written { path: "/embeddings".into(), body: body.end() }
    }

    fn read(&self, reply: &Value, texts: usize) -> Option<Vec<Vec<f32>>> {
        let data = reply.get("data")?.as_array().filter(|data| data.len() == texts)?;
        let mut vectors: Vec<Option<Vec<f32>>> = vec![None; texts];
        for (position, one) in data.iter().enumerate() {
            // They come in order, and bear their positions; one that comes twice leaves another out.
            let index = match one.get("index") {
                None | Some(Value::Null) => position,
                Some(index) => usize::try_from(index.as_u64()?).ok()?,
            };
            let vector = match one.get("embedding")? {
                Value::String(base64) => from_base64(base64)?,
                Value::Array(numbers) => from_numbers(numbers)?,
                _ => return None,
            };
            *vectors.get_mut(index)? = Some(vector);
        }
        vectors.into_iter().collect()
    }

    fn usage(&self, reply: &Value) -> Option<Usage> {
        embeddings_usage(reply.get("usage")?)
    }
}
