//! Batch mode of Gemini.
//!
//! Source: <https://ai.google.dev/gemini-api/docs/batch-api> and "Files API". Requests are in a file, however few they are.

use super::api::{BatchApi, Coming, Framing, Listed, Page, Progress, ResultLine, Said, Traits};
use super::call::{Caller, Heard, Refused, escaped};
use super::feed::Feed;
use super::replies::{moment, sum, text};
use crate::http::Call;
use crate::plan::Route;
use crate::provider::model_path;
use pg_categorize_core::batch::{CustomId, End, Limits, Matching, Token};
use pg_categorize_core::prompt::quoted;
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::time::Duration;

/// What the file is.
const KIND: &str = "application/jsonl";

/// How long the begin of an upload may take.
const BEGIN: Duration = Duration::from_secs(60);

pub(super) struct BatchMode;

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    key: Cow<'a, str>,
    #[serde(borrow)]
    response: Option<&'a RawValue>,
    error: Option<Value>,
}

impl BatchApi for BatchMode {
    fn traits(&self) -> Traits {
        Traits { matching: Matching::Label, by_file: true, limits: Limits::GEMINI }
    }

    fn framing(&self) -> Framing {
        Framing { before: String::new(), separator: "\n", after: String::new() }
    }

    fn line(&self, _: &Route, name: &CustomId, body: &str) -> String {
        format!(r#"{{"key":"{name}","request":{body}}}"#)
    }

    fn upload<'a>(&'a self, call: &'a Caller<'a>, token: Token, feed: Feed) -> Coming<'a, Heard<String>> {
        Box::pin(async move {
            let url = upload_url(call)?;
            let length = feed.bytes().to_string();
            let headers = headers(&[
                ("x-goog-upload-protocol", "resumable"),
                ("x-goog-upload-command", "start"),
                ("x-goog-upload-header-content-length", &length),
                ("x-goog-upload-header-content-type", KIND),
            ]);
            let body = format!(r#"{{"file":{{"display_name":"{token}","mime_type":"{KIND}"}}}}"#);
            let begin = Call { method: Method::POST, url: &url, headers, body: Some(body.into()) };
            let begun = call.whole(begin, BEGIN).await?;
            let to = begun.headers.get("x-goog-upload-url").and_then(|url| url.to_str().ok());
            let to = call.given_url(to.ok_or_else(Refused::unreadable)?)?;
            let headers =
                self::headers(&[("x-goog-upload-offset", "0"), ("x-goog-upload-command", "upload, finalize")]);
            let file = call.read(call.stream(&to, KIND, headers, feed).await?)?;
            file.get("file").and_then(|file| text(file, "name")).ok_or_else(Refused::unreadable)
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
                r#"{{"batch":{{"displayName":"{token}","inputConfig":{{"fileName":{}}}}}}}"#,
                quoted(file.unwrap_or_default())
            );
            let url = call.url(&model_path(&call.route.model.name, "batchGenerateContent"), &[])?;
            let operation = call.json(Method::POST, &url, Some(body)).await?;
            text(&operation, "name").ok_or_else(Refused::unreadable)
        })
    }

    fn poll<'a>(&'a self, call: &'a Caller<'a>, remote: &'a str) -> Coming<'a, Heard<Progress>> {
        Box::pin(async move {
            let operation = call.json(Method::GET, &call.url(&path(remote, ""), &[])?, None).await?;
            Ok(progress(&operation))
        })
    }

    fn list<'a>(&'a self, call: &'a Caller<'a>, after: Option<&'a str>) -> Coming<'a, Heard<Page>> {
        Box::pin(async move {
            let mut parameters = vec![("pageSize", "100")];
            parameters.extend(after.map(|after| ("pageToken", after)));
            let list = call.json(Method::GET, &call.url("/v1beta/batches", &parameters)?, None).await?;
            // A list without any leaves the member out.
            let operations = list.get("operations").and_then(Value::as_array);
            let batches = operations.into_iter().flatten().filter_map(listed).collect();
            Ok(Page { batches, next: text(&list, "nextPageToken") })
        })
    }

    fn cancel<'a>(&'a self, call: &'a Caller<'a>, remote: &'a str) -> Coming<'a, Heard<()>> {
        Box::pin(async move { call.cancel(&call.url(&path(remote, ":cancel"), &[])?, Some("{}".to_owned())).await })
    }

    fn results<'a>(&'a self, call: &'a Caller<'a>, remote: &'a str) -> Coming<'a, Heard<Vec<reqwest::Response>>> {
        Box::pin(async move {
            let operation = call.json(Method::GET, &call.url(&path(remote, ""), &[])?, None).await?;
            let file = ["/response/responsesFile", "/metadata/output/responsesFile"];
            let file = file.into_iter().find_map(|place| operation.pointer(place).and_then(Value::as_str));
            let Some(file) = file else { return Ok(Vec::new()) };
            Ok(vec![call.open(&call.url(&path(file, ":download"), &[("alt", "media")])?).await?])
        })
    }

    fn read<'a>(&self, line: &'a [u8]) -> Option<ResultLine<'a>> {
        let line: Line<'_> = serde_json::from_slice(line).ok()?;
        let code = line.error.as_ref().map(|error| error.get("code").and_then(Value::as_i64));
        let said = match (line.response, code) {
            (Some(response), _) => Said::Reply(200, response),
            // INVALID_ARGUMENT, by the numbers of gRPC or of HTTP.
            (None, Some(Some(3 | 400))) => Said::Refused { lasting: true },
            // CANCELLED, DEADLINE_EXCEEDED
            (None, Some(Some(1 | 4 | 499 | 504))) => Said::NotRun,
            (None, Some(_)) => Said::Refused { lasting: false },
            (None, None) => return None,
        };
        Some(ResultLine { custom_id: line.key, said })
    }
}

/// `files/abc` and `batches/123` as a path.
fn path(name: &str, call: &str) -> String {
    let parts: Vec<_> = name.split('/').map(escaped).collect();
    format!("/v1beta/{}{call}", parts.join("/"))
}

/// Uploads are beside the versions: `/upload/v1beta/files`.
fn upload_url(call: &Caller<'_>) -> Heard<url::Url> {
    let mut url = call.url("/v1beta/files", &[])?;
    let path = url.path().strip_suffix("/files").and_then(|path| path.rsplit_once('/'));
    let path = path.map(|(before, version)| format!("{before}/upload/{version}/files"));
    url.set_path(&path.ok_or_else(Refused::unreadable)?);
    Ok(url)
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let value = |text: &str| HeaderValue::from_str(text).ok();
    pairs.iter().filter_map(|(name, text)| Some((HeaderName::from_static(name), value(text)?))).collect()
}

fn progress(operation: &Value) -> Progress {
    let state = operation.pointer("/metadata/state").and_then(Value::as_str).unwrap_or_default();
    let counts = operation.pointer("/metadata/batchStats");
    let count = |name| counts.and_then(|counts| text(counts, name)).and_then(|number| number.parse().ok());
    let lines = sum([count("successfulRequestCount"), count("failedRequestCount").or(Some(0))]);
    let lines = lines.and_then(|lines| u32::try_from(lines).ok());
    let ended = |how| Progress::Ended { how, lines };
    // `BATCH_STATE_` or `JOB_STATE_`.
    match state.rsplit_once("STATE_").map_or(state, |(_, state)| state) {
        "SUCCEEDED" => ended(End::Completed),
        "FAILED" => ended(End::Refused),
        "CANCELLED" => ended(End::Cancelled),
        // It has no results then.
        "EXPIRED" => Progress::Ended { how: End::Expired, lines: None },
        _ => Progress::Running,
    }
}

fn listed(operation: &Value) -> Option<Listed> {
    let metadata = operation.get("metadata")?;
    let total = metadata.get("batchStats").and_then(|counts| text(counts, "requestCount"));
    Some(Listed {
        remote: text(operation, "name")?,
        label: text(metadata, "displayName"),
        created: moment(metadata, "createTime"),
        requests: total.and_then(|total| total.parse().ok()),
        ended: progress(operation) != Progress::Running,
    })
}
