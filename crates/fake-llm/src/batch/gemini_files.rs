//! Files of Gemini: a resumable upload in one piece, and downloads (ai.google.dev, "Files API").

use super::call::{Caller, Given, call};
use super::gemini::results;
use super::registry::{File, number};
use crate::api::{Arrived, Failure, Gemini, put};
use crate::date::rfc3339;
use crate::server::State;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Value, json};
use std::time::Duration;

/// How long files are kept.
const KEPT: Duration = Duration::from_secs(48 * 3600);

/// `POST /upload/{version}/files`: begins an upload, and tells where its bytes go.
pub(super) async fn begin(arrived: Arrived) -> Response {
    call::<Gemini>(arrived, "gemini_file_begin", |state, caller| {
        let is = |name: &str, value: &str| caller.incoming.header(name) == Some(value);
        if !is("x-goog-upload-protocol", "resumable") || !is("x-goog-upload-command", "start") {
            return Err(wrong("An upload begins with X-Goog-Upload-Protocol: resumable and a command start."));
        }
        let length = caller.incoming.header("x-goog-upload-header-content-length");
        length.and_then(|length| length.parse::<u64>().ok()).ok_or_else(|| wrong("The length is missing."))?;
        let body: Value = serde_json::from_slice(caller.incoming.body).map_err(|error| wrong(error.to_string()))?;
        let of = |name: &str, other: &str| body["file"][name].as_str().or(body["file"][other].as_str());
        let file = File {
            owner: caller.owner,
            name: of("displayName", "display_name").unwrap_or_default().to_owned(),
            purpose: of("mimeType", "mime_type").unwrap_or_default().to_owned(),
            created: state.clock.now(),
            bytes: None,
        };
        let mut registry = state.batches.lock();
        let number = registry.number();
        registry.files.insert(number, file);
        let mut headers = HeaderMap::new();
        let url = format!("http://127.0.0.1:{}/upload/bytes/{number}", state.port);
        put(&mut headers, "x-goog-upload-url", &url);
        put(&mut headers, "x-goog-upload-status", "active");
        Ok(Given { body: Bytes::new(), kind: "text/plain", headers })
    })
    .await
}

/// The bytes. As the provider has it, the address alone says whose they are.
pub(super) async fn finish(Path(id): Path<String>, arrived: Arrived) -> Response {
    let body = arrived.body.clone();
    call::<Gemini>(arrived, "gemini_file_upload", move |state, caller| {
        if caller.incoming.header("x-goog-upload-command") != Some("upload, finalize") {
            return Err(wrong("This server takes an upload in one piece."));
        }
        let mut registry = state.batches.lock();
        let number = id.parse().ok().unwrap_or_default();
        let file = registry.files.get_mut(&number).ok_or_else(|| unknown(&id))?;
        file.bytes = Some(body);
        let reply = json!({"file": told(state, number, file)});
        let mut given = Given::from(reply);
        put(&mut given.headers, "x-goog-upload-status", "final");
        Ok(given)
    })
    .await
}

pub(crate) async fn get(id: &str, arrived: Arrived) -> Response {
    match id.strip_suffix(":download") {
        Some(id) => call::<Gemini>(arrived, "gemini_file_download", |state, caller| given(state, caller, id)).await,
        None => {
            call::<Gemini>(arrived, "gemini_file_get", |state, caller| {
                let registry = state.batches.lock();
                let number = id.parse().ok();
                let file = registry.file(caller.owner, number).ok_or_else(|| unknown(id))?;
                Ok(told(state, number.unwrap_or_default(), file).into())
            })
            .await
        }
    }
}

fn given(state: &State, caller: &Caller<'_>, id: &str) -> Result<Given, Failure> {
    let mut registry = state.batches.lock();
    if let Some(file) = registry.file(caller.owner, number(id, "")) {
        return Ok(Given::lines(file.bytes.clone().unwrap_or_default()));
    }
    results(&mut registry, caller.owner, id).ok_or_else(|| unknown(id))
}

pub(crate) async fn delete(id: &str, arrived: Arrived) -> Response {
    call::<Gemini>(arrived, "gemini_file_delete", |state, caller| {
        let mut registry = state.batches.lock();
        let number = id.parse().ok().filter(|number| registry.file(caller.owner, Some(*number)).is_some());
        registry.files.remove(&number.ok_or_else(|| unknown(id))?);
        Ok(json!({}).into())
    })
    .await
}

pub(crate) async fn list(arrived: Arrived) -> Response {
    call::<Gemini>(arrived, "gemini_file_list", |state, caller| {
        let registry = state.batches.lock();
        let mine = registry.files.iter().rev().filter(|(_, file)| file.owner == caller.owner && file.bytes.is_some());
        let files: Vec<_> = mine.map(|(number, file)| told(state, *number, file)).collect();
        Ok(json!({"files": files}).into())
    })
    .await
}

fn told(state: &State, number: u64, file: &File) -> Value {
    json!({
        "name": format!("files/{number}"),
        "displayName": file.name,
        "mimeType": file.purpose,
        "sizeBytes": file.bytes.as_ref().map_or(0, Bytes::len).to_string(),
        "createTime": rfc3339(file.created),
        "updateTime": rfc3339(file.created),
        "expirationTime": rfc3339(file.created + KEPT),
        "uri": format!("http://127.0.0.1:{}/v1beta/files/{number}", state.port),
        "state": "ACTIVE",
        "source": "UPLOADED",
    })
}

fn unknown(id: &str) -> Failure {
    Failure::NotFound(format!("You do not have permission to access the File {id} or it may not exist."))
}

fn wrong(message: impl Into<String>) -> Failure {
    Failure::invalid(message, "file")
}
