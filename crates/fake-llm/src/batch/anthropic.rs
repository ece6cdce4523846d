//! `/v1/messages/batches` (Anthropic, API reference, "Message Batches").

use super::anthropic_told::told;
use super::call::{Caller, Given, call};
use super::job::{Job, Line, Whose};
use super::registry::{Registry, number};
use crate::api::{Anthropic, Arrived, Failure, anthropic_version};
use crate::server::State;
use axum::extract::Path;
use axum::response::Response;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::HashSet;

/// "100,000 requests or 256 MB, whichever is reached first."
const MOST_REQUESTS: usize = 100_000;
const MOST_BYTES: usize = 256 << 20;

#[derive(Deserialize)]
struct Create<'a> {
    #[serde(borrow)]
    requests: Vec<Request<'a>>,
}

#[derive(Deserialize)]
struct Request<'a> {
    custom_id: String,
    #[serde(borrow)]
    params: &'a RawValue,
}

pub(super) async fn create(arrived: Arrived) -> Response {
    call::<Anthropic>(arrived, "anthropic_batch_create", |state, caller| {
        let version = anthropic_version(&caller.incoming)?.to_owned();
        let body = caller.incoming.body;
        let request: Create<'_> = serde_json::from_slice(body).map_err(|error| wrong(error.to_string()))?;
        check(state, body.len(), &request.requests)?;
        let line = |request: &Request<'_>| Line {
            id: request.custom_id.clone(),
            body: request.params.get().to_owned().into(),
        };
        let lines = request.requests.iter().map(line).collect();
        let job = Job { version, ..Job::new(state, Whose::Anthropic, caller.owner, lines, body.len()) };
        Ok(told(state, state.batches.lock().accept(state, job)).into())
    })
    .await
}

fn wrong(message: impl Into<String>) -> Failure {
    Failure::invalid(message, "requests")
}

fn check(state: &State, bytes: usize, requests: &[Request<'_>]) -> Result<(), Failure> {
    let config = &state.config.batches;
    if requests.is_empty() || requests.len() > config.most_requests.unwrap_or(MOST_REQUESTS) {
        return Err(wrong("requests: there must be at least one, and at most 100,000"));
    }
    if bytes > config.most_bytes.unwrap_or(MOST_BYTES) {
        return Err(wrong("requests: larger than 256 MB"));
    }
    let mut ids = HashSet::new();
    for (at, request) in requests.iter().enumerate() {
        let id = &request.custom_id;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if id.is_empty() || id.len() > 64 || !id.bytes().all(allowed) {
            return Err(wrong(format!(
                "requests.{at}.custom_id: String should match pattern '^[a-zA-Z0-9_-]{{1,64}}$'"
            )));
        }
        if !ids.insert(id) {
            return Err(wrong(format!("requests.{at}.custom_id: is not unique")));
        }
    }
    Ok(())
}

pub(super) async fn get(Path(id): Path<String>, arrived: Arrived) -> Response {
    call::<Anthropic>(arrived, "anthropic_batch_get", |state, caller| {
        let mut registry = state.batches.lock();
        let job = find(&mut registry, caller, &id)?;
        Ok(told(state, job).into())
    })
    .await
}

pub(super) async fn cancel(Path(id): Path<String>, arrived: Arrived) -> Response {
    call::<Anthropic>(arrived, "anthropic_batch_cancel", |state, caller| {
        let mut registry = state.batches.lock();
        let job = find(&mut registry, caller, &id)?;
        job.cancel(state.clock.now());
        Ok(told(state, job).into())
    })
    .await
}

pub(super) async fn delete(Path(id): Path<String>, arrived: Arrived) -> Response {
    call::<Anthropic>(arrived, "anthropic_batch_delete", |state, caller| {
        let mut registry = state.batches.lock();
        let job = find(&mut registry, caller, &id)?;
        if job.ended.is_none() {
            return Err(wrong("A batch that is in progress cannot be deleted."));
        }
        let number = job.number;
        registry.jobs.remove(&number);
        Ok(json!({"id": id, "type": "message_batch_deleted"}).into())
    })
    .await
}

pub(super) async fn results(Path(id): Path<String>, arrived: Arrived) -> Response {
    call::<Anthropic>(arrived, "anthropic_batch_results", |state, caller| {
        let mut registry = state.batches.lock();
        let job = find(&mut registry, caller, &id)?;
        match &job.ended {
            Some(ended) => Ok(Given::lines(ended.results.clone())),
            None => Err(wrong("The results of a batch in progress are not available yet.")),
        }
    })
    .await
}

pub(super) async fn list(arrived: Arrived) -> Response {
    call::<Anthropic>(arrived, "anthropic_batch_list", |state, caller| {
        anthropic_version(&caller.incoming)?;
        let registry = state.batches.lock();
        let now = state.clock.now();
        let jobs = registry.listed(state, caller.owner, now);
        let after = caller.parameter("after_id").and_then(|id| number(id, "msgbatch_"));
        let limit = caller.parameter("limit").and_then(|limit| limit.parse().ok()).unwrap_or(20);
        let (page, has_more) = caller.page(&jobs, limit, |job| Some(job.number) == after, after.is_some());
        let data: Vec<_> = page.iter().map(|job| told(state, job)).collect();
        let id = |entry: Option<&Value>| entry.map_or(Value::Null, |entry| entry["id"].clone());
        let (first_id, last_id) = (id(data.first()), id(data.last()));
        Ok(json!({"data": data, "has_more": has_more, "first_id": first_id, "last_id": last_id}).into())
    })
    .await
}

fn find<'a>(registry: &'a mut Registry, caller: &Caller<'_>, id: &str) -> Result<&'a mut Job, Failure> {
    anthropic_version(&caller.incoming)?;
    let job = registry.job(caller.owner, number(id, "msgbatch_"));
    job.ok_or_else(|| Failure::NotFound(format!("No such message batch: {id}")))
}
