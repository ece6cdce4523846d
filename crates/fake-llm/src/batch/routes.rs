//! Where files and batches are. OpenAI and Gemini share addresses; whose key a request brings tells whom it is for.

use super::{anthropic, gemini, gemini_files, openai, openai_files};
use crate::api::{Arrived, GEMINI_KEY};
use crate::server::State;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Path};
use axum::response::Response;
use axum::routing::{get, post};
use std::sync::Arc;

/// Bytes of the largest upload that is read.
const LARGEST_UPLOAD: usize = 600 << 20;

pub(crate) fn routes() -> Router<Arc<State>> {
    Router::new()
        .route("/v1/files", get(files).post(openai_files::upload))
        .route("/v1/files/{id}", get(file).delete(file_delete))
        .route("/v1/files/{id}/content", get(openai_files::content))
        .route("/v1beta/files", get(gemini_files::list))
        .route("/v1beta/files/{id}", get(gemini_file).delete(gemini_file_delete))
        .route("/download/v1beta/files/{id}", get(gemini_file))
        .route("/download/v1/files/{id}", get(gemini_file))
        .route("/upload/v1/files", post(gemini_files::begin))
        .route("/upload/v1beta/files", post(gemini_files::begin))
        .route("/upload/bytes/{id}", post(gemini_files::finish))
        .route("/v1/batches", get(batches).post(openai::create))
        .route("/v1/batches/{id}", get(batch).post(gemini_batch_call).delete(gemini_batch_delete))
        .route("/v1/batches/{id}/cancel", post(openai::cancel))
        .route("/v1beta/batches", get(gemini::list))
        .route("/v1beta/batches/{id}", get(gemini_batch).post(gemini_batch_call).delete(gemini_batch_delete))
        .route("/v1/messages/batches", get(anthropic::list).post(anthropic::create))
        .route("/v1/messages/batches/{id}", get(anthropic::get).delete(anthropic::delete))
        .route("/v1/messages/batches/{id}/cancel", post(anthropic::cancel))
        .route("/v1/messages/batches/{id}/results", get(anthropic::results))
        .layer(DefaultBodyLimit::max(LARGEST_UPLOAD))
}

fn is_gemini(arrived: &Arrived) -> bool {
    arrived.headers.contains_key(GEMINI_KEY)
}

async fn files(arrived: Arrived) -> Response {
    if is_gemini(&arrived) { gemini_files::list(arrived).await } else { openai_files::list(arrived).await }
}

async fn file(Path(id): Path<String>, arrived: Arrived) -> Response {
    if is_gemini(&arrived) { gemini_files::get(&id, arrived).await } else { openai_files::get(Path(id), arrived).await }
}

async fn file_delete(Path(id): Path<String>, arrived: Arrived) -> Response {
    match is_gemini(&arrived) {
        true => gemini_files::delete(&id, arrived).await,
        false => openai_files::delete(Path(id), arrived).await,
    }
}

async fn gemini_file(Path(id): Path<String>, arrived: Arrived) -> Response {
    gemini_files::get(&id, arrived).await
}

async fn gemini_file_delete(Path(id): Path<String>, arrived: Arrived) -> Response {
    gemini_files::delete(&id, arrived).await
}

async fn batches(arrived: Arrived) -> Response {
    if is_gemini(&arrived) { gemini::list(arrived).await } else { openai::list(arrived).await }
}

async fn batch(Path(id): Path<String>, arrived: Arrived) -> Response {
    if is_gemini(&arrived) { gemini::get(&id, arrived).await } else { openai::get(Path(id), arrived).await }
}

async fn gemini_batch(Path(id): Path<String>, arrived: Arrived) -> Response {
    gemini::get(&id, arrived).await
}

async fn gemini_batch_delete(Path(id): Path<String>, arrived: Arrived) -> Response {
    gemini::delete(&id, arrived).await
}

/// `batches/7:cancel`, as Google writes calls.
async fn gemini_batch_call(Path(call): Path<String>, arrived: Arrived) -> Response {
    gemini::cancel(call.trim_end_matches(":cancel"), arrived).await
}
