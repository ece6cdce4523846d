//! What an error reply means. Bodies differ from server to server, and are read for what they can be; their text goes
//! nowhere.
//!
//! Sources: the error codes of OpenAI (<https://developers.openai.com/api/docs/guides/error-codes>) and TypeSafe, and what
//! the official SDKs retry.

use super::headers::{retry_after, should_retry};
use super::{Charge, Failure, FailureClass};
use crate::plan::Route;
use reqwest::header::HeaderMap;
use serde_json::Value;
use std::time::SystemTime;

/// A 429 (or any other) of these does not pass by itself. The last one is LiteLLM's.
const STOPPED: [&str; 5] = [
    "insufficient_quota",
    "credit_balance_exhausted",
    "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded",
    "budget_exceeded",
];

/// Codes of a request that is longer than the model reads: OpenAI, llama.cpp.
const OVERFLOW: [&str; 2] = ["context_length_exceeded", "exceed_context_size_error"];

/// How servers say that without a code (OpenAI, vLLM, llama.cpp, LiteLLM), in lower case.
const OVERFLOW_WORDS: [&str; 5] = [
    "maximum context length",
    "context window",
    "available context size",
    "context length exceeded",
    "prompt is too long",
];

/// Codes that a message may show, beside those above.
const SHOWN: [&str; 13] = [
    "invalid_api_key",
    "model_not_found",
    "rate_limit_exceeded",
    "slow_down",
    OVERLOADED,
    CONTENT_FILTER,
    "unsupported_parameter",
    "unsupported_value",
    "authentication_error",
    "rate_limit_error",
    "not_found",
    "api_usage_error",
    "internal_error",
];

const OVERLOADED: &str = "server_is_overloaded";
const CONTENT_FILTER: &str = "content_filter";

/// Characters of a message that are looked at.
const MESSAGE_CHARACTERS: usize = 2000;

/// What an error body says of itself.
#[derive(Default)]
struct Told<'a> {
    names: [Option<&'a str>; 2],
    message: Option<&'a str>,
}

/// The failure that a status other than success stands for.
pub(super) fn failure(route: &Route, status: u16, headers: &HeaderMap, body: Option<&Value>) -> Failure {
    let told = body.map(told).unwrap_or_default();
    let class = match (class(status, &told), should_retry(headers)) {
        // A quota is no matter of trying again, whatever a header says, and what is too long stays so.
        (class @ FailureClass::ContextOverflow, _) => class,
        (class, _) if told.is_one_of(&STOPPED) => class,
        (FailureClass::RateLimited | FailureClass::ServerError | FailureClass::Overloaded, Some(false)) => {
            FailureClass::Rejected
        }
        (FailureClass::Rejected | FailureClass::Stopped, Some(true)) => FailureClass::ServerError,
        (class, _) => class,
    };
    let code = [STOPPED.as_slice(), &OVERFLOW, &SHOWN].concat().into_iter().find(|code| told.is_one_of(&[code]));
    Failure {
        class,
        charge: charge(route, status, &told),
        retry_after: retry_after(headers, SystemTime::now()),
        detail: code.map_or_else(|| format!("http {status}"), |code| format!("http {status} {code}")),
    }
}

/// The status in a body that was delivered as a success (OpenRouter does that once a provider of its own has failed).
pub(super) fn embedded_status(body: &Value) -> Option<u16> {
    let status = body.get("error")?.get("code")?.as_u64()?;
    u16::try_from(status).ok().filter(|status| (400..600).contains(status))
}

fn class(status: u16, told: &Told<'_>) -> FailureClass {
    match status {
        _ if told.is_one_of(&STOPPED) => FailureClass::Stopped,
        413 => FailureClass::ContextOverflow,
        400 | 422 if told.is_one_of(&OVERFLOW) || told.speaks_of(&OVERFLOW_WORDS) => FailureClass::ContextOverflow,
        401..=404 => FailureClass::Stopped,
        408 | 409 => FailureClass::ServerError,
        429 => FailureClass::RateLimited,
        503 if told.is_one_of(&[OVERLOADED]) => FailureClass::Overloaded,
        529 => FailureClass::Overloaded,
        500.. => FailureClass::ServerError,
        400..=499 => FailureClass::Rejected,
        // Redirects are not followed: whoever they lead to is not who was allowed.
        _ => FailureClass::Stopped,
    }
}

/// Whether it may have been charged. OpenAI and TypeSafe charge no 4xx. Azure does what it processed: 400 for a content
/// filter or an input that is too long, and 408 (<https://learn.microsoft.com/azure/ai-services/openai/how-to/manage-costs>,
/// "HTTP Error response code and billing status"), and servers in between may answer 408 for a model that was still at it.
fn charge(route: &Route, status: u16, told: &Told<'_>) -> Charge {
    match status {
        408 => Charge::Unknown,
        400 if is_azure(route) => Charge::Unknown,
        400..=499 if !told.is_one_of(&[CONTENT_FILTER]) => Charge::None,
        _ => Charge::Unknown,
    }
}

fn is_azure(route: &Route) -> bool {
    let url = url::Url::parse(&route.provider.base_url).ok();
    url.and_then(|url| url.host_str().map(|host| host.ends_with(".azure.com"))).unwrap_or(false)
}

/// `{"error":{type,code,message}}`, `{"error":"..."}`, `{"detail":{error_type,message}}`, `{"detail":"..."}`, or the members
/// without any of these around them. A code may be a number, which says what the status does.
fn told(body: &Value) -> Told<'_> {
    let inner = body.get("error").or_else(|| body.get("detail")).unwrap_or(body);
    if let Value::String(message) = inner {
        return Told { message: Some(message), ..Told::default() };
    }
    let text = |name| inner.get(name).and_then(Value::as_str);
    Told { names: [text("code"), text("type").or_else(|| text("error_type"))], message: text("message") }
}

impl Told<'_> {
    fn is_one_of(&self, names: &[&str]) -> bool {
        self.names.iter().flatten().any(|name| names.contains(name))
    }

    fn speaks_of(&self, words: &[&str]) -> bool {
        let Some(message) = self.message else { return false };
        let message: String = message.chars().take(MESSAGE_CHARACTERS).collect();
        let message = message.to_lowercase();
        words.iter().any(|word| message.contains(word))
    }
}

#[cfg(test)]
mod tests;
