//! Where the APIs are.

use super::anthropic_count::AnthropicCount;
use super::anthropic_messages::AnthropicMessages;
use super::gemini_decisions::GeminiDecisions;
use super::gemini_embeddings::{GeminiBatchEmbed, GeminiEmbed};
use super::gemini_generate::{GeminiCount, GeminiGenerate};
use super::openai_chat::OpenAiChat;
use super::openai_decisions::OpenAiDecisions;
use super::openai_embeddings::OpenAiEmbeddings;
use super::serve::{Arrived, serve};
use super::systemone::SystemOne;
use super::{gemini, models};
use crate::batch::gemini as batch;
use crate::server::State;
use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use std::sync::Arc;

pub(crate) fn routes() -> Router<Arc<State>> {
    Router::new()
        .route("/v1/chat/completions", post(serve::<OpenAiChat>))
        .route("/v1/embeddings", post(serve::<OpenAiEmbeddings>))
        .route("/v1/decisions", post(decisions))
        .route("/v1/systemone", post(serve::<SystemOne>))
        .route("/v1/messages", post(serve::<AnthropicMessages>))
        .route("/v1/messages/count_tokens", post(serve::<AnthropicCount>))
        .route("/v1beta/decisions", post(serve::<GeminiDecisions>))
        .route("/v1/models/{call}", post(gemini))
        .route("/v1beta/models/{call}", post(gemini))
        .route("/v1/models", get(models::list))
        .route("/v1beta/models", get(models::list))
}

/// OpenAI and Gemini have this path both; whose key a request brings tells whom it is for.
async fn decisions(arrived: Arrived) -> Response {
    match arrived.headers.contains_key(gemini::KEY_HEADER) {
        true => serve::<GeminiDecisions>(arrived).await,
        false => serve::<OpenAiDecisions>(arrived).await,
    }
}

/// `MODEL:METHOD`, as Google writes calls.
async fn gemini(Path(call): Path<String>, arrived: Arrived) -> Response {
    let (model, method) = call.rsplit_once(':').unwrap_or((&call, ""));
    match method {
        "generateContent" => serve::<GeminiGenerate>(arrived).await,
        "countTokens" => serve::<GeminiCount>(arrived).await,
        "embedContent" => serve::<GeminiEmbed>(arrived).await,
        "batchEmbedContents" => serve::<GeminiBatchEmbed>(arrived).await,
        "batchGenerateContent" => batch::create(model.to_owned(), "batchGenerateContent", arrived).await,
        "asyncBatchEmbedContent" => batch::create(model.to_owned(), "asyncBatchEmbedContent", arrived).await,
        _ => (StatusCode::NOT_FOUND, Json(gemini::no_such_method(&call))).into_response(),
    }
}
