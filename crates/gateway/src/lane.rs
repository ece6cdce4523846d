//! Packing: the inputs of one plan wait for company, but not long, and are taken in turns from those who asked.

use crate::flight::FlightId;
use crate::plan::{Grade, Plan};
use hashbrown::HashMap;
use pg_categorize_core::candidates::Reach;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Bytes of text in one request, where it has several inputs: its worst case has to fit into the cap of a request.
const PACK_BYTES: usize = 32 * 1024;

/// How long unsure answers wait for each other while cheap models are at work: about as long as one of their requests takes.
const UNSURE_WAIT: Duration = Duration::from_millis(300);

/// What a lane is found by. The tenant is a part of the plan; it is here so that no store can mix two.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct LaneKey {
    pub(crate) serial: u64,
    pub(crate) tenant: Arc<str>,
    pub(crate) grade: Grade,
    /// Which kind of list its inputs are asked with; the first one where there are no lists.
    pub(crate) reach: Reach,
}

impl LaneKey {
    /// The other lanes of its plan and tenant, each with whether its inputs may come into this one.
    pub(crate) fn others(&self) -> impl Iterator<Item = (Self, bool)> {
        let kinds = [Grade::Vectors, Grade::Cheap, Grade::Strong]
            .into_iter()
            .flat_map(|grade| [Reach::Short, Reach::Wide, Reach::Tree].into_iter().map(move |reach| (grade, reach)));
        let own = (self.grade, self.reach);
        let others = kinds.filter(move |kind| *kind != own);
        others.map(move |kind| (Self { grade: kind.0, reach: kind.1, ..self.clone() }, kind < own))
    }
}

/// The inputs of one plan.
pub(crate) struct Lane {
    pub(crate) plan: Arc<Plan>,
    /// Inputs in one request.
    size: usize,
    /// Those who asked, next first, and what of theirs waits.
    turns: VecDeque<u64>,
    queues: HashMap<u64, VecDeque<Entry>>,
    waiting: usize,
    /// What has its own company: halves, and inputs that are asked again alone.
    ready: VecDeque<Vec<FlightId>>,
    /// When there was company for a whole request last: what was left then has waited for its turn so far.
    sent: Duration,
    /// Requests under way.
    pub(crate) in_flight: usize,
    /// Those of them that wait for a limit, and for nothing else.
    pub(crate) limited: usize,
    /// When somebody wakes up, since the oldest has waited long enough then.
    pub(crate) timed: Option<Duration>,
}

/// How an input goes into a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    /// With others: it has so many bytes of text.
    Bytes(usize),
    /// By itself, so that it waits for nobody.
    Alone,
}

struct Entry {
    id: FlightId,
    since: Duration,
    size: Size,
}

/// What a lane is ready for.
pub(crate) enum Next {
    /// This request.
    Pack(Vec<FlightId>),
    /// Nothing before this moment.
    At(Duration),
    /// Nothing.
    Nothing,
}

impl Lane {
    /// A lane whose requests have at most so many inputs.
    pub(crate) fn new(plan: Arc<Plan>, size: usize) -> Self {
        Self {
            size: size.max(1),
            plan,
            turns: VecDeque::new(),
            queues: HashMap::new(),
            waiting: 0,
            ready: VecDeque::new(),
            sent: Duration::ZERO,
            in_flight: 0,
            limited: 0,
            timed: None,
        }
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.waiting == 0 && self.ready.is_empty() && self.in_flight == 0 && self.timed.is_none()
    }

    pub(crate) fn is_at_work(&self) -> bool {
        self.in_flight > 0 || self.waiting() > 0
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting + self.ready.iter().map(Vec::len).sum::<usize>()
    }

    pub(crate) fn add(&mut self, connection: u64, id: FlightId, size: Size, since: Duration) {
        let queue = self.queues.entry(connection).or_insert_with(|| {
            self.turns.push_back(connection);
            VecDeque::new()
        });
        queue.push_back(Entry { id, since, size });
        self.waiting += 1;
    }

    pub(crate) fn add_ready(&mut self, pack: Vec<FlightId>) {
        self.ready.push_back(pack);
    }

    /// Drops what is gone.
    pub(crate) fn retain(&mut self, keep: impl Fn(FlightId) -> bool) {
        self.queues.retain(|_, queue| {
            queue.retain(|entry| keep(entry.id));
            !queue.is_empty()
        });
        self.turns.retain(|connection| self.queues.contains_key(connection));
        self.waiting = self.queues.values().map(VecDeque::len).sum();
        self.ready.iter_mut().for_each(|pack| pack.retain(|id| keep(*id)));
        self.ready.retain(|pack| !pack.is_empty());
    }

    /// What can be sent at `now`. A pack that it gives counts as in flight. `more_comes` says that more may soon come from
    /// requests under way, of which each answer may be unsure or none: packs of those are worth some waiting.
    pub(crate) fn next(&mut self, now: Duration, more_comes: bool) -> Next {
        if self.in_flight >= self.plan.in_flight.max(1) {
            return Next::Nothing;
        }
        if let Some(pack) = self.ready.pop_front() {
            self.in_flight += 1;
            return Next::Pack(pack);
        }
        let Some(oldest) = self.queues.values().filter_map(|queue| Some(queue.front()?.since)).min() else {
            return Next::Nothing;
        };
        let wait = if more_comes { self.plan.pack_wait.max(UNSURE_WAIT) } else { self.plan.pack_wait };
        let due = oldest.max(self.sent).saturating_add(wait);
        let is_full = self.waiting >= self.size;
        let pack = if is_full || now >= due { self.take() } else { self.take_alone() };
        if pack.is_empty() {
            return Next::At(due);
        }
        if is_full {
            self.sent = now;
        }
        self.in_flight += 1;
        Next::Pack(pack)
    }

    /// The next input that goes alone; nothing where there is none.
    fn take_alone(&mut self) -> Vec<FlightId> {
        let is_alone = |queue: &VecDeque<Entry>| queue.front().is_some_and(|entry| entry.size == Size::Alone);
        let next = self.turns.iter().position(|connection| self.queues.get(connection).is_some_and(is_alone));
        let Some(connection) = next.and_then(|at| self.turns.remove(at)) else { return Vec::new() };
        self.pop(connection).into_iter().map(|entry| entry.id).collect()
    }

    /// One input of each who asked, in turns, until the pack is full.
    fn take(&mut self) -> Vec<FlightId> {
        let (mut pack, mut bytes) = (Vec::with_capacity(self.size.min(self.waiting)), 0);
        while pack.len() < self.size {
            let Some(connection) = self.turns.pop_front() else { break };
            let fits = |entry: &Entry| match entry.size {
                _ if pack.is_empty() => true,
                Size::Bytes(more) => bytes + more <= PACK_BYTES,
                Size::Alone => false,
            };
            let Some(front) = self.queues.get(&connection).and_then(VecDeque::front) else { continue };
            if !fits(front) {
                // Its turn comes first in the next pack.
                self.turns.push_front(connection);
                break;
            }
            let Some(entry) = self.pop(connection) else { continue };
            pack.push(entry.id);
            match entry.size {
                Size::Bytes(more) => bytes += more,
                Size::Alone => break,
            }
        }
        pack
    }

    /// What somebody asked next, who then waits for another turn.
    fn pop(&mut self, connection: u64) -> Option<Entry> {
        let queue = self.queues.get_mut(&connection)?;
        let entry = queue.pop_front()?;
        self.waiting -= 1;
        if queue.is_empty() {
            self.queues.remove(&connection);
        } else {
            self.turns.push_back(connection);
        }
        Some(entry)
    }
}
