//! The inputs of one request, and its place among those in flight. Whatever becomes of the task that holds it, the place
//! is given back, and nobody waits for ever.

use crate::desk::Desk;
use crate::flight::FlightId;
use crate::lane::LaneKey;
use crate::plan::{Grade, Plan};
use crate::store::Refusal;
use parking_lot::Mutex;
use pg_categorize_core::candidates::Reach;
use pg_categorize_core::cascade::Reason;
use std::sync::Arc;
use tokio::sync::Notify;

/// What a request that is not sent and those who wait for it tell each other.
#[derive(Default)]
pub(crate) struct Signal {
    left: Notify,
    obstacle: Mutex<Option<Refusal>>,
}

impl Signal {
    /// Somebody does not wait any longer.
    pub(crate) fn wake(&self) {
        self.left.notify_one();
    }

    /// Resolves when somebody does not wait any longer.
    pub(crate) async fn woken(&self) {
        self.left.notified().await;
    }

    /// What the request waits for, where it does.
    pub(crate) fn obstacle(&self) -> Option<Refusal> {
        self.obstacle.lock().clone()
    }
}

/// The inputs of one request.
pub(crate) struct Piece {
    pub(crate) desk: Arc<Desk>,
    pub(crate) plan: Arc<Plan>,
    pub(crate) ids: Vec<FlightId>,
    pub(crate) signal: Arc<Signal>,
    lane: LaneKey,
    rest: Vec<Vec<FlightId>>,
}

impl Piece {
    pub(crate) fn new(desk: Arc<Desk>, lane: LaneKey, plan: Arc<Plan>, ids: Vec<FlightId>) -> Self {
        Self { desk, plan, ids, signal: Arc::default(), lane, rest: Vec::new() }
    }

    /// Which models it is for.
    pub(crate) fn grade(&self) -> Grade {
        self.lane.grade
    }

    /// Which kind of list it is for.
    pub(crate) fn reach(&self) -> Reach {
        self.lane.reach
    }

    /// These go in requests of their own.
    pub(crate) fn split_off(&mut self, packs: impl IntoIterator<Item = Vec<FlightId>>) {
        for pack in packs {
            self.ids.retain(|id| !pack.contains(id));
            self.rest.push(pack);
        }
    }

    /// All of them go in requests of at most so many.
    pub(crate) fn split(&mut self, most: usize) {
        let ids = std::mem::take(&mut self.ids);
        self.rest.extend(ids.chunks(most.max(1)).map(<[_]>::to_vec));
    }

    /// Ends all of them without an answer.
    pub(crate) fn refuse(&mut self, refusal: &Refusal) {
        self.desk.refuse(&std::mem::take(&mut self.ids), refusal);
    }

    /// What it waits for from now on, as those hear whose patience ends meanwhile.
    pub(crate) fn waits_for(&self, obstacle: Option<Refusal>) {
        let is_limit = |refusal: &Option<Refusal>| refusal.as_ref().is_some_and(|r| r.reason == Reason::RateLimited);
        let limited = is_limit(&obstacle);
        let before = is_limit(&std::mem::replace(&mut *self.signal.obstacle.lock(), obstacle));
        if limited != before {
            self.desk.count_limited(&self.lane, limited);
        }
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.waits_for(None);
        if !self.ids.is_empty() {
            // Only a bug leads here, or the end of the process.
            self.refuse(&Refusal::because(Reason::ProviderError, "The gateway failed to handle the request."));
        }
        self.desk.hand_back(&self.lane, std::mem::take(&mut self.rest));
    }
}
