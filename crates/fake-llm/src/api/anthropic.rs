//! What the APIs of Anthropic have in common (platform.claude.com, "Errors", "Rate limits", "Versions").

use super::provider::put;
use super::{Failure, Incoming, Provider};
use crate::date::rfc3339;
use crate::delay::{RetryAfter, delays};
use crate::limits::{Level, Levels};
use axum::http::HeaderMap;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};

/// From this version on there are no sampling parameters.
pub(crate) const WITHOUT_SAMPLING: &str = "2026-10-21";

const VERSIONS: [&str; 2] = ["2023-06-01", WITHOUT_SAMPLING];

pub(crate) struct Anthropic;

impl Provider for Anthropic {
    const NAME: &'static str = "anthropic";

    fn key<'a>(incoming: &Incoming<'a>) -> Option<&'a str> {
        incoming.header("x-api-key").or_else(|| incoming.bearer())
    }

    fn failure(failure: &Failure, number: u64) -> (u16, Value) {
        let (status, kind, message) = told(failure);
        let details = match failure {
            Failure::Quota => json!({"error_code": "enforced_spend_limit_reached"}),
            _ => Value::Null,
        };
        let error = json!({"type": kind, "message": message, "details": details});
        (status, json!({"type": "error", "error": error, "request_id": format!("req_{number}")}))
    }

    /// There is no header for milliseconds here.
    fn put_off(delay: Duration, form: RetryAfter, headers: &mut HeaderMap, _: &mut Value) -> Duration {
        let form = if form == RetryAfter::Both { RetryAfter::Seconds } else { form };
        delays(headers, delay, form)
    }

    fn identify(number: u64, _: Duration, headers: &mut HeaderMap) {
        put(headers, "request-id", &format!("req_{number}"));
        put(headers, "anthropic-organization-id", "org_fake");
    }

    fn announce(levels: &Levels, headers: &mut HeaderMap) {
        let mut tell = |what: &str, level: Option<Level>| {
            let Some(level) = level else { return };
            put(headers, &format!("anthropic-ratelimit-{what}-limit"), &level.limit.to_string());
            put(headers, &format!("anthropic-ratelimit-{what}-remaining"), &level.remaining.to_string());
            put(headers, &format!("anthropic-ratelimit-{what}-reset"), &rfc3339(SystemTime::now() + level.reset));
        };
        tell("requests", levels.requests);
        for tokens in ["tokens", "input-tokens", "output-tokens"] {
            tell(tokens, levels.tokens);
        }
    }
}

/// Status, type and message of an error.
fn told(failure: &Failure) -> (u16, &'static str, String) {
    let (status, kind, message) = match failure {
        Failure::RateLimit | Failure::SlowDown => {
            (429, "rate_limit_error", "This request would exceed your account's rate limit. Please try again later.")
        }
        Failure::Quota => (429, "rate_limit_error", "You have reached the spend limit of this workspace."),
        Failure::Unauthorized => (401, "authentication_error", "invalid x-api-key"),
        Failure::Forbidden => {
            (403, "permission_error", "Your API key does not have permission to use the specified resource.")
        }
        Failure::ModelNotFound(model) => return (404, "not_found_error", format!("model: {model}")),
        Failure::NotFound(message) => return (404, "not_found_error", message.clone()),
        Failure::RequestTimeout => (504, "timeout_error", "The request timed out."),
        Failure::Conflict => (409, "conflict_error", "The request conflicts with another."),
        Failure::ServerError => (500, "api_error", "Internal server error"),
        Failure::Overloaded => (529, "overloaded_error", "Overloaded"),
        Failure::Loading => (503, "api_error", "Service unavailable"),
        Failure::ContextLength { limit, tokens } => {
            return (400, "invalid_request_error", format!("prompt is too long: {tokens} tokens > {limit} maximum"));
        }
        Failure::Invalid { message, .. } => return (400, "invalid_request_error", message.clone()),
    };
    (status, kind, message.to_owned())
}

/// The version that a request must name.
pub(crate) fn version<'a>(incoming: &Incoming<'a>) -> Result<&'a str, Failure> {
    let version = incoming.header("anthropic-version");
    let version = version.ok_or_else(|| Failure::invalid("anthropic-version: header is required", "version"))?;
    match VERSIONS.contains(&version) {
        true => Ok(version),
        false => Err(Failure::invalid(format!("anthropic-version: {version:?} is not a valid version"), "version")),
    }
}
