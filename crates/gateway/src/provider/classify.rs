//! What an error reply means. Bodies differ from server to server, and are read for what they can be; their text goes
//! nowhere.
//!
//! Sources: the error codes of OpenAI (<https://developers.openai.com/api/docs/guides/error-codes>), Anthropic
//! (<https://platform.claude.com/docs/en/api/errors>), Gemini (<https://ai.google.dev/gemini-api/docs/troubleshooting>) and
//! TypeSafe, and what the official SDKs retry.

mod google;

use super::headers::{retry_after, should_retry};
use super::{Charge, Failure, FailureClass};
use crate::plan::{ProviderKind, Route};
use reqwest::header::HeaderMap;
use serde_json::Value;
use std::time::SystemTime;

/// A 429 (or any other) of these does not pass by itself: OpenAI, LiteLLM, Anthropic, Gemini.
const STOPPED: [&str; 9] = [
    "insufficient_quota",
    "credit_balance_exhausted",
    "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded",
    "budget_exceeded",
    "enforced_spend_limit_reached",
    "billing_error",
    "API_KEY_INVALID",
    "FAILED_PRECONDITION",
];

/// How Anthropic says with a plain 400 that a limit of spending is reached, in lower case.
const SPENT_WORDS: [&str; 3] = ["spend limit", "api usage limits", "credit balance is too low"];

/// Codes of a request that is longer than the model reads: OpenAI, llama.cpp.
const OVERFLOW: [&str; 2] = ["context_length_exceeded", "exceed_context_size_error"];

/// How servers say that without a code (OpenAI, vLLM, llama.cpp, LiteLLM; Anthropic; Gemini), in lower case.
const OVERFLOW_WORDS: [&str; 6] = [
    "maximum context length",
    "context window",
    "available context size",
    "context length exceeded",
    "prompt is too long",
    "exceeds the maximum number of tokens",
];

/// Codes that a message may show, beside those above.
const SHOWN: [&str; 24] = [
    "invalid_api_key",
    "model_not_found",
    "rate_limit_exceeded",
    "slow_down",
    OVERLOADED[0],
    OVERLOADED[1],
    CONTENT_FILTER,
    "unsupported_parameter",
    "unsupported_value",
    "authentication_error",
    "rate_limit_error",
    "not_found",
    "api_usage_error",
    "internal_error",
    "permission_error",
    "not_found_error",
    "request_too_large",
    "timeout_error",
    "api_error",
    "PERMISSION_DENIED",
    "NOT_FOUND",
    "RESOURCE_EXHAUSTED",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
];

const OVERLOADED: [&str; 2] = ["server_is_overloaded", "overloaded_error"];
const CONTENT_FILTER: &str = "content_filter";

/// Characters of a message that are looked at.
const MESSAGE_CHARACTERS: usize = 2000;

/// What an error body says of itself.
#[derive(Default)]
struct Told<'a> {
    names: Vec<&'a str>,
    message: Option<&'a str>,
}

/// The failure that a status other than success stands for.
pub(crate) fn failure(route: &Route, status: u16, headers: &HeaderMap, body: Option<&Value>) -> Failure {
    let told = body.map(told).unwrap_or_default();
    let now = SystemTime::now();
    let class = match (class(route, status, &told), should_retry(headers)) {
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
        retry_after: body.and_then(|body| google::wait(body, now)).or_else(|| retry_after(headers, now)),
        detail: code.map_or_else(|| format!("http {status}"), |code| format!("http {status} {code}")),
    }
}

/// The status in a body that was delivered as a success (OpenRouter does that once a provider of its own has failed).
pub(super) fn embedded_status(body: &Value) -> Option<u16> {
    let status = body.get("error")?.get("code")?.as_u64()?;
    u16::try_from(status).ok().filter(|status| (400..600).contains(status))
}

fn class(route: &Route, status: u16, told: &Told<'_>) -> FailureClass {
    match status {
        _ if told.is_one_of(&STOPPED) => FailureClass::Stopped,
        400 if route.provider.kind == ProviderKind::Anthropic && told.speaks_of(&SPENT_WORDS) => FailureClass::Stopped,
        413 => FailureClass::ContextOverflow,
        400 | 422 if told.is_one_of(&OVERFLOW) || told.speaks_of(&OVERFLOW_WORDS) => FailureClass::ContextOverflow,
        401..=404 => FailureClass::Stopped,
        // 499 is a request that Google gave up.
        408 | 409 | 499 => FailureClass::ServerError,
        429 => FailureClass::RateLimited,
        529 => FailureClass::Overloaded,
        500.. if told.is_one_of(&OVERLOADED) => FailureClass::Overloaded,
        500.. => FailureClass::ServerError,
        400..=499 => FailureClass::Rejected,
        // Redirects are not followed: whoever they lead to is not who was allowed.
        _ => FailureClass::Stopped,
    }
}

/// Whether it may have been charged. OpenAI, Anthropic and TypeSafe charge no 4xx: these refuse a request, and what a model
/// wrote comes with a 200. Azure charges what it processed: 400 for a content filter or an input that is too long, and 408
/// (<https://learn.microsoft.com/azure/ai-services/openai/how-to/manage-costs>, "HTTP Error response code and billing
/// status"), and servers in between may answer 408 for a model that was still at it. Google charges "a 400 or 500 error"
/// nothing (<https://ai.google.dev/gemini-api/docs/billing>, "Am I charged for failed requests?"); of 503 and 504 it says
/// nothing, and another host may not hold to that.
fn charge(route: &Route, status: u16, told: &Told<'_>) -> Charge {
    match status {
        408 | 499 => Charge::Unknown,
        400 if is_at(route, ".azure.com") => Charge::Unknown,
        500 if is_at(route, "generativelanguage.googleapis.com") => Charge::None,
        400..=499 if !told.is_one_of(&[CONTENT_FILTER]) => Charge::None,
        _ => Charge::Unknown,
    }
}

fn is_at(route: &Route, host: &str) -> bool {
    let url = url::Url::parse(&route.provider.base_url).ok();
    url.and_then(|url| url.host_str().map(|of| of.ends_with(host) && (of.len() == host.len() || host.starts_with('.'))))
        .unwrap_or(false)
}

/// `{"error":{type,code,message,status,details}}`, `{"error":"..."}`, `{"detail":{error_type,message}}`, `{"detail":"..."}`,
/// or the members without any of these around them; Google may put a list around it all. A code may be a number, which says
/// what the status does.
fn told(body: &Value) -> Told<'_> {
    let body = body.get(0).unwrap_or(body);
    let inner = body.get("error").or_else(|| body.get("detail")).unwrap_or(body);
    if let Value::String(message) = inner {
        return Told { message: Some(message), ..Told::default() };
    }
    let text = |of: &'_ str| inner.get(of).and_then(Value::as_str);
    let details = inner.get("details");
    let code = details.and_then(|details| details.get("error_code")?.as_str());
    let reasons = details.and_then(Value::as_array).into_iter().flatten();
    let reasons = reasons.filter_map(|detail| detail.get("reason")?.as_str());
    let names = ["code", "type", "error_type", "status"].into_iter().filter_map(text);
    Told { names: reasons.chain(code).chain(names).collect(), message: text("message") }
}

impl Told<'_> {
    fn is_one_of(&self, names: &[&str]) -> bool {
        self.names.iter().any(|name| names.contains(name))
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
