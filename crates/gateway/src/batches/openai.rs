//! Files and batches of OpenAI.
//!
//! Source: <https://developers.openai.com/api/docs/guides/batch> and the references of "Files" and "Batches" (OpenAPI
//! 2.3.0).

use super::api::{BatchApi, Coming, Framing, Listed, Page, Progress, ResultLine, Said, Traits};
use super::call::{Caller, Heard, Refused};
use super::feed::Feed;
use pg_categorize_core::batch::{CustomId, End, Limits, Matching, Moment, Token, Trouble};
use pg_categorize_core::prompt::quoted;
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// What the requests of a batch ask.
const ENDPOINT: &str = "/v1/chat/completions";

/// The pair of metadata by which a batch is found again.
const LABEL: &str = "pg_categorize";

/// Between the parts of a form (RFC 7578). JSON has no line that begins so.
const BOUNDARY: &str = "pg-categorize-part";

/// The code of a batch for which there is no room now; every other one stays.
const NO_ROOM: &str = "token_limit_exceeded";

pub(super) struct Batches;

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    custom_id: Cow<'a, str>,
    #[serde(borrow)]
    response: Option<Response<'a>>,
}

#[derive(Deserialize)]
struct Response<'a> {
    status_code: u16,
    #[serde(borrow)]
    body: &'a RawValue,
}

impl BatchApi for Batches {
    fn traits(&self) -> Traits {
        Traits { matching: Matching::Label, by_file: true, limits: Limits::OPENAI }
    }

    fn framing(&self) -> Framing {
        let part = |headers: &str| format!("--{BOUNDARY}\r\ncontent-disposition: form-data; {headers}\r\n\r\n");
        let file = part("name=\"file\"; filename=\"requests.jsonl\"\r\ncontent-type: application/octet-stream");
        let before = format!("{}batch\r\n{file}", part("name=\"purpose\""));
        Framing { before, separator: "\n", after: format!("\r\n--{BOUNDARY}--\r\n") }
    }

    fn line(&self, name: &CustomId, body: &str) -> String {
        format!(r#"{{"custom_id":"{name}","method":"POST","url":"{ENDPOINT}","body":{body}}}"#)
    }

    fn upload<'a>(&'a self, call: &'a Caller<'a>, _: Token, feed: Feed) -> Coming<'a, Heard<String>> {
        Box::pin(async move {
            let kind = format!("multipart/form-data; boundary={BOUNDARY}");
            let url = call.url("/v1/files", &[])?;
            let file = call.read(call.stream(&url, &kind, HeaderMap::new(), feed).await?)?;
            text(&file, "id").ok_or_else(Refused::unreadable)
        })
    }

    fn create<'a>(
        &'a self,
        call: &'a Caller<'a>,
        token: Token,
        file: Option<&'a str>,
        _: Option<Feed>,
    ) -> Coming<'a, Heard<String>> {
        Box::pin(async move {
            let body = format!(
                r#"{{"input_file_id":{},"endpoint":"{ENDPOINT}","completion_window":"24h","metadata":{{"{LABEL}":"{token}"}}}}"#,
                quoted(file.unwrap_or_default()),
            );
            let batch = call.json(Method::POST, &call.url("/v1/batches", &[])?, Some(body)).await?;
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
            parameters.extend(after.map(|after| ("after", after)));
            let list = call.json(Method::GET, &call.url("/v1/batches", &parameters)?, None).await?;
            let batches = list.get("data").and_then(Value::as_array).ok_or_else(Refused::unreadable)?;
            let batches: Vec<_> = batches.iter().filter_map(listed).collect();
            let more = list.get("has_more").and_then(Value::as_bool) == Some(true);
            let next = text(&list, "last_id").or_else(|| batches.last().map(|last| last.remote.clone()));
            Ok(Page { next: next.filter(|_| more), batches })
        })
    }

    fn cancel<'a>(&'a self, call: &'a Caller<'a>, remote: &'a str) -> Coming<'a, Heard<()>> {
        Box::pin(async move {
            let url = call.url(&format!("{}/cancel", path(remote)), &[])?;
            match call.json(Method::POST, &url, None).await {
                Ok(_) => Ok(()),
                // It is too late: it has ended.
                Err(refused) if matches!(refused.status, Some(400 | 409)) => Ok(()),
                Err(refused) => Err(refused),
            }
        })
    }

    fn results<'a>(&'a self, call: &'a Caller<'a>, remote: &'a str) -> Coming<'a, Heard<Vec<reqwest::Response>>> {
        Box::pin(async move {
            let batch = call.json(Method::GET, &call.url(&path(remote), &[])?, None).await?;
            let mut opened = Vec::new();
            for file in ["output_file_id", "error_file_id"].into_iter().filter_map(|name| text(&batch, name)) {
                opened.push(call.open(&call.url(&format!("/v1/files/{}/content", escaped(&file)), &[])?).await?);
            }
            Ok(opened)
        })
    }

    fn read<'a>(&self, line: &'a [u8]) -> Option<ResultLine<'a>> {
        let line: Line<'_> = serde_json::from_slice(line).ok()?;
        let said = match line.response {
            Some(response) => Said::Reply(response.status_code, response.body),
            // Whatever code its error has: there is no response where nothing was run.
            None => Said::NotRun,
        };
        Some(ResultLine { custom_id: line.custom_id, said })
    }
}

fn path(remote: &str) -> String {
    format!("/v1/batches/{}", escaped(remote))
}

/// A text of the provider as a part of a path.
pub(super) fn escaped(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

pub(super) fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn progress(batch: &Value) -> Progress {
    let count = |name| batch.pointer(&format!("/request_counts/{name}")).and_then(Value::as_u64);
    let lines = count("completed").zip(count("failed")).and_then(|(done, failed)| u32::try_from(done + failed).ok());
    let codes = batch.pointer("/errors/data").and_then(Value::as_array);
    let no_room = codes.is_some_and(|list| list.iter().any(|error| error.get("code").is_some_and(|c| c == NO_ROOM)));
    let ended = |how| Progress::Ended { how, lines };
    match batch.get("status").and_then(Value::as_str) {
        Some("completed") => ended(End::Completed),
        Some("expired") => ended(End::Expired),
        Some("cancelled") => ended(End::Cancelled),
        Some("failed") if no_room => ended(End::NoRoom),
        Some("failed") => ended(End::Refused),
        // A state that nobody knows yet is no end.
        _ => Progress::Running,
    }
}

fn listed(batch: &Value) -> Option<Listed> {
    Some(Listed {
        remote: text(batch, "id")?,
        label: batch.get("metadata").and_then(|metadata| text(metadata, LABEL)),
        created: batch.get("created_at").and_then(Value::as_i64).map(Moment),
        requests: batch.pointer("/request_counts/total").and_then(Value::as_u64).filter(|total| *total > 0),
        ended: progress(batch) != Progress::Running,
    })
}

impl Refused {
    /// Whether the provider knows nothing of this name.
    pub(super) fn is_unknown(&self) -> bool {
        self.status == Some(404) && self.trouble == Trouble::Stopped
    }
}
