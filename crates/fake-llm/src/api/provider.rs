//! What differs between providers, whatever is asked of them: keys, errors, headers.

use crate::delay::{RetryAfter, delays};
use crate::limits::Levels;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri};
use serde_json::Value;
use std::time::Duration;

/// A request as it arrived.
pub(crate) struct Incoming<'a> {
    pub(crate) uri: &'a Uri,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
}

/// The manners of one provider.
pub(crate) trait Provider {
    /// What it is called in the account.
    const NAME: &'static str;

    /// The key that a request brings.
    fn key<'a>(incoming: &Incoming<'a>) -> Option<&'a str>;

    /// An error as it is told here: its status and body. `number` is the request's.
    fn failure(failure: &Failure, number: u64) -> (u16, Value);

    /// Tells a delay in the headers or the body of a 429; the delay as it was told.
    fn put_off(delay: Duration, form: RetryAfter, headers: &mut HeaderMap, _body: &mut Value) -> Duration {
        delays(headers, delay, form)
    }

    /// Names a reply in its headers.
    fn identify(number: u64, elapsed: Duration, headers: &mut HeaderMap);

    /// Tells the limits in the headers of a reply.
    fn announce(levels: &Levels, headers: &mut HeaderMap);
}

/// Why a request is not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    RateLimit,
    SlowDown,
    Quota,
    Unauthorized,
    Forbidden,
    ModelNotFound(String),
    NotFound(String),
    RequestTimeout,
    Conflict,
    ServerError,
    Overloaded,
    Loading,
    ContextLength { limit: u64, tokens: u64 },
    Invalid { message: String, param: Option<&'static str>, code: Option<&'static str> },
}

impl Failure {
    pub(crate) fn invalid(message: impl Into<String>, param: &'static str) -> Self {
        Self::Invalid { message: message.into(), param: Some(param), code: None }
    }
}

impl<'a> Incoming<'a> {
    /// A header that is text.
    pub(crate) fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The token of `Authorization: Bearer`.
    pub(crate) fn bearer(&self) -> Option<&'a str> {
        self.header("authorization")?.strip_prefix("Bearer ")
    }

    /// A key in the address, as it stands there. Whoever sends one leaks it to every log on the way.
    pub(crate) fn key_in_address(&self) -> Option<&'a str> {
        let query = self.uri.query()?;
        query.split('&').find_map(|pair| pair.strip_prefix("key=")).filter(|key| !key.is_empty())
    }
}

/// Puts a header whose value may be anything.
pub(crate) fn put(headers: &mut HeaderMap, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
        headers.insert(name, value);
    }
}
