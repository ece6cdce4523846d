//! Batches and their lines as Anthropic tells them.

use super::end::{Fate, Told};
use super::job::{How, Job};
use crate::api::{Anthropic, Provider};
use crate::date::rfc3339;
use crate::server::State;
use serde_json::{Value, json};

/// A batch.
pub(super) fn told(state: &State, job: &Job) -> Value {
    let id = format!("msgbatch_{}", job.number);
    let ended = job.ended.as_ref();
    let counts = match ended.map(|ended| ended.counts) {
        Some(counts) => json!({
            "processing": 0, "succeeded": counts.succeeded, "errored": counts.errored,
            "canceled": counts.cancelled, "expired": counts.expired,
        }),
        None => json!({"processing": job.lines.len(), "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0}),
    };
    let status = match (ended, job.cancelled) {
        (Some(_), _) => "ended",
        (None, Some(_)) => "canceling",
        (None, None) => "in_progress",
    };
    let url = format!("http://127.0.0.1:{}/v1/messages/batches/{id}/results", state.port);
    json!({
        "id": id,
        "type": "message_batch",
        "processing_status": status,
        "request_counts": counts,
        "created_at": rfc3339(job.created),
        "expires_at": rfc3339(job.created + job.window()),
        "ended_at": ended.map(|ended| rfc3339(ended.at)),
        "cancel_initiated_at": job.cancelled.map(rfc3339),
        "archived_at": null,
        "results_url": ended.map(|_| url),
    })
}

/// A line of the results.
pub(super) fn line(id: &str, number: u64, fate: &Fate) -> Told {
    let result = match fate {
        Fate::Ran(ran) => match &ran.reply {
            Ok(message) => {
                let mut message = message.clone();
                if message["usage"].is_object() {
                    message["usage"]["service_tier"] = "batch".into();
                }
                json!({"type": "succeeded", "message": message})
            }
            Err(failure) => json!({"type": "errored", "error": Anthropic::failure(failure, number).1}),
        },
        Fate::NotRun(How::Cancelled) => json!({"type": "canceled"}),
        Fate::NotRun(_) => json!({"type": "expired"}),
    };
    Told { text: json!({"custom_id": id, "result": result}), is_error: false }
}
