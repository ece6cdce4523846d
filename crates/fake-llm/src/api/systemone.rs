//! `POST /v1/systemone` (TypeSafe, API reference; jevcompat, SPEC.md 0.1). One item in a request: its state.

use super::openai::OpenAi;
use super::questions::{self, Ask, invalid, text};
use super::{Answering, Api, Asked, Failure, Incoming, Provider, Written, items};
use crate::limits::Levels;
use crate::oracle::Oracle;
use crate::tokens::{Prompt, Tokens};
use axum::http::HeaderMap;
use serde_json::{Value, json};
use std::time::Duration;

/// The model behind the name that means the newest one.
const LATEST: (&str, &str) = ("jev-latest", "jev-1.14.0");

pub(crate) struct SystemOne;

pub(crate) struct TypeSafe;

impl Api for SystemOne {
    type Provider = TypeSafe;
    type Question = Vec<Ask>;

    const NAME: &'static str = "systemone";

    fn read(incoming: &Incoming<'_>, oracle: &Oracle) -> Result<(Asked, Vec<Ask>), Failure> {
        let body: Value = serde_json::from_slice(incoming.body)
            .map_err(|error| invalid("", format!("JSON decode error: {error}")))?;
        let model = body["model"].as_str().unwrap_or(LATEST.0).to_owned();
        let state = text(body.get("state").ok_or_else(|| invalid("state", "Field required"))?);
        let mut prompt = Prompt::default();
        prompt.add(&state);
        let items = items::read_text(&state);
        let asks = questions::read(&body["questions"], &items, &mut prompt)?;
        Ok((Asked::about(model, items.names(oracle), prompt, 0), asks))
    }

    fn answer(asked: &Asked, asks: Vec<Ask>, with: &Answering<'_>) -> Written {
        let output_tokens = asks.len() as u64;
        let (answers, spoiled) = questions::answers(asked, asks, with);
        let model = if asked.model == LATEST.0 { LATEST.1 } else { &asked.model };
        Written { body: json!({"model": model, "answers": answers}), output_tokens, thoughts: 0, spoiled }
    }

    fn usage(tokens: &Tokens, _: u64) -> Value {
        json!({"input_tokens": tokens.all_input(), "output_tokens": tokens.output})
    }
}

impl Provider for TypeSafe {
    const NAME: &'static str = "typesafe";

    fn key<'a>(incoming: &Incoming<'a>) -> Option<&'a str> {
        incoming.bearer()
    }

    fn failure(failure: &Failure, _: u64) -> (u16, Value) {
        let (status, kind, message) = match failure {
            Failure::Invalid { message, .. } => {
                let (path, message) = message.split_once('\n').unwrap_or(("", message));
                let place = ["body"].into_iter().chain(path.split('/').filter(|part| !part.is_empty()));
                let detail = json!([{"loc": place.collect::<Vec<_>>(), "msg": message, "type": "value_error"}]);
                return (422, json!({"detail": detail}));
            }
            Failure::RateLimit | Failure::SlowDown => (429, "rate_limit_error", "Rate limit exceeded."),
            Failure::Quota => (429, "api_usage_error", "The credits of this account are used up."),
            Failure::Unauthorized => (401, "authentication_error", "Invalid API key."),
            Failure::Forbidden => (403, "authentication_error", "This key may not do that."),
            Failure::ModelNotFound(_) => (404, "not_found", "There is no such model."),
            Failure::NotFound(_) => (404, "not_found", "There is nothing of this name."),
            Failure::RequestTimeout => (408, "internal_error", "The request timed out."),
            Failure::Conflict => (409, "api_usage_error", "The request conflicts with another."),
            Failure::ServerError => (500, "internal_error", "Internal server error."),
            Failure::Overloaded | Failure::Loading => (503, "internal_error", "The model is not available now."),
            Failure::ContextLength { .. } => (400, "api_usage_error", "The state has too many tokens."),
        };
        (status, json!({"detail": {"error_type": kind, "message": message}}))
    }

    fn identify(number: u64, elapsed: Duration, headers: &mut HeaderMap) {
        OpenAi::identify(number, elapsed, headers);
    }

    fn announce(levels: &Levels, headers: &mut HeaderMap) {
        OpenAi::announce(levels, headers);
    }
}
