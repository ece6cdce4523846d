//! The batches that are open, and their requests, as they are sent and read.

use super::{Batches, Desk, here, raw};
use crate::pg::spi::{self, BatchItem, BatchedJob, OpenBatch};
use pg_categorize_core::batch::{Rest, State, Token};
use pg_categorize_core::fingerprint::Fingerprint;
use pg_categorize_core::frame::Target;
use pg_categorize_gateway::batches::{Open, Request, RequestItem};
use std::collections::HashMap;

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

    /// Requests of a batch from one on.
    pub fn requests(&mut self, batch: i64, from: u32, limit: usize, desk: &mut Desk<'_>) -> Vec<Request> {
        let items = spi::batch_items(batch, i32::try_from(from).unwrap_or(i32::MAX), limit);
        let jobs = jobs(batch, &items);
        let kind = jobs.values().any(|job| job.request.is_some()).then(|| spi::kind_of_batch(batch)).flatten();
        items.iter().map(|item| request(item, &jobs, kind.as_deref().unwrap_or_default(), desk)).collect()
    }
}

fn read(batch: &OpenBatch, desk: &mut Desk<'_>) -> Option<Open> {
    let route = desk.plans.route_of_batch(batch)?;
    let bytes = u64::try_from(batch.bytes).unwrap_or(0);
    Some(Open { record: batch.record.clone(), token: Token::from_bits(batch.token), route, bytes })
}

/// The jobs of requests, by their ids.
pub(super) fn jobs(batch: i64, items: &[BatchItem]) -> HashMap<i64, BatchedJob> {
    let ids: Vec<i64> = items.iter().flat_map(|item| item.jobs.iter().copied()).collect();
    spi::batched_jobs(batch, &ids).into_iter().map(|job| (job.id, job)).collect()
}

fn request(item: &BatchItem, jobs: &HashMap<i64, BatchedJob>, kind: &str, desk: &mut Desk<'_>) -> Request {
    let of = item.jobs.iter().find_map(|job| jobs.get(job));
    let plan = match of {
        Some(BatchedJob { tenant, request: Some((body, model)), .. }) => raw::plan(kind, tenant.clone(), body, model),
        Some(job) => desk.plan_or_nothing(&job.tenant, &job.target),
        None => desk.plan_or_nothing("", &Target::Labels(Vec::new())),
    };
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
