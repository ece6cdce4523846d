//! Storing misses as jobs of the queue, each with where its answer is to be written.

use super::Wish;
use crate::pg::write_back::{self, Target};
use crate::pg::{launch, spi, world};
use pg_categorize_core::fingerprint::Fingerprint;
use std::rc::Rc;

/// An input that was not answered, or that is known and only to be written.
pub struct Miss {
    /// Who wants it.
    pub wish: Rc<Wish>,
    /// By what it is known among the answers of its tenant.
    pub fingerprint: Fingerprint,
    /// The text.
    pub input: String,
    /// Whether it has an answer: it needs no job.
    pub is_known: bool,
    /// Where the answer is to be written.
    pub targets: Vec<Target>,
}

/// Stores them, those that wait already left out; returns how many are new to the queue. In a transaction that may write, under a
/// snapshot.
///
/// # Errors
/// 40001 under REPEATABLE READ where somebody else has queued one of the texts meanwhile.
pub fn store(mut misses: Vec<Miss>) -> u64 {
    // In one order everywhere: transactions that queue the same texts wait for each other, and not in a circle.
    misses.sort_unstable_by_key(|miss| miss.fingerprint);
    let all: Vec<&Miss> = misses.iter().collect();
    let unknown: Vec<&Miss> = misses.iter().filter(|miss| !miss.is_known).collect();
    world::as_owner(|| {
        let (jobs, new) = if unknown.is_empty() { Default::default() } else { spi::insert_jobs(&unknown) };
        write_back::store(&all, &jobs);
        if new > 0 {
            launch::want_gateway();
        }
        new
    })
}
