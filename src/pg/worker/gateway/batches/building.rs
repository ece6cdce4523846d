//! Makes batches: jobs, requests and their money in one transaction.

use super::agenda::REST;
use super::{Batches, Desk, here, now, raw};
use crate::pg::spi::{self, Owner};
use pg_categorize_core::batch::{Batch, Token};
use pg_categorize_core::cascade::Reason;
use pg_categorize_core::money::Money;
use pg_categorize_gateway::batches::{NewBatch, api};
use pg_categorize_gateway::plan::{Plan, RawWork, Route};
use pg_categorize_gateway::store::{Attempt, Refusal};
use std::collections::HashMap;
use std::sync::Arc;

impl Batches {
    /// Makes a batch, or the part of it for which there is money; `None` where there is none, or something has changed.
    pub fn build(&mut self, new: &NewBatch, desk: &mut Desk<'_>) -> Option<i64> {
        let jobs: Vec<i64> = new.requests.iter().flat_map(|request| request.jobs.iter().copied()).collect();
        if jobs.is_empty() || spi::hold_waiting(&jobs) != jobs.len() {
            return None;
        }
        let attempts = if new.route.raw.is_some() { raw::attempts(new, desk)? } else { attempts(new, desk)? };
        let (reserved, refusal) = desk.books.reserve_first(&attempts.iter().collect::<Vec<_>>());
        if let Some(refusal) = &refusal {
            self.refused(new, reserved.len(), refusal);
        }
        if reserved.is_empty() {
            return None;
        }
        let traits = api(new.route.provider.kind)?.traits();
        let (system_identifier, database) = here();
        let id = spi::next_batch();
        let count = u32::try_from(reserved.len()).unwrap_or(u32::MAX);
        let record = Batch::new(id, new.route.provider.id, traits.matching, traits.by_file, count, now());
        let made = &new.requests[..reserved.len()];
        let requests: Vec<(&[i64], i64)> =
            made.iter().zip(&reserved).map(|(request, attempt)| (&request.jobs[..], *attempt)).collect();
        let first = &attempts[0].plan.tenant;
        let is_of_one = attempts[..reserved.len()].iter().all(|attempt| attempt.plan.tenant == *first);
        spi::insert_batch(&spi::NewBatch {
            record: &record,
            token: Token::new(system_identifier.cast_unsigned(), database.to_u32(), id).bits(),
            provider: &new.route.provider.name,
            model: &new.route.model.name,
            rationale: new.route.rationale,
            price: new.route.price?.id,
            tenant: is_of_one.then_some(first.as_str()),
            bytes: i64::try_from(made.iter().map(|request| request.bytes).sum::<u64>()).unwrap_or(i64::MAX),
            worst_case: made.iter().map(|request| request.worst_case).sum::<Money>().0,
            requests: &requests,
            system_identifier,
            database,
        });
        if let Some(RawWork { job_type, endpoint }) = &new.route.raw {
            spi::mark_batch(id, job_type, *endpoint);
        }
        Some(id)
    }

    /// A request that no budget ever admits is not in the way of others; where there is no money, the provider rests.
    fn refused(&mut self, new: &NewBatch, at: usize, refusal: &Refusal) {
        let Route { provider, model, .. } = &*new.route;
        if refusal.reason == Reason::RequestTooExpensive {
            if let Some(request) = new.requests.get(at) {
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

/// The attempts of requests, in their order; `None` where one is not asked in this way any more.
fn attempts(new: &NewBatch, desk: &mut Desk<'_>) -> Option<Vec<Attempt>> {
    let firsts: Vec<i64> = new.requests.iter().filter_map(|request| request.jobs.first().copied()).collect();
    let owners: HashMap<i64, Owner> = spi::owners(&firsts).into_iter().map(|owner| (owner.job, owner)).collect();
    let mut known: Option<(&Owner, Arc<Plan>)> = None;
    let mut attempts = Vec::with_capacity(new.requests.len());
    for request in &new.requests {
        let owner = owners.get(request.jobs.first()?)?;
        let is_known = |(of, _): &&(&Owner, Arc<Plan>)| of.tenant == owner.tenant && of.target == owner.target;
        let plan = match known.as_ref().filter(is_known) {
            Some((_, plan)) => plan.clone(),
            None => {
                let plan = desk.plans.plan(&owner.tenant, &owner.target).ok()?;
                let routes = plan.routes.iter().filter_map(|route| desk.plans.batch_route(route));
                if !routes.into_iter().any(|route| route == new.route) {
                    return None;
                }
                known = Some((owner, plan.clone()));
                plan
            }
        };
        attempts.push(Attempt {
            plan,
            route: new.route.clone(),
            worst_case: request.worst_case,
            inputs: request.jobs.len(),
            asker: owner.asker.clone(),
        });
    }
    Some(attempts)
}
