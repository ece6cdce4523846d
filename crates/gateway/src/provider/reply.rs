//! What a reply means: answers, or a failure of some kind.

use super::classify::{embedded_status, failure};
use super::{Charge, Failure, FailureClass, ItemAnswer, api};
use crate::http::Reply;
use crate::plan::Route;
use pg_categorize_core::choices::Choices;
use pg_categorize_core::price::Usage;
use serde_json::Value;

/// The answers of a reply, or what failed, and what it says that it cost.
pub(super) fn read(
    route: &Route,
    choices: &Choices,
    ids: &[u32],
    reply: &Reply,
) -> (Result<Vec<ItemAnswer>, Failure>, Option<Usage>) {
    let json = reply.body.as_ref().ok().and_then(|body| serde_json::from_slice::<Value>(body).ok());
    let usage = json.as_ref().zip(api(route)).and_then(|(json, api)| api.usage(json));
    let result = match (reply.status, &reply.body, &json) {
        (200..=299, Err(failure), _) => Err(failure.clone()),
        (200..=299, _, None) => Err(unreadable("no JSON")),
        (200..=299, _, Some(json)) => {
            match (api(route).and_then(|api| api.read(json, choices, ids)), embedded_status(json)) {
                (Some(answers), _) => Ok(reasoned(route, answers)),
                // Gateways in front of providers report their errors this way, after the model may have answered.
                (None, Some(status)) => {
                    Err(Failure { charge: Charge::Unknown, ..failure(route, status, &reply.headers, Some(json)) })
                }
                (None, None) => Err(unreadable("not a reply of this API")),
            }
        }
        (status, ..) => Err(failure(route, status, &reply.headers, json.as_ref())),
    };
    (result, usage)
}

/// Reasons that nobody asked for are not shown: a title may have asked for them.
fn reasoned(route: &Route, mut answers: Vec<ItemAnswer>) -> Vec<ItemAnswer> {
    if !route.rationale {
        answers.iter_mut().for_each(|answer| answer.rationale = None);
    }
    answers
}

pub(super) fn unreadable(detail: &str) -> Failure {
    Failure::new(FailureClass::Unreadable, Charge::Unknown, detail)
}

#[cfg(test)]
mod tests;
