//! Batch mode of Gemini (ai.google.dev, "Batch API").

use super::call::{Caller, Given, call};
use super::gemini_told::told;
use super::job::{Job, Line, Whose};
use super::registry::{Registry, number};
use crate::api::{Arrived, Failure, Gemini};
use axum::response::Response;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// Bytes of a batch whose requests are in the create itself, and of one whose requests are in a file.
const MOST_INLINE: usize = 20 << 20;
const MOST_BYTES: usize = 2 << 30;

#[derive(Deserialize)]
struct Create {
    batch: Batch,
}

#[derive(Deserialize)]
struct Batch {
    #[serde(alias = "display_name", rename = "displayName", default)]
    display_name: Option<String>,
    #[serde(alias = "input_config", rename = "inputConfig")]
    input_config: Input,
}

#[derive(Deserialize)]
struct Input {
    #[serde(alias = "file_name", rename = "fileName")]
    file_name: Option<String>,
    requests: Option<Inlined>,
}

#[derive(Deserialize)]
struct Inlined {
    requests: Vec<InlinedRequest>,
}

#[derive(Deserialize)]
struct InlinedRequest {
    request: Value,
    #[serde(default)]
    metadata: Value,
}

#[derive(Deserialize)]
struct FileLine<'a> {
    key: String,
    #[serde(borrow)]
    request: &'a RawValue,
}

/// Creates a batch of this model, by `batchGenerateContent` or `asyncBatchEmbedContent`.
pub(crate) async fn create(model: String, method: &'static str, arrived: Arrived) -> Response {
    call::<Gemini>(arrived, "gemini_batch_create", |state, caller| {
        let body = caller.incoming.body;
        let Create { batch } = serde_json::from_slice(body).map_err(|error| wrong(error.to_string()))?;
        let config = &state.config.batches;
        let mut registry = state.batches.lock();
        let (lines, bytes) = match (batch.input_config.file_name, batch.input_config.requests) {
            (Some(name), None) => {
                let file = registry.file(caller.owner, number(&name, "files/"));
                let bytes = file.and_then(|file| file.bytes.clone());
                let bytes = bytes.ok_or_else(|| Failure::NotFound(format!("File {name} does not exist.")))?;
                (of_file(&bytes)?, bytes.len())
            }
            (None, Some(inlined)) if body.len() < MOST_INLINE => (of_create(inlined), body.len()),
            _ => return Err(wrong("Either a file or fewer than 20 MB of requests are needed.")),
        };
        let fits = lines.len() <= config.most_requests.unwrap_or(usize::MAX);
        if lines.is_empty() || !fits || bytes > config.most_bytes.unwrap_or(MOST_BYTES) {
            return Err(wrong("The batch has no requests, or too many."));
        }
        let (label, endpoint) = (json!(batch.display_name), method.to_owned());
        let job = Job { label, model, endpoint, ..Job::new(state, Whose::Gemini, caller.owner, lines, bytes) };
        Ok(told(state, registry.accept(state, job), state.clock.now()).into())
    })
    .await
}

fn wrong(message: impl Into<String>) -> Failure {
    Failure::invalid(message, "batch")
}

fn of_file(bytes: &[u8]) -> Result<Vec<Line>, Failure> {
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let read = |(at, line): (usize, &[u8])| {
        let line: FileLine<'_> = serde_json::from_slice(line).map_err(|error| wrong(format!("line {at}: {error}")))?;
        Ok(Line { id: line.key, body: line.request.get().to_owned().into() })
    };
    lines.enumerate().map(read).collect()
}

fn of_create(inlined: Inlined) -> Vec<Line> {
    let line = |(at, request): (usize, InlinedRequest)| Line {
        id: request.metadata["key"].as_str().map_or_else(|| at.to_string(), str::to_owned),
        body: request.request.to_string().into(),
    };
    inlined.requests.into_iter().enumerate().map(line).collect()
}

/// `batches/7`, by which its operation is called.
pub(crate) async fn get(id: &str, arrived: Arrived) -> Response {
    call::<Gemini>(arrived, "gemini_batch_get", |state, caller| {
        let mut registry = state.batches.lock();
        let job = find(&mut registry, caller, id)?;
        Ok(told(state, job, state.clock.now()).into())
    })
    .await
}

pub(crate) async fn cancel(id: &str, arrived: Arrived) -> Response {
    call::<Gemini>(arrived, "gemini_batch_cancel", |state, caller| {
        let mut registry = state.batches.lock();
        let job = find(&mut registry, caller, id)?;
        job.cancel(state.clock.now());
        Ok(json!({}).into())
    })
    .await
}

pub(crate) async fn delete(id: &str, arrived: Arrived) -> Response {
    call::<Gemini>(arrived, "gemini_batch_delete", |state, caller| {
        let mut registry = state.batches.lock();
        let number = find(&mut registry, caller, id)?.number;
        registry.jobs.remove(&number);
        Ok(json!({}).into())
    })
    .await
}

pub(crate) async fn list(arrived: Arrived) -> Response {
    call::<Gemini>(arrived, "gemini_batch_list", |state, caller| {
        let registry = state.batches.lock();
        let now = state.clock.now();
        let jobs = registry.listed(state, caller.owner, now);
        let after = caller.parameter("pageToken").and_then(|token| token.parse().ok());
        let limit = caller.parameter("pageSize").and_then(|size| size.parse().ok()).unwrap_or(50).min(100);
        let (page, more) = caller.page(&jobs, limit, |job| Some(job.number) == after, after.is_some());
        let operations: Vec<_> = page.iter().map(|job| told(state, job, now)).collect();
        let mut reply = json!({"operations": operations});
        if let Some(last) = page.last().filter(|_| more) {
            reply["nextPageToken"] = last.number.to_string().into();
        }
        Ok(reply.into())
    })
    .await
}

/// The lines of `files/batch-7`.
pub(super) fn results(registry: &mut Registry, owner: u64, id: &str) -> Option<Given> {
    let ended = registry.job(owner, number(id, "batch-"))?.ended.as_ref()?;
    Some(Given::lines(ended.results.clone()))
}

fn find<'a>(registry: &'a mut Registry, caller: &Caller<'_>, id: &str) -> Result<&'a mut Job, Failure> {
    let job = registry.job(caller.owner, id.parse().ok());
    job.ok_or_else(|| Failure::NotFound(format!("Operation batches/{id} does not exist.")))
}
