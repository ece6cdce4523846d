//! One attempt's money: reserved before anything is sent, and closed exactly once, whatever becomes of the task.

use crate::ask::Counted;
use crate::desk::Desk;
use crate::plan::{Plan, Route};
use crate::store::{Attempt, AttemptOutcome, Closing, NewAnswer, NewAudit, NewVector, NotReserved, Share, Store};
use pg_categorize_core::fingerprint::Fingerprint;
use pg_categorize_core::frame::Asker;
use pg_categorize_core::money::Money;
use std::pin::Pin;
use std::sync::Arc;

/// An attempt that is reserved and not closed.
pub(crate) struct OpenAttempt {
    store: Store,
    attempt: i64,
    route: Arc<Route>,
    plan: Arc<Plan>,
    worst_case: Money,
    sent: bool,
    counted: Option<Counted>,
}

/// What a request brought.
#[derive(Default)]
pub(crate) struct Brought {
    pub(crate) stored: Vec<NewAnswer>,
    pub(crate) decided: Vec<Fingerprint>,
    pub(crate) audits: Vec<NewAudit>,
    pub(crate) vectors: Vec<NewVector>,
}

/// Resolves once the end of an attempt is committed.
pub(crate) type Closed = Pin<Box<dyn Future<Output = ()> + Send>>;

impl OpenAttempt {
    /// Reserves the worst case of a request.
    ///
    /// # Errors
    /// Why the store refuses.
    pub(crate) async fn reserve(
        desk: &Desk,
        plan: &Arc<Plan>,
        route: &Arc<Route>,
        worst_case: Money,
        inputs: usize,
        asker: Asker,
    ) -> Result<Self, NotReserved> {
        let counted = Counted::new(&desk.attempts);
        let attempt = Attempt { plan: plan.clone(), route: route.clone(), worst_case, inputs, asker };
        let reserved = desk.store.reserve(attempt).await?;
        Ok(Self {
            store: desk.store.clone(),
            attempt: reserved.attempt,
            route: route.clone(),
            plan: plan.clone(),
            worst_case,
            sent: false,
            counted: Some(counted),
        })
    }

    /// From here on it may be charged.
    pub(crate) fn sent(&mut self) {
        self.sent = true;
    }

    /// Whom it goes to.
    pub(crate) fn route(&self) -> &Arc<Route> {
        &self.route
    }

    /// Its number.
    pub(crate) fn attempt(&self) -> i64 {
        self.attempt
    }

    /// What was reserved.
    pub(crate) fn worst_case(&self) -> Money {
        self.worst_case
    }

    /// Closes it without an answer. It counts as open until that is committed.
    pub(crate) fn end(self, outcome: AttemptOutcome, shares: Vec<Share>) {
        tokio::spawn(self.close(outcome, shares, Brought::default()));
    }

    /// Closes it. The store has the question when this returns, so that what is reserved next comes after it; what is
    /// returned waits for the commit.
    pub(crate) fn close(mut self, outcome: AttemptOutcome, shares: Vec<Share>, brought: Brought) -> Closed {
        let counted = self.counted.take();
        let closed = self.tell(outcome, shares, brought);
        Box::pin(async move {
            closed.await;
            drop(counted);
        })
    }

    fn tell(&self, outcome: AttemptOutcome, shares: Vec<Share>, brought: Brought) -> Closed {
        let (route, plan) = (self.route.clone(), self.plan.clone());
        Box::pin(self.store.close(Closing {
            attempt: self.attempt,
            outcome,
            route,
            plan,
            shares,
            answers: brought.stored,
            decided: brought.decided,
            audits: brought.audits,
            vectors: brought.vectors,
        }))
    }
}

impl Drop for OpenAttempt {
    fn drop(&mut self) {
        if self.counted.is_some() {
            let outcome = if self.sent { AttemptOutcome::InDoubt } else { AttemptOutcome::Released };
            drop(self.tell(outcome, Vec::new(), Brought::default()));
        }
    }
}
