//! One call of a Batch API, and what its failure means.

use super::feed::Feed;
use crate::http::{Call, Reply, read_reply};
use crate::plan::Route;
use crate::provider::{Charge, Failure, FailureClass, Http, failure, url};
use pg_categorize_core::batch::Trouble;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Body, Method, Response};
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// How long a call may take that brings a few thousand bytes.
const SHORT: Duration = Duration::from_secs(60);

/// How long an upload may take: 200 MB at 3 Mbit/s.
const LONG: Duration = Duration::from_secs(600);

/// What a call brought.
pub type Heard<T> = Result<T, Refused>;

/// Why a call brought nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The status, where there was one.
    pub status: Option<u16>,
    /// Whether the provider certainly did nothing.
    pub undone: bool,
    /// Whether the provider says that there is nothing of this name.
    pub unknown: bool,
    /// What follows.
    pub trouble: Trouble,
    /// A class such as `http 429`: no text of the provider, no input, no key.
    pub detail: String,
}

/// Who calls whom.
pub struct Caller<'a> {
    pub(super) http: &'a Http,
    pub(super) route: &'a Route,
}

impl Refused {
    /// A reply that is none of this API: whatever was asked for may have happened.
    pub(super) fn unreadable() -> Self {
        let detail = "not a reply of this API".to_owned();
        Self { status: None, undone: false, unknown: false, trouble: Trouble::Passing(None), detail }
    }

    fn of(failure: Failure, status: Option<u16>) -> Self {
        let undone = match status {
            // A request that was refused. 408 and 499 are of a request that was being worked on, 409 of two at once.
            Some(status) => matches!(status, 400..=499) && !matches!(status, 408 | 409 | 499),
            None => failure.class == FailureClass::NotSent || failure.charge == Charge::None,
        };
        let trouble = match failure.class {
            FailureClass::Stopped => Trouble::Stopped,
            FailureClass::Rejected | FailureClass::ContextOverflow => Trouble::Lasting,
            _ => Trouble::Passing(failure.retry_after),
        };
        Self { status, undone, unknown: false, trouble, detail: failure.detail }
    }
}

impl<'a> Caller<'a> {
    /// A caller of the provider of a route.
    pub fn new(http: &'a Http, route: &'a Route) -> Self {
        Self { http, route }
    }

    /// The route.
    pub(super) fn route(&self) -> &'a Route {
        self.route
    }

    /// The address of a path with these parameters.
    pub(super) fn url(&self, path: &str, parameters: &[(&str, &str)]) -> Heard<Url> {
        let url = url(&self.route.provider.base_url, path);
        let mut url = url.ok_or_else(|| self.not_allowed("no usable base URL"))?;
        if !parameters.is_empty() {
            url.query_pairs_mut().extend_pairs(parameters);
        }
        Ok(url)
    }

    /// An address that the provider gave: only one at the host that the superuser allows is called.
    pub(super) fn given_url(&self, text: &str) -> Heard<Url> {
        let given = Url::parse(text).ok();
        let base = Url::parse(&self.route.provider.base_url).ok();
        let origin = base.map(|base| base.origin()).filter(|origin| origin.is_tuple());
        given.filter(|given| Some(given.origin()) == origin).ok_or_else(|| self.not_allowed("an address elsewhere"))
    }

    fn not_allowed(&self, detail: &str) -> Refused {
        let detail = detail.to_owned();
        Refused { status: None, undone: true, unknown: false, trouble: Trouble::Stopped, detail }
    }

    /// Calls with JSON, or nothing, and reads JSON.
    pub(super) async fn json(&self, method: Method, url: &Url, body: Option<String>) -> Heard<Value> {
        let body = body.map(Body::from).or_else(|| (method == Method::POST).then(|| Body::from("")));
        let reply = self.whole(Call { method, url, headers: HeaderMap::new(), body }, SHORT).await?;
        self.read(reply)
    }

    /// Asks to cancel a batch. One that has ended is as good as cancelled.
    pub(super) async fn cancel(&self, url: &Url, body: Option<String>) -> Heard<()> {
        match self.json(Method::POST, url, body).await {
            Ok(_) => Ok(()),
            Err(refused) if matches!(refused.status, Some(400 | 409)) => Ok(()),
            Err(refused) => Err(refused),
        }
    }

    /// Calls, and reads the whole reply, which is a success.
    pub(super) async fn whole(&self, call: Call<'_>, time_limit: Duration) -> Heard<Reply> {
        let deadline = Instant::now() + time_limit;
        let response = self.http.clients.open(&self.route.provider, call, deadline).await;
        let reply = read_reply(response.map_err(|failure| Refused::of(failure, None))?, deadline).await;
        self.success(reply.map_err(|failure| Refused::of(failure, None))?)
    }

    /// Sends lines, and reads the whole reply.
    pub(super) async fn stream(&self, url: &Url, kind: &str, mut headers: HeaderMap, feed: Feed) -> Heard<Reply> {
        if let Ok(kind) = HeaderValue::from_str(kind) {
            headers.insert(CONTENT_TYPE, kind);
        }
        headers.insert(CONTENT_LENGTH, feed.bytes().into());
        let progress = feed.progress();
        let call = Call { method: Method::POST, url, headers, body: Some(Body::wrap(feed)) };
        let reply = self.whole(call, LONG).await;
        reply.map_err(|refused| match refused.status {
            // Half of a body is no request.
            None if !progress.is_complete() => Refused { undone: true, ..refused },
            _ => refused,
        })
    }

    /// Opens a body of lines.
    pub(super) async fn open(&self, url: &Url) -> Heard<Response> {
        let call = Call { method: Method::GET, url, headers: HeaderMap::new(), body: None };
        let deadline = Instant::now() + SHORT;
        let response = self.http.clients.open(&self.route.provider, call, deadline).await;
        let response = response.map_err(|failure| Refused::of(failure, None))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let reply = read_reply(response, deadline).await.map_err(|failure| Refused::of(failure, None))?;
        self.success(reply).and_then(|_| Err(Refused::unreadable()))
    }

    /// The JSON of a reply.
    pub(super) fn read(&self, reply: Reply) -> Heard<Value> {
        let body = reply.body.map_err(|failure| Refused { undone: false, ..Refused::of(failure, None) })?;
        serde_json::from_slice(&body).map_err(|_| Refused::unreadable())
    }

    fn success(&self, reply: Reply) -> Heard<Reply> {
        if (200..300).contains(&reply.status) {
            return Ok(reply);
        }
        let json = reply.body.as_ref().ok().and_then(|body| serde_json::from_slice::<Value>(body).ok());
        // All three tell errors in a member of this name. A page says nothing of a batch: what stands between us and the
        // provider may have written it, and a batch that is taken for gone would be paid twice.
        let told = json.as_ref().and_then(|json| json.get("error")).is_some_and(Value::is_object);
        let failure = failure(self.route, reply.status, &reply.headers, json.as_ref());
        let unknown = told && reply.status == 404 && failure.class == FailureClass::Stopped;
        Err(Refused { unknown, ..Refused::of(failure, Some(reply.status)) })
    }
}

/// A text of the provider as a part of a path.
pub(super) fn escaped(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Abilities, AnswerMode, Model, Provider, ProviderKind};

    fn route(base_url: &str) -> Route {
        let abilities = Abilities {
            instruction_role: "system".into(),
            max_tokens_field: "max_tokens".into(),
            openai_extras: false,
        };
        let provider = Provider {
            id: 1,
            name: "p".into(),
            kind: ProviderKind::Gemini,
            base_url: base_url.into(),
            private_allowed: false,
            key: None,
            abilities,
            requests_per_minute: None,
            tokens_per_minute: None,
        };
        Route::new(provider, Model::new("m", AnswerMode::JsonSchema), None)
    }

    #[test]
    fn an_address_that_a_provider_gives_is_called_at_its_own_host_only() {
        let (http, route) = (Http::new(), route("https://generativelanguage.googleapis.com/v1beta"));
        let call = Caller::new(&http, &route);
        assert!(call.given_url("https://generativelanguage.googleapis.com/upload/v1beta/files?upload_id=1").is_ok());
        for elsewhere in [
            "https://example.com/upload",
            "http://generativelanguage.googleapis.com/upload",
            "https://generativelanguage.googleapis.com:8443/upload",
            "https://generativelanguage.googleapis.com.example.com/",
            "file:///etc/passwd",
            "/upload",
            "",
        ] {
            let refused = call.given_url(elsewhere).unwrap_err();
            assert_eq!((refused.trouble, refused.undone), (Trouble::Stopped, true), "{elsewhere}");
        }
        let url = call.url("/v1beta/batches", &[("pageToken", "a&b=c")]).unwrap();
        assert_eq!(url.as_str(), "https://generativelanguage.googleapis.com/v1beta/batches?pageToken=a%26b%3Dc");
    }

    #[test]
    fn only_the_provider_says_that_there_is_no_such_batch() {
        let (http, route) = (Http::new(), route("https://generativelanguage.googleapis.com/v1beta"));
        let call = Caller::new(&http, &route);
        let unknown = |status, body: &str| {
            let reply = Reply { status, headers: HeaderMap::new(), body: Ok(body.as_bytes().to_vec()) };
            call.success(reply).map(|_| ()).unwrap_err().unknown
        };
        let told = r#"{"error":{"code":404,"message":"no such batch"}}"#;
        assert!(unknown(404, told) && !unknown(403, told) && !unknown(500, told));
        for of_others in ["<html>404 page not found</html>", r#"{"detail":"Not Found"}"#, r#"{"error":"no route"}"#, ""]
        {
            assert!(!unknown(404, of_others), "{of_others}");
        }
    }

    #[test]
    fn only_a_refusal_says_that_nothing_was_done() {
        let undone = |status, class, charge| Refused::of(Failure::new(class, charge, ""), status).undone;
        for status in [400, 401, 403, 404, 413, 422, 429] {
            assert!(undone(Some(status), FailureClass::Rejected, Charge::None), "{status}");
        }
        // Google charges a 500 nothing, which does not say that there is no batch.
        for status in [302, 408, 409, 499, 500, 503, 529] {
            assert!(!undone(Some(status), FailureClass::ServerError, Charge::None), "{status}");
        }
        assert!(undone(None, FailureClass::NotSent, Charge::None));
        assert!(!undone(None, FailureClass::TimedOut, Charge::Unknown));
    }
}
