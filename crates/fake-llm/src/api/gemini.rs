//! What the APIs of Gemini have in common (ai.google.dev, "API reference", "Troubleshooting", "Rate limits"). Errors are
//! those of Google: a status by name, and details that are typed.

use super::{Failure, Incoming, Provider};
use crate::delay::RetryAfter;
use crate::limits::Levels;
use axum::http::HeaderMap;
use serde_json::{Value, json};
use std::time::Duration;

/// The header of the key.
pub(crate) const KEY_HEADER: &str = "x-goog-api-key";

/// generateContent, embeddings, token counts.
pub(crate) struct Gemini;

/// Decisions, whose errors have codes that are texts.
pub(crate) struct GeminiBeta;

impl Provider for Gemini {
    const NAME: &'static str = "gemini";

    fn key<'a>(incoming: &Incoming<'a>) -> Option<&'a str> {
        incoming.header(KEY_HEADER).or_else(|| incoming.key_in_address())
    }

    fn failure(failure: &Failure, _: u64) -> (u16, Value) {
        let (code, status, message) = told(failure);
        let mut error = json!({"code": code, "message": message, "status": status});
        let details = details(failure);
        if !details.is_empty() {
            error["details"] = details.into();
        }
        (code, json!({"error": error}))
    }

    /// In the body, and in no header.
    fn put_off(delay: Duration, _: RetryAfter, _: &mut HeaderMap, body: &mut Value) -> Duration {
        let told = Duration::from_millis(delay.as_nanos().div_ceil(1_000_000) as u64);
        let seconds = told.as_secs_f64();
        let info = json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{seconds}s")});
        match &mut body["error"]["details"] {
            Value::Array(details) => details.push(info),
            other => *other = json!([info]),
        }
        told
    }

    fn identify(_: u64, _: Duration, _: &mut HeaderMap) {}

    fn announce(_: &Levels, _: &mut HeaderMap) {}
}

impl Provider for GeminiBeta {
    const NAME: &'static str = Gemini::NAME;

    fn key<'a>(incoming: &Incoming<'a>) -> Option<&'a str> {
        Gemini::key(incoming)
    }

    fn failure(failure: &Failure, number: u64) -> (u16, Value) {
        let (code, mut body) = Gemini::failure(failure, number);
        let status = body["error"]["status"].as_str().unwrap_or_default().to_lowercase();
        let status = if status == "invalid_argument" { "invalid_request".to_owned() } else { status };
        body["error"]["code"] = status.into();
        if let Value::Object(error) = &mut body["error"] {
            error.remove("status");
        }
        (code, body)
    }

    fn put_off(delay: Duration, form: RetryAfter, headers: &mut HeaderMap, body: &mut Value) -> Duration {
        Gemini::put_off(delay, form, headers, body)
    }

    fn identify(_: u64, _: Duration, _: &mut HeaderMap) {}

    fn announce(_: &Levels, _: &mut HeaderMap) {}
}

/// Code, status and message of an error.
fn told(failure: &Failure) -> (u16, &'static str, String) {
    let (code, status, message) = match failure {
        Failure::RateLimit | Failure::SlowDown | Failure::Quota => {
            (429, "RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan and billing details.")
        }
        Failure::Unauthorized => (400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."),
        Failure::Forbidden => (403, "PERMISSION_DENIED", "The caller does not have permission"),
        Failure::ModelNotFound(model) => {
            let message =
                format!("models/{model} is not found for API version v1beta, or is not supported for generateContent.");
            return (404, "NOT_FOUND", message);
        }
        Failure::NotFound(message) => return (404, "NOT_FOUND", message.clone()),
        Failure::RequestTimeout => (504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
        Failure::Conflict => (409, "ABORTED", "The operation was aborted."),
        Failure::ServerError => (500, "INTERNAL", "An internal error has occurred. Please retry."),
        Failure::Overloaded | Failure::Loading => {
            (503, "UNAVAILABLE", "The model is overloaded. Please try again later.")
        }
        Failure::ContextLength { limit, tokens } => {
            let message =
                format!("The input token count ({tokens}) exceeds the maximum number of tokens allowed ({limit}).");
            return (400, "INVALID_ARGUMENT", message);
        }
        Failure::Invalid { message, .. } => return (400, "INVALID_ARGUMENT", message.clone()),
    };
    (code, status, message.to_owned())
}

/// What an error says beside its message.
fn details(failure: &Failure) -> Vec<Value> {
    let quota = |id: &str| {
        let metric = "generativelanguage.googleapis.com/generate_content_free_tier_requests";
        vec![
            json!({
                "@type": "type.googleapis.com/google.rpc.QuotaFailure",
                "violations": [{"quotaMetric": metric, "quotaId": id, "quotaValue": "10"}],
            }),
            json!({
                "@type": "type.googleapis.com/google.rpc.Help",
                "links": [{"description": "Learn more", "url": "https://ai.google.dev/gemini-api/docs/rate-limits"}],
            }),
        ]
    };
    match failure {
        Failure::RateLimit | Failure::SlowDown => quota("GenerateRequestsPerMinutePerProjectPerModel-FreeTier"),
        Failure::Quota => quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier"),
        Failure::Unauthorized => vec![json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "API_KEY_INVALID",
            "domain": "googleapis.com",
        })],
        _ => Vec::new(),
    }
}

/// What is said to a call that there is not.
pub(crate) fn no_such_method(call: &str) -> Value {
    json!({"error": {"code": 404, "message": format!("{call} is no method of this server."), "status": "NOT_FOUND"}})
}

/// A request for what is wrong with it.
pub(crate) fn wrong(message: impl Into<String>) -> Failure {
    Failure::invalid(message, "body")
}

/// The model that a path names: what is between its last `/` and its last `:`.
pub(crate) fn model_of(incoming: &Incoming<'_>) -> String {
    let call = incoming.uri.path().rsplit('/').next().unwrap_or_default();
    call.rsplit_once(':').map_or(call, |(model, _)| model).to_owned()
}
