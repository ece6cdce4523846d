//! Files and batches of all keys.

use super::end::end;
use super::job::Job;
use crate::server::State;
use axum::body::Bytes;
use std::collections::BTreeMap;
use std::time::SystemTime;

/// Files and batches by their numbers, which both count together.
#[derive(Default)]
pub(crate) struct Registry {
    pub(crate) files: BTreeMap<u64, File>,
    pub(crate) jobs: BTreeMap<u64, Job>,
    last: u64,
}

/// A file that was uploaded.
pub(crate) struct File {
    pub(crate) owner: u64,
    pub(crate) name: String,
    pub(crate) purpose: String,
    pub(crate) created: SystemTime,
    /// `None` until its bytes came.
    pub(crate) bytes: Option<Bytes>,
}

/// The number in an id such as `batch_7`.
pub(super) fn number(id: &str, prefix: &str) -> Option<u64> {
    id.strip_prefix(prefix)?.parse().ok()
}

impl Registry {
    /// Accepts a batch under the next number.
    pub(crate) fn accept(&mut self, state: &State, job: Job) -> &Job {
        state.book.lock().account.batches.created += 1;
        let number = self.number();
        self.jobs.entry(number).or_insert(Job { number, ..job })
    }

    /// The next number.
    pub(crate) fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// A batch of this key.
    pub(crate) fn job(&mut self, owner: u64, number: Option<u64>) -> Option<&mut Job> {
        self.jobs.get_mut(&number?).filter(|job| job.owner == owner)
    }

    /// A file of this key.
    pub(crate) fn file(&self, owner: u64, number: Option<u64>) -> Option<&File> {
        self.files.get(&number?).filter(|file| file.owner == owner)
    }

    /// The batches of this key that are listed by now, the latest first.
    pub(crate) fn listed(&self, state: &State, owner: u64, now: SystemTime) -> Vec<&Job> {
        let lag = std::time::Duration::from_secs(state.config.batches.listing_lag_s);
        self.jobs.values().rev().filter(|job| job.owner == owner && job.created + lag <= now).collect()
    }

    /// Tokens that wait in the batches of this key.
    pub(crate) fn enqueued(&self, owner: u64) -> u64 {
        let waiting = |job: &&Job| job.owner == owner && job.ended.is_none() && job.refusal.is_none();
        self.jobs.values().filter(waiting).map(|job| job.tokens).sum()
    }
}

/// Ends the batches whose time has come. Whoever asks finds what is charged in the account.
pub(crate) fn settle(state: &State) {
    let now = state.clock.now();
    let mut registry = state.batches.lock();
    let due = registry.jobs.values_mut().filter(|job| job.ended.is_none());
    for job in due {
        if job.end(state).0 <= now {
            let ended = end(state, job);
            state.book.lock().batch_ended(ended.how);
            job.ended = Some(ended);
        }
    }
}
