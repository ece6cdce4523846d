//! `/v1/files` (OpenAI, API reference, "Files").

use super::call::{Caller, Given, call};
use super::openai::{listing, results};
use super::openai_told::seconds;
use super::registry::{File, number};
use crate::api::{Arrived, Failure, OpenAi};
use crate::server::State;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Path};
use axum::http::Request;
use axum::response::Response;
use serde_json::{Value, json};

/// "512 MB per file."
const MOST_BYTES: usize = 512 << 20;

/// How long files of batches are kept if nobody says: 30 days.
const KEPT_S: u64 = 30 * 86_400;

/// The parts of an upload.
#[derive(Default)]
struct Upload {
    purpose: String,
    name: Option<String>,
    bytes: Bytes,
}

pub(super) async fn upload(arrived: Arrived) -> Response {
    let upload = read(&arrived).await;
    call::<OpenAi>(arrived, "openai_file_upload", move |state, caller| {
        let upload = upload?;
        let name = upload.name.ok_or_else(|| Failure::invalid("'file' is a required property", "file"))?;
        if upload.purpose == "batch" && !name.ends_with(".jsonl") {
            return Err(Failure::invalid("Invalid file format for Batch API. Must be .jsonl", "file"));
        }
        if !["batch", "fine-tune", "assistants", "vision", "user_data", "evals"].contains(&upload.purpose.as_str()) {
            return Err(Failure::invalid("Invalid value: this is no purpose.", "purpose"));
        }
        if upload.bytes.len() > MOST_BYTES {
            return Err(Failure::invalid("The file is too large.", "file"));
        }
        let (owner, created) = (caller.owner, state.clock.now());
        let file = File { owner, name, purpose: upload.purpose, created, bytes: Some(upload.bytes) };
        let mut registry = state.batches.lock();
        let number = registry.number();
        let reply = told(number, &file);
        registry.files.insert(number, file);
        Ok(reply.into())
    })
    .await
}

/// The form of an upload (RFC 7578).
async fn read(arrived: &Arrived) -> Result<Upload, Failure> {
    let wrong = |error: &dyn std::fmt::Display| Failure::invalid(format!("The form cannot be read: {error}"), "body");
    let mut request = Request::new(Body::from(arrived.body.clone()));
    *request.headers_mut() = arrived.headers.clone();
    // It was bounded when it arrived.
    DefaultBodyLimit::disable().apply(&mut request);
    let mut form = Multipart::from_request(request, &()).await.map_err(|error| wrong(&error))?;
    let mut upload = Upload::default();
    while let Some(field) = form.next_field().await.map_err(|error| wrong(&error))? {
        let (part, name) = (field.name().unwrap_or_default().to_owned(), field.file_name().map(str::to_owned));
        let bytes = field.bytes().await.map_err(|error| wrong(&error))?;
        match part.as_str() {
            "purpose" => upload.purpose = String::from_utf8_lossy(&bytes).into_owned(),
            "file" => (upload.name, upload.bytes) = (name, bytes),
            _ => {}
        }
    }
    Ok(upload)
}

fn told(number: u64, file: &File) -> Value {
    json!({
        "id": format!("file-{number}"),
        "object": "file",
        "bytes": file.bytes.as_ref().map_or(0, Bytes::len),
        "created_at": seconds(file.created),
        "expires_at": seconds(file.created) + KEPT_S,
        "filename": file.name,
        "purpose": file.purpose,
        "status": "processed",
        "status_details": null,
    })
}

pub(super) async fn get(Path(id): Path<String>, arrived: Arrived) -> Response {
    call::<OpenAi>(arrived, "openai_file_get", |state, caller| {
        let number = number(&id, "file-");
        let registry = state.batches.lock();
        let file = registry.file(caller.owner, number).ok_or_else(|| unknown(&id))?;
        Ok(told(number.unwrap_or_default(), file).into())
    })
    .await
}

pub(super) async fn content(Path(id): Path<String>, arrived: Arrived) -> Response {
    call::<OpenAi>(arrived, "openai_file_content", |state, caller| given(state, caller, &id)).await
}

fn given(state: &State, caller: &Caller<'_>, id: &str) -> Result<Given, Failure> {
    let mut registry = state.batches.lock();
    if let Some(file) = registry.file(caller.owner, number(id, "file-")) {
        return Ok(Given::lines(file.bytes.clone().unwrap_or_default()));
    }
    results(&mut registry, caller.owner, id).ok_or_else(|| unknown(id))
}

pub(super) async fn delete(Path(id): Path<String>, arrived: Arrived) -> Response {
    call::<OpenAi>(arrived, "openai_file_delete", |state, caller| {
        let mut registry = state.batches.lock();
        let number = number(&id, "file-").filter(|number| registry.file(caller.owner, Some(*number)).is_some());
        let number = number.ok_or_else(|| unknown(&id))?;
        registry.files.remove(&number);
        Ok(json!({"id": id, "object": "file", "deleted": true}).into())
    })
    .await
}

pub(super) async fn list(arrived: Arrived) -> Response {
    call::<OpenAi>(arrived, "openai_file_list", |state, caller| {
        let registry = state.batches.lock();
        let purpose = caller.parameter("purpose");
        let mine = |file: &&File| file.owner == caller.owner && purpose.is_none_or(|purpose| purpose == file.purpose);
        let all: Vec<_> = registry.files.iter().rev().filter(|(_, file)| mine(file)).collect();
        let after = caller.parameter("after").and_then(|id| number(id, "file-"));
        let limit = caller.parameter("limit").and_then(|limit| limit.parse().ok()).unwrap_or(1000);
        let (page, more) = caller.page(&all, limit, |(number, _)| Some(**number) == after, after.is_some());
        Ok(listing(page.iter().map(|(number, file)| told(**number, file)).collect(), more))
    })
    .await
}

fn unknown(id: &str) -> Failure {
    Failure::NotFound(format!("No such File object: {id}"))
}
