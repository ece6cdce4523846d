//! Files and batches of OpenAI.
//!
//! Source: <https://developers.openai.com/api/docs/guides/batch> and the references of "Files" and "Batches" (OpenAPI
//! 2.3.0).

use super::api::{BatchApi, Coming, Framing, Listed, Page, Progress, ResultLine, Said, Traits};
use super::call::{Caller, Heard, Refused, escaped};
use super::feed::Feed;
use super::replies::{page, sum, text};
use crate::plan::Route;
use pg_categorize_core::batch::{CustomId, End, Limits, Matching, Moment, Token};
use pg_categorize_core::prompt::quoted;
use pg_categorize_core::raw_request::Endpoint;
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// What the requests of a batch ask.
fn endpoint(route: &Route) -> &'static str {
    match route.raw.as_ref().map(|raw| raw.endpoint) {
        Some(Endpoint::Embeddings) => "/v1/embeddings",
        _ => "/v1/chat/completions",
    }
}

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

    fn line(&self, route: &Route, name: &CustomId, body: &str) -> String {
        let endpoint = endpoint(route);
        format!(r#"{{"custom_id":"{name}","method":"POST","url":"{endpoint}","body":{body}}}"#)
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
            let endpoint = endpoint(call.route());
            let body = format!(
                r#"{{"input_file_id":{},"endpoint":"{endpoint}","completion_window":"24h","metadata":{{"{LABEL}":"{token}"}}}}"#,
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
            page(&list, listed).ok_or_else(Refused::unreadable)
        })
    }

    fn cancel<'a>(&'a self, call: &'a Caller<'a>, remote: &'a str) -> Coming<'a, Heard<()>> {
        Box::pin(async move { call.cancel(&call.url(&format!("{}/cancel", path(remote)), &[])?, None).await })
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

fn progress(batch: &Value) -> Progress {
    let count = |name| batch.pointer(&format!("/request_counts/{name}")).and_then(Value::as_u64);
    let lines = sum([count("completed"), count("failed")]).and_then(|lines| u32::try_from(lines).ok());
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
