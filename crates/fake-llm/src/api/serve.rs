//! The way of a request through the server, whatever its API.

use super::{Answering, Api, Asked, Failure, Incoming, Provider, Written};
use crate::config::LimitScope;
use crate::connection::Line;
use crate::faults::{Chosen, Fault};
use crate::limits::Levels;
use crate::random;
use crate::reply::Reply;
use crate::server::State;
use crate::tokens::Tokens;
use crate::visit::Visit;
use axum::Extension;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use std::future;
use std::sync::Arc;
use std::time::Duration;
use tokio::time;

/// Tokens that [`Fault::UsageAbove`] adds: more than any bound by the bytes of a request allows.
const ABOVE: u64 = 1_000_000;

/// A request with all that belongs to it.
pub(crate) struct Arrived {
    pub(crate) state: Arc<State>,
    pub(crate) line: Line,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl FromRequest<Arc<State>> for Arrived {
    type Rejection = Response;

    async fn from_request(request: Request, state: &Arc<State>) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let line = Extension::<Line>::from_request_parts(&mut parts, state).await;
        let Extension(line) = line.map_err(IntoResponse::into_response)?;
        let (uri, headers) = (parts.uri.clone(), parts.headers.clone());
        let request = Request::from_parts(parts, body);
        let body = Bytes::from_request(request, state).await.map_err(IntoResponse::into_response)?;
        Ok(Self { state: Arc::clone(state), line, uri, headers, body })
    }
}

pub(crate) async fn serve<A: Api>(arrived: Arrived) -> Response {
    let Arrived { state, line, uri, headers, body } = arrived;
    let incoming = Incoming { uri: &uri, headers: &headers, body: &body };
    let mut visit = Visit::new(&state, A::NAME, incoming.key_in_address().is_some());
    let key = A::Provider::key(&incoming);
    if state.config.key.is_some() && state.config.key.as_deref() != key {
        return failed::<A>(visit, &Failure::Unauthorized, Levels::default(), None);
    }
    let (asked, question) = match A::read(&incoming, &state.oracle) {
        Ok(read) => read,
        Err(failure) => return failed::<A>(visit, &failure, Levels::default(), None),
    };
    let account = random::hash(random::hash(0, A::Provider::NAME), key.unwrap_or_default());
    let scope = random::hash(account, &asked.model);
    visit.asks(&asked.model, &asked.titles, asked.answered, scope);
    let chosen = state.faults.lock().choose(state.config.seed, visit.number(), A::NAME, &asked.titles);
    visit.fault(chosen.fault);
    if let Some(failure) = failure(&state, chosen.fault, &asked) {
        let late = matches!(failure, Failure::RateLimit | Failure::SlowDown).then_some((scope, chosen.retry_after));
        return failed::<A>(visit, &failure, Levels::default(), late);
    }
    let limited = match state.config.limit_scope {
        LimitScope::Model => scope,
        LimitScope::Account => account,
    };
    let input = asked.prompt.tokens();
    let verdict = state.limits.take(limited, input + asked.output_bound);
    if let Some(wait) = verdict.wait {
        visit.over_limit();
        return failed::<A>(visit, &Failure::RateLimit, verdict.levels, Some((scope, wait)));
    }
    if let Some(limit) = state.config.max_input_tokens.filter(|limit| input > *limit) {
        return failed::<A>(visit, &Failure::ContextLength { limit, tokens: input }, verdict.levels, None);
    }
    if chosen.fault == Fault::Redirect {
        let headers = announced::<A>(&visit, verdict.levels);
        return Reply::new(visit, 302, headers).redirect(&format!("http://localhost:{}/_fake/stolen", state.port));
    }
    let body = answer::<A>(&state, &mut visit, scope, &asked, question, chosen);
    if chosen.fault == Fault::Hang {
        visit.lost();
        return future::pending().await;
    }
    let latency = state.config.latency_of(&asked.model).of(state.config.seed, visit.number());
    if latency > Duration::ZERO {
        time::sleep(latency).await;
    }
    let slow = Duration::from_millis(state.faults.lock().slow_ms);
    let headers = announced::<A>(&visit, verdict.levels);
    Reply::new(visit, 200, headers).with(chosen.fault, &line, slow, body.into(), "application/json")
}

/// Writes the answer and charges it.
fn answer<A: Api>(
    state: &State,
    visit: &mut Visit,
    scope: u64,
    asked: &Asked,
    question: A::Question,
    chosen: Chosen,
) -> Vec<u8> {
    let with = Answering { oracle: &state.oracle, model: &asked.model, chosen, number: visit.number() };
    let (body, tokens, spoiled) = written::<A>(state, scope, asked, question, &with);
    if A::FREE {
        return body.to_string().into_bytes();
    }
    visit.charge(tokens, tokens.cost(&state.config.model(&asked.model)), spoiled);
    if !asked.answered {
        visit.embeds(asked.titles.len());
    }
    body.to_string().into_bytes()
}

/// An answer with its usage, the tokens of that, and the places of the items that a fault spoiled.
pub(crate) fn written<A: Api>(
    state: &State,
    scope: u64,
    asked: &Asked,
    question: A::Question,
    with: &Answering<'_>,
) -> (Value, Tokens, Vec<usize>) {
    let Written { mut body, output_tokens, thoughts, spoiled } = A::answer(asked, question, with);
    if A::FREE {
        return (body, Tokens::default(), spoiled);
    }
    let mut tokens = match state.config.prompt_cache {
        true => state.cache.charge(&asked.prompt, scope, asked.shortest_prefix),
        false => Tokens { input: asked.prompt.tokens(), ..Tokens::default() },
    };
    tokens.output = output_tokens;
    if with.chosen.fault == Fault::UsageAbove {
        tokens.input += ABOVE;
    }
    if let Value::Object(fields) = &mut body
        && let usage = A::usage(&tokens, thoughts)
        && !usage.is_null()
        && with.chosen.fault != Fault::NoUsage
    {
        fields.insert(A::USAGE.to_owned(), usage);
    }
    (body, tokens, spoiled)
}

/// The error that a fault stands for, where it stands for one.
fn failure(state: &State, fault: Fault, asked: &Asked) -> Option<Failure> {
    let tokens = asked.prompt.tokens();
    Some(match fault {
        Fault::ModelNotFound => Failure::ModelNotFound(asked.model.clone()),
        Fault::ContextLengthExceeded => {
            let limit = state.config.max_input_tokens.unwrap_or_else(|| tokens.saturating_sub(1));
            Failure::ContextLength { limit, tokens }
        }
        fault => return failure_of(fault),
    })
}

/// The error that a fault stands for whatever is asked.
pub(crate) fn failure_of(fault: Fault) -> Option<Failure> {
    Some(match fault {
        Fault::RateLimit => Failure::RateLimit,
        Fault::SlowDown => Failure::SlowDown,
        Fault::Quota => Failure::Quota,
        Fault::Unauthorized => Failure::Unauthorized,
        Fault::Forbidden => Failure::Forbidden,
        Fault::RequestTimeout => Failure::RequestTimeout,
        Fault::Conflict => Failure::Conflict,
        Fault::ServerError => Failure::ServerError,
        Fault::Overloaded => Failure::Overloaded,
        Fault::Loading => Failure::Loading,
        _ => return None,
    })
}

/// Errors are never charged. `late` is whom a 429 puts off, and for how long.
fn failed<A: Api>(visit: Visit, failure: &Failure, levels: Levels, late: Option<(u64, Duration)>) -> Response {
    let (status, mut body) = A::Provider::failure(failure, visit.number());
    let mut headers = announced::<A>(&visit, levels);
    if let Some((scope, delay)) = late {
        let form = visit.state().faults.lock().retry_after;
        let told = A::Provider::put_off(delay, form, &mut headers, &mut body);
        visit.put_off(scope, told);
    }
    Reply::new(visit, status, headers).whole(body.to_string().into_bytes())
}

/// The headers that a provider sends with every reply.
fn announced<A: Api>(visit: &Visit, levels: Levels) -> HeaderMap {
    let mut headers = HeaderMap::new();
    A::Provider::identify(visit.number(), visit.elapsed(), &mut headers);
    A::Provider::announce(&levels, &mut headers);
    headers
}
