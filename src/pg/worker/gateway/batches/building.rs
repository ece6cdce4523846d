//! Makes batches, part by part: jobs, requests and their money in one transaction. What is made so far is a batch, whatever comes
//! then; it is sent once nobody adds to it any more.

use super::agenda::REST;
use super::{Batches, Desk, here, now, raw};
use crate::pg::spi::{self, BatchSize, NewItems, Owner};
use crate::pg::worker::gateway::plans::Plans;
use pg_categorize_core::batch::{Batch, Token};
use pg_categorize_core::cascade::Reason;
use pg_categorize_core::money::Money;
use pg_categorize_gateway::batches::{Made, NewRequest, Part, api};
use pg_categorize_gateway::plan::{Plan, RawWork, Route};
use pg_categorize_gateway::store::{Attempt, Refusal};
use std::collections::HashMap;
use std::sync::Arc;

impl Batches {
    /// Makes a part of a batch, as far as there is money for it; `None` where there is none, or something has changed.
    ///
    /// # Panics
    /// Where one of its inputs waits no more: the transaction is undone, and what waits is read again.
    pub fn build(&mut self, part: &Part, desk: &mut Desk<'_>) -> Option<Made> {
        let Part { batch, route, requests } = part;
        let grown = match batch {
            Some(batch) => Some(spi::hold_building(*batch)?),
            None => None,
        };
        let attempts = match route.raw {
            Some(_) => raw::attempts(requests, route, desk.plans)?,
            None => attempts(requests, route, desk.plans)?,
        };
        let (reserved, refusal) = desk.books.reserve_first(&attempts);
        if let Some(refusal) = &refusal {
            self.refused(part, reserved.len(), refusal);
        }
        // What no budget ever admits is not in the way of what comes then.
        let skipped = refusal.is_some_and(|refusal| refusal.reason == Reason::RequestTooExpensive);
        if reserved.is_empty() {
            return skipped.then_some(Made { batch: *batch, requests: 0, skipped });
        }
        let paid: Vec<(&[i64], i64)> =
            requests.iter().zip(reserved).map(|(request, attempt)| (&request.jobs[..], attempt)).collect();
        let made = &requests[..paid.len()];
        let tenant = |attempts: &[Attempt]| {
            let first = &attempts[0].plan.tenant;
            attempts.iter().all(|attempt| attempt.plan.tenant == *first).then(|| first.clone())
        };
        let part = BatchSize {
            tenant: tenant(&attempts[..made.len()]),
            inputs: made.iter().map(|request| request.jobs.len() as i32).sum(),
            bytes: made.iter().map(|request| request.bytes.cast_signed()).sum(),
            worst_case: made.iter().map(|request| request.worst_case).sum::<Money>().0,
        };
        let (mut record, before) = match grown {
            Some((record, size)) => (record, Some(size)),
            None => (begin(route)?, None),
        };
        let ordinal = i32::try_from(record.requests).unwrap_or(i32::MAX);
        let number = before.as_ref().map_or(0, |size| size.inputs) + 1;
        let all_waited = spi::insert_items(&NewItems { batch: record.id, ordinal, number, requests: &paid });
        assert!(all_waited, "inputs of a batch do not wait any more");
        if route.raw.is_some() {
            spi::mark_requests(record.id, &paid);
        }
        record.requests += u32::try_from(made.len()).unwrap_or(u32::MAX);
        match before {
            Some(size) => spi::grow_batch(&record, &size.with(part)),
            None => insert(&record, &part, route),
        }
        Some(Made { batch: Some(record.id), requests: made.len(), skipped })
    }

    /// A request that no budget ever admits is not in the way of others; where there is no money, the provider rests.
    fn refused(&mut self, part: &Part, at: usize, refusal: &Refusal) {
        let Route { provider, model, .. } = &*part.route;
        if refusal.reason == Reason::RequestTooExpensive {
            if let Some(request) = part.requests.get(at) {
                spi::move_all(&request.jobs, "failed", Some(refusal.reason.as_str()));
            }
            return;
        }
        self.resting.insert(provider.id, now().after(REST));
        let why = refusal.detail.as_deref().unwrap_or_else(|| refusal.reason.as_str());
        let message = format!("Queued inputs wait, since no money is left for their batch: {why}");
        spi::insert_daily_alert("batch_refused", &provider.name, &model.name, &message);
    }

    /// No batch takes these.
    pub fn too_large(&mut self, jobs: &[i64]) {
        spi::move_all(jobs, "failed", Some(Reason::InputTooLarge.as_str()));
    }
}

/// A batch without requests, under a number of its own.
fn begin(route: &Route) -> Option<Batch> {
    let traits = api(route.provider.kind)?.traits();
    Some(Batch::new(spi::next_batch(), route.provider.id, traits.matching, traits.by_file, 0, now()))
}

fn insert(record: &Batch, size: &BatchSize, route: &Route) {
    let (system_identifier, database) = here();
    spi::insert_batch(&spi::NewBatch {
        record,
        size,
        token: Token::new(system_identifier.cast_unsigned(), database.to_u32(), record.id).bits(),
        provider: &route.provider.name,
        model: &route.model.name,
        rationale: route.rationale,
        price: route.price.expect("what is admitted has a price").id,
        system_identifier,
        database,
    });
    if let Some(RawWork { job_type, endpoint }) = &route.raw {
        spi::mark_batch(record.id, job_type, *endpoint);
    }
}

/// The attempts of requests, in their order; `None` where one is not asked in this way any more.
fn attempts(requests: &[NewRequest], route: &Arc<Route>, plans: &mut Plans) -> Option<Vec<Attempt>> {
    let owners = owners(requests);
    let mut known: Option<(&Owner, Arc<Plan>)> = None;
    let mut attempts = Vec::with_capacity(requests.len());
    for request in requests {
        let owner = owners.get(request.jobs.first()?)?;
        let is_known = |(of, _): &&(&Owner, Arc<Plan>)| of.tenant == owner.tenant && of.target == owner.target;
        let plan = match known.as_ref().filter(is_known) {
            Some((_, plan)) => plan.clone(),
            None => {
                let plan = plans.plan(&owner.tenant, &owner.target).ok()?;
                if !plan.routes.iter().any(|of| plans.batch_route(of).is_some_and(|of| of == *route)) {
                    return None;
                }
                known = Some((owner, plan.clone()));
                plan
            }
        };
        attempts.push(Attempt {
            plan,
            route: route.clone(),
            worst_case: request.worst_case,
            inputs: request.jobs.len(),
            asker: owner.asker.clone(),
        });
    }
    Some(attempts)
}

/// Whose requests these are, by their first jobs.
pub(super) fn owners(requests: &[NewRequest]) -> HashMap<i64, Owner> {
    let firsts: Vec<i64> = requests.iter().filter_map(|request| request.jobs.first().copied()).collect();
    spi::owners(&firsts).into_iter().map(|owner| (owner.job, owner)).collect()
}
