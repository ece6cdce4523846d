//! Requests and tokens a minute: a bucket for each model or account that fills continuously (token bucket: Turner 1986,
//! "New Directions in Communications").

use parking_lot::Mutex;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// All buckets.
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
    pub(crate) levels: Levels,
}

/// How full a bucket is, as far as there are limits.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Levels {
    pub(crate) requests: Option<Level>,
    pub(crate) tokens: Option<Level>,
}

/// One limit and what is left of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Level {
    pub(crate) limit: u64,
    pub(crate) remaining: u64,
    /// How long it takes to be full again.
    pub(crate) reset: Duration,
}

impl Limits {
    pub(crate) fn new(requests: Option<u32>, tokens: Option<u64>) -> Self {
        Self { requests: requests.map(f64::from), tokens: tokens.map(|n| n as f64), buckets: Mutex::default() }
    }

    /// Takes a request of so many tokens out of its bucket, if it is in there.
    pub(crate) fn take(&self, scope: u64, tokens: u64) -> Verdict {
        let (requests, minute) = (self.requests.unwrap_or(f64::MAX), self.tokens.unwrap_or(f64::MAX));
        if self.requests.is_none() && self.tokens.is_none() {
            return Verdict { wait: None, levels: Levels::default() };
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
        let level = |limit: Option<f64>, left: f64| limit.map(|limit| Level::new(limit, left));
        let levels =
            Levels { requests: level(self.requests, bucket.requests), tokens: level(self.tokens, bucket.tokens) };
        Verdict { wait, levels }
    }
}

impl Level {
    fn new(limit: f64, left: f64) -> Self {
        let reset = Duration::from_secs_f64(((limit - left) / limit * 60.0).max(0.0));
        // A count of whole requests or tokens.
        Self { limit: limit as u64, remaining: left.max(0.0) as u64, reset }
    }
}
