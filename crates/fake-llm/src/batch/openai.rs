//! `/v1/batches` (OpenAI, API reference, "Batch").

use super::call::{Caller, Given, call};
use super::job::Job;
use super::openai_lines::read;
use super::openai_told::told;
use super::registry::{Registry, number};
use crate::api::{Arrived, Failure, OpenAi};
use axum::extract::Path;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// What one batch may ask for. Other endpoints are not answered here.
const ENDPOINTS: [&str; 2] = ["/v1/chat/completions", "/v1/embeddings"];

#[derive(Deserialize)]
struct Create {
    input_file_id: String,
    endpoint: String,
    completion_window: String,
    #[serde(default)]
    metadata: Option<Map<String, Value>>,
    #[serde(default, rename = "output_expires_after")]
    _output_expires_after: Option<Value>,
}

pub(super) async fn create(arrived: Arrived) -> Response {
    call::<OpenAi>(arrived, "openai_batch_create", |state, caller| {
        let request: Create = crate::api::openai_body(caller.incoming.body)?;
        request.check()?;
        let mut registry = state.batches.lock();
        let number = number(&request.input_file_id, "file-");
        let file = registry.file(caller.owner, number).filter(|file| file.purpose == "batch");
        let bytes = file.and_then(|file| file.bytes.clone());
        let missing = || Failure::invalid("Invalid input file: it does not exist, or is no batch.", "input_file_id");
        let bytes = bytes.ok_or_else(missing)?;
        let enqueued = registry.enqueued(caller.owner);
        let mut job = read(state, caller.owner, &bytes, &request.endpoint, enqueued);
        job.label = request.metadata.map_or(Value::Null, Value::Object);
        job.input_file = Some(request.input_file_id);
        Ok(told(state, registry.accept(state, job), state.clock.now()).into())
    })
    .await
}

impl Create {
    fn check(&self) -> Result<(), Failure> {
        if !ENDPOINTS.contains(&self.endpoint.as_str()) {
            return Err(Failure::invalid("Invalid value: this endpoint has no batches.", "endpoint"));
        }
        if self.completion_window != "24h" {
            return Err(Failure::invalid("Invalid value: Supported values are: '24h'.", "completion_window"));
        }
        let pairs = self.metadata.iter().flatten();
        let fits =
            |(key, value): (&String, &Value)| key.len() <= 64 && value.as_str().is_some_and(|value| value.len() <= 512);
        match self.metadata.as_ref().is_none_or(|metadata| metadata.len() <= 16) && pairs.into_iter().all(fits) {
            true => Ok(()),
            false => Err(Failure::invalid("Invalid metadata: at most 16 pairs of texts.", "metadata")),
        }
    }
}

pub(super) async fn get(Path(id): Path<String>, arrived: Arrived) -> Response {
    call::<OpenAi>(arrived, "openai_batch_get", |state, caller| {
        let mut registry = state.batches.lock();
        let job = find(&mut registry, caller, &id)?;
        Ok(told(state, job, state.clock.now()).into())
    })
    .await
}

pub(super) async fn cancel(Path(id): Path<String>, arrived: Arrived) -> Response {
    call::<OpenAi>(arrived, "openai_batch_cancel", |state, caller| {
        let mut registry = state.batches.lock();
        let job = find(&mut registry, caller, &id)?;
        if job.ended.is_some() {
            return Err(Failure::Conflict);
        }
        job.cancel(state.clock.now());
        Ok(told(state, job, state.clock.now()).into())
    })
    .await
}

pub(super) async fn list(arrived: Arrived) -> Response {
    call::<OpenAi>(arrived, "openai_batch_list", |state, caller| {
        let registry = state.batches.lock();
        let now = state.clock.now();
        let jobs = registry.listed(state, caller.owner, now);
        let after = caller.parameter("after").and_then(|id| number(id, "batch_"));
        let limit = caller.parameter("limit").and_then(|limit| limit.parse().ok()).unwrap_or(20).min(100);
        let (page, more) = caller.page(&jobs, limit, |job| Some(job.number) == after, after.is_some());
        Ok(listing(page.iter().map(|job| told(state, job, now)).collect(), more))
    })
    .await
}

fn find<'a>(registry: &'a mut Registry, caller: &Caller<'_>, id: &str) -> Result<&'a mut Job, Failure> {
    let job = registry.job(caller.owner, number(id, "batch_"));
    job.ok_or_else(|| Failure::NotFound(format!("No batch found with id '{id}'.")))
}

/// A page of a list.
pub(super) fn listing(data: Vec<Value>, has_more: bool) -> Given {
    let id = |entry: Option<&Value>| entry.map_or(Value::Null, |entry| entry["id"].clone());
    let (first_id, last_id) = (id(data.first()), id(data.last()));
    json!({"object": "list", "data": data, "first_id": first_id, "last_id": last_id, "has_more": has_more}).into()
}

/// Files that nobody uploaded: those of results.
pub(super) fn results(registry: &mut Registry, owner: u64, id: &str) -> Option<Given> {
    let (number, errors) = match (number(id, "file-output-"), number(id, "file-errors-")) {
        (Some(number), _) => (number, false),
        (_, Some(number)) => (number, true),
        _ => return None,
    };
    let ended = registry.job(owner, Some(number))?.ended.as_ref()?;
    let bytes = if errors { &ended.errors } else { &ended.results };
    Some(Given::lines(bytes.clone())).filter(|_| !bytes.is_empty())
}
