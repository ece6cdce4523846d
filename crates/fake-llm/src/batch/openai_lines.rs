//! The input file of a batch, and what OpenAI finds wrong with it once the batch was accepted.

use super::job::{Job, Line, Refusal, Whose};
use crate::server::State;
use axum::body::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::HashSet;

/// "Up to 50,000 requests, up to 200 MB" (OpenAI, "Batch API").
const MOST_REQUESTS: usize = 50_000;
const MOST_BYTES: usize = 209_715_200;

#[derive(Deserialize)]
struct Input<'a> {
    custom_id: String,
    method: String,
    url: String,
    #[serde(borrow)]
    body: &'a RawValue,
}

/// The batch that a file asks for; `enqueued` tokens of this key wait already.
pub(super) fn read(state: &State, owner: u64, bytes: &Bytes, endpoint: &str, enqueued: u64) -> Job {
    let mut job = Job::new(state, Whose::OpenAi, owner, Vec::new(), bytes.len());
    job.endpoint = endpoint.to_owned();
    let config = &state.config.batches;
    job.refusal = fill(&mut job, bytes, config.most_requests.unwrap_or(MOST_REQUESTS)).err();
    let refuse = |code, message: String| Some(Refusal { code, message, line: None });
    if bytes.len() > config.most_bytes.unwrap_or(MOST_BYTES) {
        job.refusal = refuse("file_too_large", "The input file is larger than the limit of a batch.".to_owned());
    }
    if let Some(limit) = config.most_enqueued_tokens.filter(|limit| enqueued + job.tokens > *limit) {
        let message = format!(
            "Enqueued token limit reached for {} in organization org-fake. Limit: {limit} enqueued tokens. Please try again once some in_progress batches have been completed.",
            job.model
        );
        job.refusal = refuse("token_limit_exceeded", message);
    }
    job
}

fn fill(job: &mut Job, bytes: &Bytes, most: usize) -> Result<(), Refusal> {
    let wrong = |code, message: &str, line: usize| Refusal { code, message: message.to_owned(), line: Some(line) };
    let mut ids = HashSet::new();
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    for (at, line) in lines.enumerate().map(|(at, line)| (at + 1, line)) {
        if at > most {
            return Err(wrong("too_many_tasks", "The input file has too many requests.", at));
        }
        let input: Result<Input<'_>, _> = serde_json::from_slice(line);
        let Ok(input) = input else {
            return Err(wrong("invalid_json_line", "This line is not parseable as valid JSON.", at));
        };
        if input.url != job.endpoint || input.method != "POST" {
            return Err(wrong("url_mismatch", "The URL of this line is not that of the batch.", at));
        }
        let model = model(input.body.get());
        if at > 1 && model != job.model {
            return Err(wrong("model_mismatch", "The model of this line is not that of the first one.", at));
        }
        job.model = model;
        if !ids.insert(input.custom_id.clone()) {
            return Err(wrong("duplicate_custom_id", "The custom_id of this line was there before.", at));
        }
        job.lines.push(Line { id: input.custom_id, body: bytes.slice_ref(input.body.get().as_bytes()) });
    }
    match job.lines.is_empty() {
        true => Err(Refusal { code: "empty_file", message: "The input file is empty.".to_owned(), line: None }),
        false => Ok(()),
    }
}

fn model(body: &str) -> String {
    #[derive(Deserialize)]
    struct Model {
        #[serde(default)]
        model: String,
    }
    serde_json::from_str::<Model>(body).map(|body| body.model).unwrap_or_default()
}
