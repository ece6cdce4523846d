//! Answers of the last five minutes, for near-duplicates of what they answered.

use hashbrown::HashMap;
use pg_categorize_core::frame::Reply;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// How long an answer is kept.
const KEPT: Duration = Duration::from_secs(300);

/// Answers that are kept at most.
const MOST: usize = 20_000;

/// Near-duplicates of one plan, and so of one tenant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct NearKey {
    pub(crate) serial: u64,
    pub(crate) tenant: Arc<str>,
    /// What near-duplicates share.
    pub(crate) words: Arc<str>,
}

/// The answers.
#[derive(Default)]
pub(crate) struct NearAnswers {
    answers: HashMap<NearKey, (Duration, Reply)>,
    order: VecDeque<(Duration, NearKey)>,
}

impl NearAnswers {
    pub(crate) fn get(&self, key: &NearKey, now: Duration) -> Option<&Reply> {
        self.answers.get(key).filter(|(until, _)| now < *until).map(|(_, reply)| reply)
    }

    pub(crate) fn keep(&mut self, key: NearKey, reply: Reply, now: Duration) {
        while self.order.len() >= MOST || self.order.front().is_some_and(|(until, _)| *until <= now) {
            let Some((until, oldest)) = self.order.pop_front() else { break };
            // It may have been answered anew since.
            if self.answers.get(&oldest).is_some_and(|(kept, _)| *kept == until) {
                self.answers.remove(&oldest);
            }
        }
        let until = now + KEPT;
        self.order.push_back((until, key.clone()));
        self.answers.insert(key, (until, reply));
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}
