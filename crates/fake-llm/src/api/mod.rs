//! The APIs, a file each. One way for all: `serve` does what does not depend on the form of a request.

mod answer;
mod content;
mod items;
mod logprobs;
mod models;
mod openai;
mod openai_chat;
mod openai_chat_request;
mod openai_decisions;
mod schema;
mod serve;
mod systemone;

use crate::faults::Chosen;
use crate::oracle::Oracle;
use crate::server::State;
use crate::tokens::{Prompt, Tokens};
use axum::Router;
use axum::http::HeaderMap;
use axum::routing::{get, post};
use serde_json::Value;
use std::sync::Arc;

/// An API that answers questions about items.
pub(crate) trait Api: Send + 'static {
    /// A request that was understood.
    type Question: Send;

    /// The key that a request brings.
    fn key(headers: &HeaderMap) -> Option<&str>;

    /// Understands a request, or says what is wrong with it.
    fn read(body: &[u8], oracle: &Oracle) -> Result<(Asked, Self::Question), Failure>;

    /// The reply without usage.
    fn answer(asked: &Asked, question: Self::Question, with: &Answering<'_>) -> Written;

    /// Usage as the reply tells it.
    fn usage(tokens: &Tokens) -> Value;

    /// An error as this API tells it: its status and body.
    fn failure(failure: &Failure) -> (u16, Value);
}

/// What a request asks, whatever its API.
#[derive(Default)]
pub(crate) struct Asked {
    pub(crate) model: String,
    /// The text of each item.
    pub(crate) titles: Vec<String>,
    pub(crate) prompt: Prompt,
    /// Tokens that the answer may have.
    pub(crate) output_bound: u64,
}

/// With what a question is answered.
pub(crate) struct Answering<'a> {
    pub(crate) oracle: &'a Oracle,
    pub(crate) error_rate: f64,
    pub(crate) chosen: Chosen,
    pub(crate) number: u64,
}

/// A reply as it was written.
pub(crate) struct Written {
    pub(crate) body: Value,
    pub(crate) output_tokens: u64,
    /// Places of the items that a fault spoiled.
    pub(crate) spoiled: Vec<usize>,
}

/// Why a request is not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    RateLimit,
    SlowDown,
    Quota,
    Unauthorized,
    Forbidden,
    ModelNotFound(String),
    RequestTimeout,
    Conflict,
    ServerError,
    Overloaded,
    Loading,
    ContextLength { limit: u64, tokens: u64 },
    Invalid { message: String, param: Option<&'static str>, code: Option<&'static str> },
}

impl Failure {
    pub(crate) fn invalid(message: impl Into<String>, param: &'static str) -> Self {
        Self::Invalid { message: message.into(), param: Some(param), code: None }
    }
}

/// Where the APIs are.
pub(crate) fn routes() -> Router<Arc<State>> {
    Router::new()
        .route("/v1/chat/completions", post(serve::serve::<openai_chat::OpenAiChat>))
        .route("/v1/decisions", post(serve::serve::<openai_decisions::OpenAiDecisions>))
        .route("/v1/systemone", post(serve::serve::<systemone::SystemOne>))
        .route("/v1/models", get(models::list))
}
