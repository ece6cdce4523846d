//! Message Batches of Anthropic.
//!
//! Source: <https://platform.claude.com/docs/en/build-with-claude/batch-processing> and the reference of "Message Batches".
//! There is no file and no label: requests are in the create, and whose a batch is shows in its results.

use super::api::{BatchApi, Coming, Framing, Listed, Page, Progress, ResultLine, Said, Traits};
use super::call::{Caller, Heard, Refused, escaped};
use super::feed::Feed;
use super::replies::{moment, page, sum, text};
use crate::plan::Route;
use pg_categorize_core::batch::{CustomId, End, Limits, Matching, Token};
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;

const PATH: &str = "/v1/messages/batches";

pub(super) struct MessageBatches;

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    custom_id: Cow<'a, str>,
    #[serde(borrow)]
    result: Outcome<'a>,
}

#[derive(Deserialize)]
struct Outcome<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    error: Option<Value>,
}

impl BatchApi for MessageBatches {
    fn traits(&self) -> Traits {
        Traits { matching: Matching::Contents, by_file: false, limits: Limits::ANTHROPIC }
    }

    fn framing(&self) -> Framing {
        Framing { before: r#"{"requests":["#.to_owned(), separator: ",", after: "]}".to_owned() }
    }

    fn line(&self, _: &Route, name: &CustomId, body: &str) -> String {
        format!(r#"{{"custom_id":"{name}","params":{body}}}"#)
    }

    fn upload<'a>(&'a self, _: &'a Caller<'a>, _: Token, _: Feed) -> Coming<'a, Heard<String>> {
        Box::pin(async { Err(Refused::unreadable()) })
    }

    fn create<'a>(
        &'a self,
        call: &'a Caller<'a>,
        _: Token,
        _: Option<&'a str>,
        feed: Option<Feed>,
    ) -> Coming<'a, Heard<String>> {
        Box::pin(async move {
            let feed = feed.ok_or_else(Refused::unreadable)?;
            let url = call.url(PATH, &[])?;
            let batch = call.read(call.stream(&url, "application/json", HeaderMap::new(), feed).await?)?;
            text(&batch, "id").ok_or_else(Refused::unreadable)
        })
    }

    fn poll<'a>(&'a self, call: &'a Caller<'a>, remote: &'a str) -> Coming<'a, Heard<Progress>> {
        Box::pin(async move {
            let batch = call.json(Method::GET, &call.url(&path(remote), &[])?, None).await?;
            Ok(progress(&batch))
        })
    }

    fn list<'a>(&'a self, call: &'a Caller<'a>, after: Option<&'a str>) -> Coming<'a, Heard<Page>> {
        Box::pin(async move {
            let mut parameters = vec![("limit", "100")];
            parameters.extend(after.map(|after| ("after_id", after)));
            let list = call.json(Method::GET, &call.url(PATH, &parameters)?, None).await?;
            page(&list, listed).ok_or_else(Refused::unreadable)
        })
    }

    fn cancel<'a>(&'a self, call: &'a Caller<'a>, remote: &'a str) -> Coming<'a, Heard<()>> {
        Box::pin(async move { call.cancel(&call.url(&format!("{}/cancel", path(remote)), &[])?, None).await })
    }

    /// The address that the batch tells is not called: it is this one.
    fn results<'a>(&'a self, call: &'a Caller<'a>, remote: &'a str) -> Coming<'a, Heard<Vec<reqwest::Response>>> {
        Box::pin(async move {
            let url = call.url(&format!("{}/results", path(remote)), &[])?;
            Ok(vec![call.open(&url).await?])
        })
    }

    fn read<'a>(&self, line: &'a [u8]) -> Option<ResultLine<'a>> {
        let line: Line<'_> = serde_json::from_slice(line).ok()?;
        let said = match (line.result.kind.as_str(), line.result.message) {
            ("succeeded", Some(message)) => Said::Reply(200, message),
            // "You are not billed for errored, canceled or expired requests."
            ("errored", _) => Said::Refused { lasting: line.result.error.as_ref().is_some_and(is_lasting) },
            ("canceled" | "expired", _) => Said::NotRun,
            _ => return None,
        };
        Some(ResultLine { custom_id: line.custom_id, said })
    }
}

fn path(remote: &str) -> String {
    format!("{PATH}/{}", escaped(remote))
}

/// `{"type":"error","error":{"type":"invalid_request_error",...}}`, or the inner one alone.
fn is_lasting(error: &Value) -> bool {
    let kind = error.pointer("/error/type").or_else(|| error.get("type")).and_then(Value::as_str);
    matches!(kind, Some("invalid_request_error" | "request_too_large" | "not_found_error" | "permission_error"))
}

fn counted(batch: &Value, names: &[&str]) -> Option<u64> {
    let counts = batch.get("request_counts")?;
    sum(names.iter().map(|name| counts.get(name).and_then(Value::as_u64)))
}

/// All requests have a line, whatever became of them.
const KINDS: [&str; 5] = ["processing", "succeeded", "errored", "canceled", "expired"];

fn progress(batch: &Value) -> Progress {
    if batch.get("processing_status").and_then(Value::as_str) != Some("ended") {
        return Progress::Running;
    }
    let count = |name| counted(batch, &[name]).unwrap_or(0);
    let how = match (count("expired"), count("canceled")) {
        (0, 0) => End::Completed,
        (0, _) => End::Cancelled,
        _ => End::Expired,
    };
    Progress::Ended { how, lines: counted(batch, &KINDS).and_then(|lines| u32::try_from(lines).ok()) }
}

fn listed(batch: &Value) -> Option<Listed> {
    Some(Listed {
        remote: text(batch, "id")?,
        label: None,
        created: moment(batch, "created_at"),
        requests: counted(batch, &KINDS),
        ended: progress(batch) != Progress::Running,
    })
}
