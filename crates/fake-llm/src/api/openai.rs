//! What the APIs of OpenAI have in common.

use super::provider::put;
use super::talk::{Talk, image_of_url};
use super::{Failure, Incoming, Provider};
use crate::limits::{Level, Levels};
use crate::tokens::{Kept, Prompt};
use axum::http::HeaderMap;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::time::Duration;

pub(crate) struct OpenAi;

impl Provider for OpenAi {
    const NAME: &'static str = "openai";

    fn key<'a>(incoming: &Incoming<'a>) -> Option<&'a str> {
        incoming.bearer()
    }

    fn failure(failure: &Failure, _: u64) -> (u16, Value) {
        self::failure(failure)
    }

    fn identify(number: u64, elapsed: Duration, headers: &mut HeaderMap) {
        put(headers, "x-request-id", &format!("req_{number}"));
        put(headers, "openai-processing-ms", &elapsed.as_millis().to_string());
    }

    fn announce(levels: &Levels, headers: &mut HeaderMap) {
        let mut tell = |what: &str, level: Option<Level>| {
            let Some(level) = level else { return };
            put(headers, &format!("x-ratelimit-limit-{what}"), &level.limit.to_string());
            put(headers, &format!("x-ratelimit-remaining-{what}"), &level.remaining.to_string());
            put(headers, &format!("x-ratelimit-reset-{what}"), &written(level.reset));
        };
        tell("requests", levels.requests);
        tell("tokens", levels.tokens);
    }
}

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

impl Content {
    fn texts(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        match self {
            Self::Text(text) => Box::new(std::iter::once(text.as_str())),
            Self::Parts(parts) => Box::new(parts.iter().map(|part| part.text.as_str())),
        }
    }
}

/// A part of a message.
#[derive(Deserialize)]
pub(crate) struct Part {
    #[serde(default)]
    text: String,
    /// `{"url": "..."}` in a chat, the URL itself in a decision.
    image_url: Option<Value>,
    prompt_cache_breakpoint: Option<Value>,
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
    let mut talk = Talk::default();
    for message in messages {
        let instructs = match message.role.as_str() {
            "developer" | "system" => true,
            "user" => {
                talk.user.clear();
                false
            }
            "assistant" | "tool" => {
                message.content.texts().for_each(|text| prompt.add(text));
                continue;
            }
            other => return Err(Failure::invalid(format!("Invalid value: '{other}'."), "messages")),
        };
        match &message.content {
            Content::Text(text) if instructs => talk.instruct(text, prompt),
            Content::Text(text) => talk.say(text, prompt),
            Content::Parts(parts) => {
                for part in parts {
                    part.read(instructs, &mut talk, prompt)?;
                }
            }
        }
        if instructs {
            talk.instruction.push('\n');
        }
    }
    talk.checked("messages")
}

impl Part {
    fn read(&self, instructs: bool, talk: &mut Talk, prompt: &mut Prompt) -> Result<(), Failure> {
        let url = self.image_url.as_ref().map(|image| image["url"].as_str().or(image.as_str()));
        match url {
            Some(Some(url)) if !instructs => talk.show(image_of_url(url, "messages")?, prompt),
            Some(_) => return Err(Failure::invalid("An image needs a user and a URL.", "messages")),
            None if instructs => talk.instruct(&self.text, prompt),
            None => talk.say(&self.text, prompt),
        }
        if self.prompt_cache_breakpoint.as_ref().is_some_and(|mark| mark["mode"] == "explicit") {
            prompt.mark(Kept::Minutes);
        }
        Ok(())
    }
}

/// An error as OpenAI tells it.
fn failure(failure: &Failure) -> (u16, Value) {
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
        Failure::NotFound(message) => (404, "invalid_request_error", Value::Null, message.clone()),
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

/// As OpenAI writes durations: `120ms`, `1s`, `6m0s`.
fn written(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    match milliseconds {
        0..1000 => format!("{milliseconds}ms"),
        1000..60_000 => format!("{}s", milliseconds.div_ceil(1000)),
        _ => format!("{}m{}s", milliseconds / 60_000, milliseconds % 60_000 / 1000),
    }
}
