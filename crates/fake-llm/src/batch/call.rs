//! The way of a call about files and batches through the server.

use super::settle;
use crate::api::{Arrived, Failure, Incoming, Provider, failure_of};
use crate::faults::Fault;
use crate::random;
use crate::reply::Reply;
use crate::server::State;
use crate::visit::Visit;
use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::Value;
use std::future;
use std::time::Duration;

/// What is given in reply.
pub(crate) struct Given {
    pub(crate) body: Bytes,
    pub(crate) kind: &'static str,
    pub(crate) headers: HeaderMap,
}

/// Who calls, and with what.
pub(crate) struct Caller<'a> {
    pub(crate) incoming: Incoming<'a>,
    pub(crate) owner: u64,
}

impl From<Value> for Given {
    fn from(value: Value) -> Self {
        Self { body: value.to_string().into(), kind: "application/json", headers: HeaderMap::new() }
    }
}

impl Given {
    /// The lines of a file.
    pub(crate) fn lines(body: Bytes) -> Self {
        Self { body, kind: "application/x-jsonl", headers: HeaderMap::new() }
    }
}

impl Caller<'_> {
    /// A parameter of the address.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let pairs = self.incoming.uri.query().unwrap_or_default().split('&');
        pairs.filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// The part of a list that is asked for: at most `limit` from behind `after` on, and whether more follow.
    pub(crate) fn page<'b, T>(
        &self,
        all: &'b [T],
        limit: usize,
        after: impl Fn(&T) -> bool,
        starts: bool,
    ) -> (&'b [T], bool) {
        let from = if starts { all.iter().position(after).map_or(all.len(), |at| at + 1) } else { 0 };
        let rest = &all[from..];
        let page = &rest[..limit.clamp(1, 1000).min(rest.len())];
        (page, page.len() < rest.len())
    }
}

/// Does what is called for, unless a fault is for this call. What is done and whose reply is lost stays done.
pub(crate) async fn call<P: Provider>(
    arrived: Arrived,
    api: &'static str,
    act: impl FnOnce(&State, &Caller<'_>) -> Result<Given, Failure>,
) -> Response {
    let Arrived { state, line, uri, headers, body } = arrived;
    let incoming = Incoming { uri: &uri, headers: &headers, body: &body };
    let mut visit = Visit::new(&state, api, incoming.key_in_address().is_some());
    settle(&state);
    let key = P::key(&incoming);
    if state.config.key.is_some() && state.config.key.as_deref() != key {
        return failed::<P>(visit, &Failure::Unauthorized, None);
    }
    let owner = random::hash(random::hash(0, P::NAME), key.unwrap_or_default());
    let chosen = state.faults.lock().choose(state.config.seed, visit.number(), api, &[]);
    visit.fault(chosen.fault);
    if let Some(failure) = failure_of(chosen.fault) {
        let late = matches!(failure, Failure::RateLimit | Failure::SlowDown).then_some(chosen.retry_after);
        return failed::<P>(visit, &failure, late);
    }
    let given = match act(&state, &Caller { incoming, owner }) {
        Ok(given) => given,
        Err(failure) => return failed::<P>(visit, &failure, None),
    };
    if chosen.fault == Fault::Hang {
        visit.lost();
        return future::pending().await;
    }
    let slow = Duration::from_millis(state.faults.lock().slow_ms);
    let mut headers = given.headers;
    P::identify(visit.number(), visit.elapsed(), &mut headers);
    Reply::new(visit, 200, headers).with(chosen.fault, &line, slow, given.body, given.kind)
}

fn failed<P: Provider>(visit: Visit, failure: &Failure, late: Option<Duration>) -> Response {
    let (status, mut body) = P::failure(failure, visit.number());
    let mut headers = HeaderMap::new();
    P::identify(visit.number(), visit.elapsed(), &mut headers);
    if let Some(delay) = late {
        let form = visit.state().faults.lock().retry_after;
        P::put_off(delay, form, &mut headers, &mut body);
    }
    Reply::new(visit, status, headers).whole(body.to_string().into_bytes())
}
