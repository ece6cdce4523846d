//! `batchEmbedContents` of Gemini.
//!
//! Source: <https://ai.google.dev/api/embeddings>. No `taskType` is sent: whether later models heed it is not said, and
//! vectors of different kinds of task are not comparable.

use super::vectors::from_numbers;
use super::{Api, Written};
use crate::plan::Route;
use crate::provider::{Body, bare_model, embeddings_usage, model_path};
use pg_categorize_core::price::Usage;
use pg_categorize_core::prompt::quoted;
use serde_json::Value;

/// Texts of one request: more than this many are refused ("at most 100 requests can be in one batch").
const TEXTS: usize = 100;

pub(super) struct BatchEmbedContents;

impl Api for BatchEmbedContents {
    fn pack_limit(&self) -> usize {
        TEXTS
    }

    fn write(&self, route: &Route, texts: &[&str], dimensions: Option<usize>) -> Written {
        let model = quoted(&format!("models/{}", bare_model(&route.model.name)));
        let dimensions = dimensions.map(|count| format!(r#","outputDimensionality":{count}"#)).unwrap_or_default();
        let requests: Vec<String> = texts
            .iter()
            .map(|text| {
                format!(r#"{{"model":{model},"content":{{"parts":[{{"text":{}}}]}}{dimensions}}}"#, quoted(text))
            })
            .collect();
        let requests = format!("[{}]", requests.join(","));
        let mut body = Body::new(requests.len());
        body.json("requests", &requests);
        Written { path: model_path(&route.model.name, "batchEmbedContents"), body: body.end() }
    }

    fn read(&self, reply: &Value, texts: usize) -> Option<Vec<Vec<f32>>> {
        let embeddings = reply.get("embeddings")?.as_array().filter(|embeddings| embeddings.len() == texts)?;
        embeddings.iter().map(|one| from_numbers(one.get("values")?.as_array()?)).collect()
    }

    fn usage(&self, reply: &Value) -> Option<Usage> {
        embeddings_usage(reply.get("usageMetadata")?)
    }
}
