//! Requests that users have written, on their way through batches, and those for vectors of stored texts, which are of their form.

use super::building::owners;
use super::ending::{reason_after, state_after};
use super::vectors::{self, Fit};
use super::{Batches, Desk, moment};
use crate::pg::spi::{self, BatchedJob, RequestGroup, WaitingRequest};
use crate::pg::worker::gateway::plans::Plans;
use pg_categorize_core::batch::{LineEnd, Moment, Queue, after};
use pg_categorize_core::cascade::Reason;
use pg_categorize_core::choices::Choices;
use pg_categorize_core::frame::Target;
use pg_categorize_core::raw_request;
use pg_categorize_gateway::batches::{LineResult, NewRequest, Waiting};
use pg_categorize_gateway::plan::{Plan, RawWork, Route};
use pg_categorize_gateway::store::Attempt;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;

/// How a request is asked: as it was written. What is in the queue was read before; what is not a request any more asks nothing.
pub(super) fn plan(kind: &str, tenant: String, body: &Value, model: &str) -> Arc<Plan> {
    Arc::new(match raw_request::read(kind, body, Some(model)) {
        Ok(request) => Plan::of_request(tenant, request),
        Err(_) => Plan { tenant, ..Plan::new(Choices::new(Vec::new()), Vec::new()) },
    })
}

/// What waits, by whom it goes to. What goes nowhere any more ends.
pub(super) fn queues(desk: &mut Desk<'_>, groups: Vec<RequestGroup>, last_daily: Moment) -> Vec<(Arc<Route>, Queue)> {
    let mut queues = Vec::new();
    for group in groups {
        let work = RawWork { job_type: group.job_type.clone(), endpoint: group.endpoint };
        match desk.plans.raw_route(group.provider, &group.model, work) {
            Some(route) => {
                let (inputs, requests, bytes) = (group.inputs, group.inputs, group.bytes);
                let oldest = Some(moment(group.oldest));
                queues.push((route, Queue { inputs, requests, bytes, oldest, last_daily }));
            }
            None if !spi::has_provider(group.provider) => spi::fail_requests(&group, Reason::NoProvider.as_str()),
            // Its key or its price is missing for now.
            None => {}
        }
    }
    queues
}

impl Batches {
    /// The next requests that wait for a route; a walk begins where there is none before them.
    pub(super) fn waiting_requests(
        &mut self,
        route: &Route,
        work: &RawWork,
        after: Option<i64>,
        limit: usize,
        desk: &mut Desk<'_>,
    ) -> Vec<Waiting> {
        if after.is_none() {
            self.walked = None;
        }
        let group = RequestGroup {
            provider: route.provider.id,
            model: route.model.name.clone(),
            job_type: work.job_type.clone(),
            endpoint: work.endpoint,
            inputs: 0,
            bytes: 0,
            oldest: 0,
        };
        let kind = route.provider.kind.name();
        // Of a taxonomy's texts there are many requests, and none is read that is not sent.
        let mut fits: HashMap<(String, i32, Option<String>), Fit> = HashMap::new();
        loop {
            let waiting = spi::waiting_requests(&group, self.walked, limit);
            let Some(last) = waiting.last() else { return Vec::new() };
            self.walked = Some((last.priority, last.id));
            let (mut sent, mut over) = (Vec::new(), Vec::new());
            for job in waiting {
                let fit = match &job.vectors {
                    Some((taxonomy, model)) => {
                        let fit = || vectors::fit(desk, &job.tenant, *taxonomy, model.as_deref());
                        *fits.entry((job.tenant.clone(), *taxonomy, model.clone())).or_insert_with(fit)
                    }
                    None => Fit::Sent,
                };
                match fit {
                    Fit::Sent => sent.push(job),
                    Fit::Waits => {}
                    Fit::Over => over.push(job.id),
                }
            }
            spi::move_all(&over, "cancelled", None);
            let bodies = spi::request_bodies(&sent.iter().map(|job| job.id).collect::<Vec<_>>());
            let read = bodies.last().and_then(|(last, _)| sent.iter().position(|job| job.id == *last));
            if let Some(read) = read.filter(|read| read + 1 < sent.len()) {
                // It goes on behind the last one whose body was read.
                self.walked = Some((sent[read].priority, sent[read].id));
            }
            let mut bodies: HashMap<i64, Value> = bodies.into_iter().collect();
            let with_body = |job: WaitingRequest| {
                let body = bodies.remove(&job.id)?;
                let plan = plan(kind, job.tenant, &body, &group.model);
                Some(Waiting { job: job.id, fingerprint: job.fingerprint, text: String::new(), plan })
            };
            let sent: Vec<Waiting> = sent.into_iter().filter_map(with_body).collect();
            if !sent.is_empty() {
                return sent;
            }
        }
    }
}

/// The attempts of requests, in their order; `None` where they are not sent in this way any more.
pub(super) fn attempts(requests: &[NewRequest], route: &Arc<Route>, plans: &mut Plans) -> Option<Vec<Attempt>> {
    let (provider, model) = (route.provider.id, route.model.name.as_str());
    if plans.raw_route(provider, model, route.raw.clone()?)? != *route {
        return None;
    }
    let owners = owners(requests);
    let attempt = |request: &NewRequest| {
        let owner = owners.get(request.jobs.first()?)?;
        // The money is that of its tenant, and of no taxonomy unless it is for vectors of one.
        let taxonomy = taxonomy(&owner.target);
        let plan = Plan { tenant: owner.tenant.clone(), taxonomy, ..Plan::new(Choices::new(Vec::new()), Vec::new()) };
        Some(Attempt {
            plan: Arc::new(plan),
            route: route.clone(),
            worst_case: request.worst_case,
            inputs: owner.inputs,
            asker: owner.asker.clone(),
        })
    };
    requests.iter().map(attempt).collect()
}

/// Whose texts get vectors by a request; `None` where a user has written it.
fn taxonomy(target: &Target) -> Option<i32> {
    match target {
        Target::Taxonomy { id, .. } => Some(*id),
        Target::Labels(_) => None,
    }
}

/// What becomes of the job of a request that was in so many batches; what it brought is stored.
pub(super) fn end(
    job: &BatchedJob,
    result: &LineResult,
    attempts: i16,
    route: &Route,
) -> (&'static str, Option<&'static str>) {
    if let Some(taxonomy) = taxonomy(&job.target) {
        return vectors::end(job, taxonomy, result, attempts, route);
    }
    // What Postgres takes for no JSON (a character 0) is no answer that could be read.
    let storable = |reply: &String| !reply.contains("\\u0000");
    let reply = result.reply.as_ref().filter(|reply| storable(reply));
    if let Some(reply) = reply.and_then(|reply| serde_json::from_str(reply).ok()) {
        spi::store_reply(job.id, reply);
        return ("done", None);
    }
    let how = if result.end == LineEnd::Answered { LineEnd::Unanswered } else { result.end };
    let next = after(how, attempts.unsigned_abs().into(), false);
    (state_after(next), reason_after(next, how))
}
