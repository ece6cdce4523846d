//! Requests and tokens a minute: a bucket for each model and key that fills continuously, told in the headers of OpenAI.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// The buckets of all models and keys.
pub(crate) struct Limits {
    requests: Option<f64>,
    tokens: Option<f64>,
    buckets: Mutex<HashMap<u64, Bucket>>,
}

struct Bucket {
    requests: f64,
    tokens: f64,
    at: Instant,
}

/// What the limits say to a request.
pub(crate) struct Verdict {
    /// How long to wait before it would be let through; `None` lets it through.
    pub(crate) wait: Option<Duration>,
    /// What the reply announces.
    pub(crate) headers: HeaderMap,
}

impl Limits {
    pub(crate) fn new(requests: Option<u32>, tokens: Option<u64>) -> Self {
        Self { requests: requests.map(f64::from), tokens: tokens.map(|n| n as f64), buckets: Mutex::default() }
    }

    /// Takes a request of so many tokens out of its bucket, if it is in there.
    pub(crate) fn take(&self, scope: u64, tokens: u64) -> Verdict {
        let (requests, minute) = (self.requests.unwrap_or(f64::MAX), self.tokens.unwrap_or(f64::MAX));
        if self.requests.is_none() && self.tokens.is_none() {
            return Verdict { wait: None, headers: HeaderMap::new() };
        }
        let now = Instant::now();
        let mut buckets = self.buckets.lock();
        let bucket = buckets.entry(scope).or_insert(Bucket { requests, tokens: minute, at: now });
        let minutes = now.duration_since(bucket.at).as_secs_f64() / 60.0;
        bucket.at = now;
        bucket.requests = (bucket.requests + requests * minutes).min(requests);
        bucket.tokens = (bucket.tokens + minute * minutes).min(minute);
        let missing = ((1.0 - bucket.requests) / requests).max((tokens as f64 - bucket.tokens) / minute);
        let wait = (missing > 0.0).then(|| Duration::from_secs_f64((missing * 60.0).min(3600.0)));
        if wait.is_none() {
            bucket.requests -= 1.0;
            bucket.tokens -= tokens as f64;
        }
        let mut headers = HeaderMap::new();
        if self.requests.is_some() {
            announce(
                &mut headers,
                ["limit-requests", "remaining-requests", "reset-requests"],
                requests,
                bucket.requests,
            );
        }
        if self.tokens.is_some() {
            announce(&mut headers, ["limit-tokens", "remaining-tokens", "reset-tokens"], minute, bucket.tokens);
        }
        Verdict { wait, headers }
    }
}

fn announce(headers: &mut HeaderMap, names: [&str; 3], limit: f64, remaining: f64) {
    let reset = Duration::from_secs_f64(((limit - remaining) / limit * 60.0).max(0.0));
    let values = [format!("{limit:.0}"), format!("{:.0}", remaining.max(0.0).floor()), written(reset)];
    for (name, value) in names.iter().zip(values) {
        let name = HeaderName::from_bytes(format!("x-ratelimit-{name}").as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(&value)) {
            headers.insert(name, value);
        }
    }
}

/// As OpenAI writes durations: `120ms`, `1s`, `6m0s`.
fn written(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    match milliseconds {
        0..1000 => format!("{milliseconds}ms"),
        1000..60_000 => format!("{}s", milliseconds.div_ceil(1000)),
        _ => format!("{}m{}s", milliseconds / 60_000, milliseconds % 60_000 / 1000),
    }
}
