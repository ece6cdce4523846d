//! How long a 429 puts a client off, and how that is told.

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How the delay of a 429 is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryAfter {
    /// `retry-after-ms`, and `retry-after` in seconds, rounded up.
    #[default]
    Both,
    /// `retry-after` in seconds only, rounded up.
    Seconds,
    /// `retry-after` as a date of HTTP only (RFC 9110, section 10.2.3).
    Date,
}

/// Tells a delay in these headers; the delay as they say it.
pub(crate) fn delays(headers: &mut HeaderMap, delay: Duration, form: RetryAfter) -> Duration {
    let up = |duration: Duration| Duration::from_secs(duration.as_secs() + u64::from(duration.subsec_nanos() > 0));
    let mut put = |name: HeaderName, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    };
    match form {
        RetryAfter::Both => {
            let milliseconds = Duration::from_millis(delay.as_nanos().div_ceil(1_000_000) as u64);
            put(HeaderName::from_static("retry-after-ms"), milliseconds.as_millis().to_string());
            put(RETRY_AFTER, up(delay).as_secs().to_string());
            milliseconds
        }
        RetryAfter::Seconds => {
            put(RETRY_AFTER, up(delay).as_secs().to_string());
            up(delay)
        }
        RetryAfter::Date => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let date = up(now + delay);
            put(RETRY_AFTER, httpdate::fmt_http_date(UNIX_EPOCH + date));
            date - now
        }
    }
}
