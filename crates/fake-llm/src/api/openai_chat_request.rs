//! A request for `POST /v1/chat/completions`, and what OpenAI refuses of it.

use super::{Failure, openai, schema};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Parameters that are taken and have no effect here.
const WITHOUT_EFFECT: [&str; 18] = [
    "frequency_penalty",
    "logit_bias",
    "metadata",
    "modalities",
    "parallel_tool_calls",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "temperature",
    "top_p",
    "user",
    "verbosity",
];

/// A request, as far as it matters here.
#[derive(Deserialize)]
pub(crate) struct Request {
    pub(crate) model: String,
    pub(crate) messages: Vec<openai::Message>,
    pub(crate) response_format: Option<ResponseFormat>,
    pub(crate) max_completion_tokens: Option<u64>,
    pub(crate) max_tokens: Option<u64>,
    pub(crate) logprobs: Option<bool>,
    pub(crate) top_logprobs: Option<usize>,
    reasoning_effort: Option<String>,
    n: Option<u32>,
    stream: Option<bool>,
    #[serde(flatten)]
    other: Map<String, Value>,
}

/// The form of the answer.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum ResponseFormat {
    Text,
    JsonObject,
    JsonSchema { json_schema: NamedSchema },
}

/// A schema as requests bring it.
#[derive(Deserialize)]
pub(crate) struct NamedSchema {
    name: String,
    #[serde(default)]
    strict: Option<bool>,
    #[serde(default)]
    pub(crate) schema: Value,
}

impl Request {
    /// What OpenAI refuses.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let wrong =
            |message: String, param, code| Err(Failure::Invalid { message, param: Some(param), code: Some(code) });
        let thinks = ["gpt-5", "gpt-6"].iter().any(|family| self.model.starts_with(family));
        let thinks_now = thinks && self.reasoning_effort.as_deref() != Some("none");
        if let Some(name) = self.other.keys().find(|name| !WITHOUT_EFFECT.contains(&name.as_str())) {
            return wrong(format!("Unrecognized request argument supplied: {name}"), "body", "unknown_parameter");
        }
        if thinks && self.max_tokens.is_some() {
            let message = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.";
            return wrong(message.to_owned(), "max_tokens", "unsupported_parameter");
        }
        if thinks_now && (self.logprobs == Some(true) || self.top_logprobs.is_some()) {
            let message = "Unsupported parameter: 'logprobs' is not supported with this model.";
            return wrong(message.to_owned(), "logprobs", "unsupported_parameter");
        }
        if thinks_now && self.other.get("temperature").is_some_and(|t| t.as_f64() != Some(1.0)) {
            let message = "Unsupported value: 'temperature' does not support this value with this model.";
            return wrong(message.to_owned(), "temperature", "unsupported_value");
        }
        if self.stream == Some(true) || self.n.is_some_and(|n| n != 1) {
            return wrong("This server has neither 'stream' nor 'n'.".to_owned(), "stream", "unsupported_value");
        }
        if let Some(ResponseFormat::JsonSchema { json_schema }) = &self.response_format {
            let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            if !(1..=64).contains(&json_schema.name.len()) || !json_schema.name.chars().all(allowed) {
                return Err(Failure::invalid("Invalid 'response_format.json_schema.name'", "response_format"));
            }
            let fault = schema::fault_in(&json_schema.schema).filter(|_| json_schema.strict == Some(true));
            if let Some(fault) = fault {
                let message = format!("Invalid schema for response_format '{}': {fault}", json_schema.name);
                return Err(Failure::invalid(message, "response_format"));
            }
        }
        Ok(())
    }
}
