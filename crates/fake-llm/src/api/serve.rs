//! The way of a request through the server, whatever its API.

use super::{Answering, Api, Asked, Failure, Written};
use crate::connection::Line;
use crate::delay::delays;
use crate::faults::{Chosen, Fault};
use crate::random;
use crate::reply::Reply;
use crate::server::State;
use crate::tokens::Tokens;
use crate::visit::Visit;
use axum::Extension;
use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::Value;
use std::future;
use std::sync::Arc;
use std::time::Duration;
use tokio::time;

/// Tokens that [`Fault::UsageAbove`] adds: more than any bound by the bytes of a request allows.
const ABOVE: u64 = 1_000_000;

pub(crate) async fn serve<A: Api>(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    Extension(line): Extension<Line>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut visit = Visit::new(&state);
    let key = A::key(&headers);
    if state.config.key.is_some() && state.config.key.as_deref() != key {
        return failed::<A>(visit, &Failure::Unauthorized, HeaderMap::new());
    }
    let (asked, question) = match A::read(&body, &state.oracle) {
        Ok(read) => read,
        Err(failure) => return failed::<A>(visit, &failure, HeaderMap::new()),
    };
    let scope = random::hash(random::hash(0, key.unwrap_or_default()), &asked.model);
    visit.asks(&asked.model, &asked.titles, scope);
    let chosen = state.faults.lock().choose(state.config.seed, visit.number(), &asked.titles);
    visit.fault(chosen.fault);
    if let Some(failure) = failure(&state, chosen.fault, &asked) {
        let mut announced = HeaderMap::new();
        if matches!(failure, Failure::RateLimit | Failure::SlowDown) {
            let told = delays(&mut announced, chosen.retry_after, state.faults.lock().retry_after);
            visit.put_off(scope, told);
        }
        return failed::<A>(visit, &failure, announced);
    }
    let input = asked.prompt.tokens();
    let verdict = state.limits.take(scope, input + asked.output_bound);
    let mut announced = verdict.headers;
    if let Some(wait) = verdict.wait {
        let told = delays(&mut announced, wait, state.faults.lock().retry_after);
        visit.over_limit();
        visit.put_off(scope, told);
        return failed::<A>(visit, &Failure::RateLimit, announced);
    }
    if let Some(limit) = state.config.max_input_tokens.filter(|limit| input > *limit) {
        return failed::<A>(visit, &Failure::ContextLength { limit, tokens: input }, announced);
    }
    if chosen.fault == Fault::Redirect {
        return Reply::new(visit, 302, announced).redirect(&format!("http://localhost:{}/_fake/stolen", state.port));
    }
    let body = answer::<A>(&state, &mut visit, scope, &asked, question, chosen);
    if chosen.fault == Fault::Hang {
        visit.lost();
        return future::pending().await;
    }
    let latency = state.config.latency.of(state.config.seed, visit.number());
    if latency > Duration::ZERO {
        time::sleep(latency).await;
    }
    let slow = Duration::from_millis(state.faults.lock().slow_ms);
    let reply = Reply::new(visit, 200, announced);
    match chosen.fault {
        Fault::Reset => reply.reset(&line),
        Fault::CutBody => reply.cut(body),
        Fault::SlowBody => reply.slow(body, slow),
        Fault::HugeBody => reply.huge(),
        Fault::Html => reply.page(),
        Fault::BrokenJson => reply.broken(body),
        _ => reply.whole(body),
    }
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
    let error_rate = state.config.error_rate_of(&asked.model);
    let with = Answering { oracle: &state.oracle, error_rate, chosen, number: visit.number() };
    let Written { mut body, output_tokens, spoiled } = A::answer(asked, question, &with);
    let mut tokens = match state.config.prompt_cache {
        true => state.cache.charge(&asked.prompt, scope),
        false => Tokens { input: asked.prompt.tokens(), ..Tokens::default() },
    };
    tokens.output = output_tokens;
    if chosen.fault == Fault::UsageAbove {
        tokens.input += ABOVE;
    }
    if chosen.fault != Fault::NoUsage
        && let Value::Object(fields) = &mut body
    {
        fields.insert("usage".to_owned(), A::usage(&tokens));
    }
    visit.charge(tokens, tokens.cost(&state.config.model(&asked.model)), spoiled);
    body.to_string().into_bytes()
}

/// The error that a fault stands for, where it stands for one.
fn failure(state: &State, fault: Fault, asked: &Asked) -> Option<Failure> {
    let tokens = asked.prompt.tokens();
    Some(match fault {
        Fault::RateLimit => Failure::RateLimit,
        Fault::SlowDown => Failure::SlowDown,
        Fault::Quota => Failure::Quota,
        Fault::Unauthorized => Failure::Unauthorized,
        Fault::Forbidden => Failure::Forbidden,
        Fault::ModelNotFound => Failure::ModelNotFound(asked.model.clone()),
        Fault::RequestTimeout => Failure::RequestTimeout,
        Fault::Conflict => Failure::Conflict,
        Fault::ServerError => Failure::ServerError,
        Fault::Overloaded => Failure::Overloaded,
        Fault::Loading => Failure::Loading,
        Fault::ContextLengthExceeded => {
            let limit = state.config.max_input_tokens.unwrap_or_else(|| tokens.saturating_sub(1));
            Failure::ContextLength { limit, tokens }
        }
        _ => return None,
    })
}

/// Errors are never charged.
fn failed<A: Api>(visit: Visit, failure: &Failure, announced: HeaderMap) -> Response {
    let (status, body) = A::failure(failure);
    Reply::new(visit, status, announced).whole(body.to_string().into_bytes())
}
