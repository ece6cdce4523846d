//! What the APIs of OpenAI have in common.

use super::Failure;
use crate::tokens::Prompt;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// One message.
#[derive(Deserialize)]
pub(crate) struct Message {
    pub(crate) role: String,
    pub(crate) content: Content,
}

/// Its content: a text, or parts.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Content {
    Text(String),
    Parts(Vec<Part>),
}

/// A part of a message.
#[derive(Deserialize)]
pub(crate) struct Part {
    #[serde(default)]
    text: String,
    prompt_cache_breakpoint: Option<Value>,
}

/// The messages of one request.
pub(crate) struct Talk {
    /// What developer and system say.
    pub(crate) instruction: String,
    /// What the user says last.
    pub(crate) user: String,
}

/// The key of a request.
pub(crate) fn key(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

/// A request of this form.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|error| {
        let message = format!("We could not parse the JSON body of your request. ({error})");
        Failure::Invalid { message, param: None, code: None }
    })
}

/// Reads messages and counts their text.
pub(crate) fn talk(messages: &[Message], prompt: &mut Prompt) -> Result<Talk, Failure> {
    let mut talk = Talk { instruction: String::new(), user: String::new() };
    for message in messages {
        let text = match message.role.as_str() {
            "developer" | "system" => &mut talk.instruction,
            "user" => {
                talk.user.clear();
                &mut talk.user
            }
            "assistant" | "tool" => &mut String::new(),
            other => return Err(Failure::invalid(format!("Invalid value: '{other}'."), "messages")),
        };
        match &message.content {
            Content::Text(whole) => {
                text.push_str(whole);
                prompt.add(whole);
            }
            Content::Parts(parts) => {
                for part in parts {
                    text.push_str(&part.text);
                    prompt.add(&part.text);
                    if part.prompt_cache_breakpoint.as_ref().is_some_and(|mark| mark["mode"] == "explicit") {
                        prompt.mark();
                    }
                }
            }
        }
        text.push('\n');
    }
    talk.user.truncate(talk.user.trim_end_matches('\n').len());
    match talk.user.is_empty() {
        true => Err(Failure::invalid("There is no user message with a text.", "messages")),
        false => Ok(talk),
    }
}

/// An error as OpenAI tells it.
pub(crate) fn failure(failure: &Failure) -> (u16, Value) {
    let limit = "Rate limit reached on requests per min (RPM). Please try again later.";
    let (status, kind, code, message) = match failure {
        Failure::RateLimit => (429, "rate_limit_error", json!("rate_limit_exceeded"), limit.to_owned()),
        Failure::SlowDown => (429, "rate_limit_error", json!("slow_down"), "Slow down.".to_owned()),
        Failure::Quota => {
            let message = "You exceeded your current quota, please check your plan and billing details.";
            (429, "insufficient_quota", json!("insufficient_quota"), message.to_owned())
        }
        Failure::Unauthorized => {
            (401, "invalid_request_error", json!("invalid_api_key"), "Incorrect API key provided.".to_owned())
        }
        Failure::Forbidden => (
            403,
            "invalid_request_error",
            Value::Null,
            "You have insufficient permissions for this operation.".to_owned(),
        ),
        Failure::ModelNotFound(model) => {
            let message = format!("The model `{model}` does not exist or you do not have access to it.");
            (404, "invalid_request_error", json!("model_not_found"), message)
        }
        Failure::RequestTimeout => (408, "server_error", Value::Null, "The request timed out.".to_owned()),
        Failure::Conflict => {
            (409, "invalid_request_error", Value::Null, "The request conflicts with another.".to_owned())
        }
        Failure::ServerError => {
            let message = "The server had an error while processing your request. Sorry about that!";
            (500, "server_error", Value::Null, message.to_owned())
        }
        Failure::Overloaded => {
            let message = "The server is currently overloaded with other requests.";
            (503, "service_unavailable_error", json!("server_is_overloaded"), message.to_owned())
        }
        Failure::Loading => (503, "unavailable_error", json!(503), "Loading model".to_owned()),
        Failure::ContextLength { limit, tokens } => {
            let message = format!(
                "This model's maximum context length is {limit} tokens. However, your messages resulted in {tokens} tokens."
            );
            (400, "invalid_request_error", json!("context_length_exceeded"), message)
        }
        Failure::Invalid { message, code, .. } => (400, "invalid_request_error", json!(code), message.clone()),
    };
    let param = match failure {
        Failure::Invalid { param, .. } => json!(param),
        Failure::ContextLength { .. } => json!("messages"),
        _ => Value::Null,
    };
    (status, json!({"error": {"message": message, "type": kind, "param": param, "code": code}}))
}
