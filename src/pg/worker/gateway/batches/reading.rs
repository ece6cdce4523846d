//! The batches that are open, and their requests, as they are sent and read.

use super::{Batches, Desk, here, raw};
use crate::pg::spi::{self, BatchItem, BatchedJob, OpenBatch, Owner, SentJob};
use pg_categorize_core::batch::{Rest, State, Token, check};
use pg_categorize_core::fingerprint::Fingerprint;
use pg_categorize_core::frame::Target;
use pg_categorize_gateway::batches::{Open, Outline, Request, RequestItem};
use pg_categorize_gateway::plan::Plan;
use std::collections::HashMap;
use std::sync::Arc;

impl Batches {
    /// The batches that have not ended and are bound to this database. One whose provider was dropped ends: nobody can be asked
    /// what became of it.
    pub fn open(&mut self, desk: &mut Desk<'_>) -> Vec<Open> {
        let (system, database) = here();
        let mut open = Vec::new();
        for batch in spi::open_batches(system, database).into_iter().filter(|batch| batch.is_here) {
            match read(&batch, desk) {
                Some(read) => open.push(read),
                None if !spi::has_provider(batch.record.provider) => self.abandon(&batch, desk),
                // Its key is missing for now, or its host is not allowed.
                None => {}
            }
        }
        open
    }

    fn abandon(&mut self, batch: &OpenBatch, desk: &mut Desk<'_>) {
        let mut after = batch.record.clone();
        let was_sent = matches!(after.state, State::Submitted | State::InProgress | State::Ingesting);
        after.state = State::Failed;
        after.suspect = false;
        self.keep(&batch.record, &after, if was_sent { Rest::Missing } else { Rest::NotRun { blamed: false } }, desk);
    }

    /// Requests of a batch from one on, as many as are read at once.
    pub fn requests(&mut self, batch: i64, from: u32, limit: usize, desk: &mut Desk<'_>) -> Vec<Request> {
        let mut items = spi::batch_items(batch, i32::try_from(from).unwrap_or(i32::MAX), limit);
        let ids: Vec<i64> = items.iter().flat_map(|item| item.jobs.iter().copied()).collect();
        let (sent, unread) = spi::sent_jobs(&ids, items.first().map_or(0, |item| item.jobs.len()));
        if let Some(cut) = unread.and_then(|job| items.iter().position(|item| item.jobs.contains(&job))) {
            items.truncate(cut);
        }
        let jobs: HashMap<i64, SentJob> = sent.into_iter().map(|job| (job.id, job)).collect();
        let kind = jobs.values().any(|job| job.request.is_some()).then(|| spi::kind_of_batch(batch)).flatten();
        let mut asks = Asks { desk, kind: kind.unwrap_or_default(), last: None };
        items.iter().map(|item| request(item, &jobs, &mut asks)).collect()
    }

    /// The same as their results are read.
    pub fn outlines(&mut self, batch: i64, from: u32, limit: usize, desk: &mut Desk<'_>) -> Vec<Outline> {
        let items = spi::batch_items(batch, i32::try_from(from).unwrap_or(i32::MAX), limit);
        let firsts: Vec<i64> = items.iter().filter_map(|item| item.jobs.first().copied()).collect();
        let owners = spi::owners(&firsts).into_iter().map(|owner| (owner.job, owner)).collect();
        let mut asks = Asks { desk, kind: String::new(), last: None };
        items.iter().map(|item| outline(item, &owners, &mut asks)).collect()
    }
}

/// What its first job says is said of all of a request.
fn outline(item: &BatchItem, owners: &HashMap<i64, Owner>, asks: &mut Asks<'_, '_>) -> Outline {
    let first = u32::try_from(item.first).unwrap_or(1);
    let plan = match item.jobs.first().and_then(|job| owners.get(job)) {
        Some(owner) if owner.is_request => None,
        Some(owner) => Some(asks.as_usual(&owner.tenant, &owner.target)),
        None => Some(asks.as_usual("", &Target::Labels(Vec::new()))),
    };
    let inputs = u32::try_from(item.jobs.len()).unwrap_or(u32::MAX);
    Outline { plan, numbers: first..first + inputs, check: check(item.fingerprints.iter().map(|key| &key.0)) }
}

fn read(batch: &OpenBatch, desk: &mut Desk<'_>) -> Option<Open> {
    let route = desk.plans.route_of_batch(batch)?;
    let bytes = u64::try_from(batch.bytes).unwrap_or(0);
    let (record, token) = (batch.record.clone(), Token::from_bits(batch.token));
    Some(Open { record, token, route, bytes, cancel_wanted: batch.cancel_wanted })
}

/// The jobs of requests, by their ids.
pub(super) fn jobs(items: &[BatchItem]) -> HashMap<i64, BatchedJob> {
    let ids: Vec<i64> = items.iter().flat_map(|item| item.jobs.iter().copied()).collect();
    spi::batched_jobs(&ids).into_iter().map(|job| (job.id, job)).collect()
}

/// How requests are asked; those of one tenant and target come together.
struct Asks<'a, 'b> {
    desk: &'a mut Desk<'b>,
    /// The kind of the provider, where users have written the requests.
    kind: String,
    last: Option<(String, Target, Arc<Plan>)>,
}

impl Asks<'_, '_> {
    fn plan(&mut self, of: Option<&SentJob>) -> Arc<Plan> {
        let nothing = Target::Labels(Vec::new());
        let (tenant, target) = match of {
            Some(SentJob { tenant, request: Some((body, model)), .. }) => {
                return raw::plan(&self.kind, tenant.clone(), body, model);
            }
            Some(job) => (job.tenant.as_str(), &job.target),
            None => ("", &nothing),
        };
        self.as_usual(tenant, target)
    }

    /// How inputs are asked about that are to be categorized.
    fn as_usual(&mut self, tenant: &str, target: &Target) -> Arc<Plan> {
        let is_last = |(of, into, _): &&(String, Target, Arc<Plan>)| of == tenant && into == target;
        if let Some((.., plan)) = self.last.as_ref().filter(is_last) {
            return plan.clone();
        }
        let plan = self.desk.plan_or_nothing(tenant, target);
        self.last = Some((tenant.to_owned(), target.clone(), plan.clone()));
        plan
    }
}

fn request(item: &BatchItem, jobs: &HashMap<i64, SentJob>, asks: &mut Asks<'_, '_>) -> Request {
    let plan = asks.plan(item.jobs.iter().find_map(|job| jobs.get(job)));
    let numbers = u32::try_from(item.first).unwrap_or(1)..;
    let input = |((job, key), number): ((&i64, &Fingerprint), u32)| {
        let text = jobs.get(job).and_then(|job| job.text.clone()).unwrap_or_default();
        RequestItem { number, fingerprint: *key, text }
    };
    Request {
        ordinal: u32::try_from(item.ordinal).unwrap_or(0),
        plan,
        items: item.jobs.iter().zip(&item.fingerprints).zip(numbers).map(input).collect(),
    }
}
