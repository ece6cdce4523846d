//! Batches and their lines as OpenAI tells them.

use super::end::{Counts, Fate, Told};
use super::job::{How, Job, Phase};
use crate::api::{OpenAi, Provider};
use crate::server::State;
use serde_json::{Value, json};
use std::time::SystemTime;

/// Seconds since 1970.
pub(super) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// A batch.
pub(super) fn told(state: &State, job: &Job, now: SystemTime) -> Value {
    let phase = match &job.ended {
        Some(ended) => Phase::Ended(ended.how),
        // What has just been created and is over at once is told when it was ended.
        None => job.phase(state, now),
    };
    let (at, _) = job.end(state);
    let when = |is: bool, at: SystemTime| if is { json!(seconds(at)) } else { Value::Null };
    let is = |how| phase == Phase::Ended(how);
    let counts = job.ended.as_ref().map(|ended| ended.counts);
    let file = |kind: &str, is: bool| if is { json!(format!("file-{kind}-{}", job.number)) } else { Value::Null };
    let has = |of: fn(&super::end::Ended) -> bool| job.ended.as_ref().is_some_and(of);
    json!({
        "id": format!("batch_{}", job.number),
        "object": "batch",
        "endpoint": job.endpoint,
        "model": job.model,
        "errors": errors(job, is(How::Refused)),
        "input_file_id": job.input_file,
        "completion_window": "24h",
        "status": status(phase),
        "output_file_id": file("output", has(|ended| !ended.results.is_empty())),
        "error_file_id": file("errors", has(|ended| !ended.errors.is_empty())),
        "created_at": seconds(job.created),
        "in_progress_at": when(job.begins() <= now && !is(How::Refused), job.begins()),
        "expires_at": seconds(job.created + job.window()),
        "finalizing_at": when(is(How::Completed), at),
        "completed_at": when(is(How::Completed), at),
        "failed_at": when(is(How::Refused), at),
        "expired_at": when(is(How::Expired), at),
        "cancelling_at": job.cancelled.map(seconds),
        "cancelled_at": when(is(How::Cancelled), at),
        "request_counts": request_counts(state, job, phase, counts, now),
        "metadata": job.label,
    })
}

fn status(phase: Phase) -> &'static str {
    match phase {
        Phase::Validating => "validating",
        Phase::Running => "in_progress",
        Phase::Cancelling => "cancelling",
        Phase::Ended(How::Completed) => "completed",
        Phase::Ended(How::Refused) => "failed",
        Phase::Ended(How::Expired) => "expired",
        Phase::Ended(How::Cancelled) => "cancelled",
    }
}

fn request_counts(state: &State, job: &Job, phase: Phase, counts: Option<Counts>, now: SystemTime) -> Value {
    let (total, completed, failed) = match (phase, counts) {
        (Phase::Validating | Phase::Ended(How::Refused), _) => (0, 0, 0),
        (_, Some(counts)) => (job.lines.len(), counts.succeeded, counts.errored + counts.expired + counts.cancelled),
        (_, None) => (job.lines.len(), job.done(state, now), 0),
    };
    json!({"total": total, "completed": completed, "failed": failed})
}

fn errors(job: &Job, refused: bool) -> Value {
    match job.refusal.as_ref().filter(|_| refused) {
        Some(refusal) => {
            let error = json!({
                "code": refusal.code, "message": refusal.message, "param": null, "line": refusal.line,
            });
            json!({"object": "list", "data": [error]})
        }
        None => Value::Null,
    }
}

/// A line of the output or of the errors.
pub(super) fn line(id: &str, number: u64, fate: &Fate) -> Told {
    let response =
        |status: u16, body: &Value| json!({"status_code": status, "request_id": format!("req_{number}"), "body": body});
    let (response, error, is_error) = match fate {
        Fate::Ran(ran) => match &ran.reply {
            Ok(body) => (response(200, body), Value::Null, false),
            Err(failure) => {
                let (status, body) = OpenAi::failure(failure, number);
                (response(status, &body), Value::Null, true)
            }
        },
        Fate::NotRun(How::Cancelled) => {
            let message = "This request was not executed before the batch was cancelled.";
            (Value::Null, json!({"code": "batch_cancelled", "message": message}), true)
        }
        Fate::NotRun(_) => {
            let message = "This request could not be executed before the completion window expired.";
            (Value::Null, json!({"code": "batch_expired", "message": message}), true)
        }
    };
    let id = json!({"id": format!("batch_req_{number}"), "custom_id": id, "response": response, "error": error});
    Told { text: id, is_error }
}
