//! Batches and their lines as Gemini tells them: an operation that takes long, with the batch as its metadata.

use super::end::{Fate, Told};
use super::job::{How, Job, Phase};
use crate::api::{Gemini, Provider};
use crate::date::rfc3339;
use crate::server::State;
use serde_json::{Value, json};
use std::time::SystemTime;

const TYPE: &str = "type.googleapis.com/google.ai.generativelanguage.v1beta.GenerateContentBatch";

/// Results are in a file, however the requests came. Official clients read `metadata.output`, the documentation `response`:
/// both are filled.
pub(super) fn told(state: &State, job: &Job, now: SystemTime) -> Value {
    let name = format!("batches/{}", job.number);
    let ended = job.ended.as_ref();
    let phase = ended.map_or_else(|| job.phase(state, now), |ended| Phase::Ended(ended.how));
    let total = job.lines.len();
    let (succeeded, failed) = match ended {
        Some(ended) => (ended.counts.succeeded, total - ended.counts.succeeded),
        None => (job.done(state, now), 0),
    };
    let mut metadata = json!({
        "@type": TYPE,
        "name": name,
        "model": format!("models/{}", job.model),
        "displayName": job.label,
        "state": status(phase),
        "createTime": rfc3339(job.created),
        "updateTime": rfc3339(now),
        "batchStats": {
            "requestCount": total.to_string(),
            "successfulRequestCount": succeeded.to_string(),
            "failedRequestCount": failed.to_string(),
            "pendingRequestCount": (total - succeeded - failed).to_string(),
        },
    });
    let mut operation = json!({"name": name});
    if let Some(ended) = ended {
        metadata["endTime"] = rfc3339(ended.at).into();
        operation["done"] = true.into();
        match phase {
            Phase::Ended(How::Completed | How::Cancelled) => {
                let output = json!({"responsesFile": format!("files/batch-{}", job.number)});
                metadata["output"] = output.clone();
                operation["response"] = output;
                operation["response"]["@type"] = format!("{TYPE}Output").into();
            }
            _ => operation["error"] = json!({"code": 4, "message": "The batch expired."}),
        }
    }
    operation["metadata"] = metadata;
    operation
}

fn status(phase: Phase) -> &'static str {
    match phase {
        Phase::Validating => "BATCH_STATE_PENDING",
        Phase::Running | Phase::Cancelling => "BATCH_STATE_RUNNING",
        Phase::Ended(How::Completed) => "BATCH_STATE_SUCCEEDED",
        Phase::Ended(How::Refused) => "BATCH_STATE_FAILED",
        Phase::Ended(How::Expired) => "BATCH_STATE_EXPIRED",
        Phase::Ended(How::Cancelled) => "BATCH_STATE_CANCELLED",
    }
}

/// A line of the results.
pub(super) fn line(id: &str, number: u64, fate: &Fate) -> Told {
    let text = match fate {
        Fate::Ran(ran) => match &ran.reply {
            Ok(response) => json!({"key": id, "response": response}),
            Err(failure) => {
                let (_, body) = Gemini::failure(failure, number);
                let error = json!({"code": 3, "message": body["error"]["message"]});
                json!({"key": id, "error": error})
            }
        },
        Fate::NotRun(_) => json!({"key": id, "error": {"code": 1, "message": "The operation was cancelled."}}),
    };
    Told { text, is_error: false }
}
