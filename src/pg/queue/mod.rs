//! The queue of work that waits for half the price, as sessions write it: within their transactions, so that a rollback takes
//! it back, and once for a text, however often it is asked about.

mod commit;
mod mark;

pub use commit::init;
pub use mark::{marked, set_mark, take_mark};

use crate::pg::resolver::Keys;
use crate::pg::scope::{Labels, Scope};
use crate::pg::spi::{self, NewJob, NewJobs};
use pg_categorize_core::fingerprint::Fingerprint;
use pg_categorize_core::frame::Asker;
use pgrx::pg_sys;
use std::collections::HashMap;

/// Inputs in one statement.
const PORTION: usize = 5000;

/// How often it is looked which job keeps another from being stored: it may have ended in between.
const LOOKS: usize = 5;

/// Who wants inputs to be categorized later, and how much it matters.
pub struct Order<'a> {
    /// The tenant's view of what they are sorted into.
    pub scope: &'a Scope,
    /// 1 to 10; 10 goes first.
    pub priority: i16,
    /// The role, which pays.
    pub role: pg_sys::Oid,
    /// As the ledger tells it.
    pub asker: &'a Asker,
}

/// An input to be queued.
pub struct Wanted<'a> {
    /// Its keys.
    pub keys: Keys,
    /// The text.
    pub text: &'a str,
}

/// The job that asks about an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queued {
    /// Its id.
    pub job: i64,
    /// Whether it was made by this call; else somebody had queued the input before, and it is asked about once.
    pub is_new: bool,
}

/// Queues inputs in the present transaction; the job of each, in their order. Inputs that are one by their normal form have one
/// job. Where another session has queued the same and not committed, this waits for it. Once the transaction is committed the
/// gateway learns of it. Runs as the owner of the tables, in a transaction that may write.
///
/// # Errors
/// What ends any wait, and 40001 where somebody else's job ends again and again while this one looks.
pub fn enqueue(order: &Order<'_>, inputs: &[Wanted<'_>]) -> Vec<Queued> {
    let mut known: HashMap<Fingerprint, Queued> = HashMap::with_capacity(inputs.len());
    // Whoever queues the same does it in the same order: nobody waits for somebody who waits for him.
    let mut sorted: Vec<&Wanted<'_>> = inputs.iter().collect();
    sorted.sort_by_key(|input| input.keys.0.0);
    sorted.dedup_by_key(|input| input.keys.0.0);
    let (taxonomy, labels) = match &order.scope.labels {
        Labels::Taxonomy(taxonomy, _) => (Some(taxonomy.id), None),
        Labels::AdHoc(labels) => (None, Some(&labels[..])),
    };
    let Order { scope, priority, role, asker } = *order;
    let of = NewJobs { tenant: &scope.tenant, taxonomy, labels, priority, role, asker };
    let jobs: Vec<NewJob<'_>> = sorted.iter().map(|input| new_job(input)).collect();
    for portion in jobs.chunks(PORTION) {
        let mut open: Vec<&NewJob<'_>> = portion.iter().collect();
        for _ in 0..LOOKS {
            let keys: Vec<Fingerprint> = open.iter().map(|job| job.fingerprint).collect();
            let others = spi::open_jobs(&keys);
            known.extend(others.into_iter().map(|(key, job)| (key, Queued { job, is_new: false })));
            open.retain(|job| !known.contains_key(&job.fingerprint));
            if open.is_empty() {
                break;
            }
            let made = spi::insert_jobs(&of, &open);
            known.extend(made.into_iter().map(|(key, job)| (key, Queued { job, is_new: true })));
            open.retain(|job| !known.contains_key(&job.fingerprint));
            if open.is_empty() {
                break;
            }
        }
        if !open.is_empty() {
            lost_track();
        }
    }
    if !inputs.is_empty() {
        commit::queued();
    }
    inputs.iter().map(|input| known[&input.keys.0]).collect()
}

/// Notes that the gateway has something to look at once this transaction is committed.
pub fn touch() {
    commit::queued();
}

fn new_job<'a>(input: &Wanted<'a>) -> NewJob<'a> {
    NewJob { fingerprint: input.keys.0, shared: input.keys.1, text: input.text }
}

/// Each time it looked, somebody had queued one of them meanwhile.
fn lost_track() -> ! {
    crate::pg::error::report(
        pgrx::prelude::PgSqlErrorCode::ERRCODE_T_R_SERIALIZATION_FAILURE,
        "could not queue an input that others queue at the same time",
        None,
        Some("Try the transaction again.".to_owned()),
    )
}
