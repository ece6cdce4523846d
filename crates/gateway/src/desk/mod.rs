//! The desk: where those who ask, flights, and requests meet. All that is decided here is decided under one lock, which
//! is never held across a wait; replies are delivered and tasks are started after it.

mod coming;
mod comparing;
mod flying;
mod going;
mod offering;
mod upgrading;

pub(crate) use flying::{Landed, Landing, Load, Rest};

use crate::album::Album;
use crate::clock::Clock;
use crate::dispatch;
use crate::flight::{FlightId, Flights};
use crate::health::Health;
use crate::kept_vectors::KeptVectors;
use crate::lane::{Lane, LaneKey, Next};
use crate::near_answers::NearAnswers;
use crate::piece::Piece;
use crate::plan::{Grade, Plan};
use crate::sender::Sender;
use crate::store::Store;
use crate::switch::Switch;
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};

/// What all tasks share.
pub(crate) struct Desk {
    pub(crate) store: Store,
    pub(crate) sender: Arc<dyn Sender>,
    pub(crate) clock: Clock,
    pub(crate) health: Arc<Mutex<Health>>,
    pub(crate) switch: watch::Sender<Switch>,
    /// Attempts that are reserved and not closed.
    pub(crate) attempts: Arc<AtomicUsize>,
    /// Questions under way.
    pub(crate) asks: Arc<AtomicUsize>,
    pub(crate) max_flights: usize,
    pub(crate) album: Album,
    /// There may be texts that lack their vectors.
    pub(crate) vectors_wanted: Notify,
    /// What vectors were refused for may have gone.
    pub(crate) vectors_anew: AtomicBool,
    /// Queue and batches are to be looked at.
    pub(crate) batches_wanted: Notify,
    /// Whether batches are open, or something in the queue waits for its time.
    pub(crate) batches_pending: AtomicBool,
    state: Mutex<State>,
}

/// How much is under way at once.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) flights: usize,
    /// Bytes of all their images, as they travel.
    pub(crate) image_bytes: usize,
}

/// What changes.
struct State {
    flights: Flights,
    lanes: HashMap<LaneKey, Lane>,
    near: NearAnswers,
    /// Vectors that were bought for questions.
    vectors: KeptVectors,
    /// Until when no vectors are bought for questions under plans of these serials.
    resting: HashMap<u64, Duration>,
    /// When somebody asked last, or was answered.
    last_work: Duration,
}

/// A task to start once the lock is gone.
enum Start {
    Pack(LaneKey, Arc<Plan>, Vec<FlightId>),
    Timer(LaneKey, Duration),
}

impl Desk {
    pub(crate) fn new(store: Store, sender: Arc<dyn Sender>, switch: Switch, bounds: Bounds) -> Self {
        let state = State {
            flights: Flights::new(store.clone()),
            lanes: HashMap::new(),
            near: NearAnswers::default(),
            vectors: KeptVectors::default(),
            resting: HashMap::new(),
            last_work: Duration::ZERO,
        };
        Self {
            store,
            sender,
            clock: Clock::start(),
            health: Arc::default(),
            switch: watch::Sender::new(switch),
            attempts: Arc::default(),
            asks: Arc::default(),
            max_flights: bounds.flights,
            album: Album::new(bounds.image_bytes),
            vectors_wanted: Notify::new(),
            vectors_anew: AtomicBool::new(false),
            batches_wanted: Notify::new(),
            batches_pending: AtomicBool::new(false),
            state: Mutex::new(state),
        }
    }

    /// Drops what was learnt under other plans.
    pub(crate) fn plans_changed(&self) {
        {
            let mut state = self.state.lock();
            state.near.clear();
            state.resting.clear();
            state.flights.halted.clear();
        }
        self.health.lock().forgive();
        self.vectors_anew.store(true, Ordering::Relaxed);
    }

    /// Flights that are not over, inputs among them that wait for a request, and when something was done last.
    pub(crate) fn business(&self) -> (usize, usize, Duration) {
        let state = self.state.lock();
        (state.flights.len(), state.lanes.values().map(Lane::waiting).sum(), state.last_work)
    }

    /// Whether nothing is left of anything.
    #[cfg(test)]
    pub(crate) fn is_clear(&self) -> bool {
        let state = self.state.lock();
        state.lanes.is_empty() && state.flights.are_gone()
    }

    fn launch(self: &Arc<Self>, starts: Vec<Start>) {
        // A task that ends with the runtime may find none.
        let Ok(runtime) = Handle::try_current() else { return };
        for start in starts {
            match start {
                Start::Pack(key, plan, ids) => {
                    let grade = key.grade;
                    let piece = Piece::new(self.clone(), key, plan, ids);
                    match grade {
                        Grade::Vectors => _ = runtime.spawn(crate::comparing::run(piece)),
                        Grade::Cheap | Grade::Strong => _ = runtime.spawn(dispatch::run(piece)),
                    }
                }
                Start::Timer(key, due) => {
                    let desk = self.clone();
                    runtime.spawn(async move {
                        desk.clock.until(due).await;
                        let mut starts = Vec::new();
                        {
                            let mut state = desk.state.lock();
                            if let Some(lane) = state.lanes.get_mut(&key) {
                                lane.timed = None;
                            }
                            state.pump(&key, desk.clock.now(), &mut starts);
                        }
                        desk.launch(starts);
                    });
                }
            }
        }
    }
}

impl State {
    /// Takes from a lane what it is ready for; a lane without work is dropped.
    fn pump(&mut self, key: &LaneKey, now: Duration, starts: &mut Vec<Start>) {
        let feeds = |(other, feeds): (LaneKey, bool)| feeds && self.lanes.get(&other).is_some_and(Lane::is_at_work);
        let more_comes = key.others().any(feeds);
        let Some(lane) = self.lanes.get_mut(key) else { return };
        loop {
            match lane.next(now, more_comes) {
                Next::Pack(ids) => starts.push(Start::Pack(key.clone(), lane.plan.clone(), ids)),
                Next::At(due) => {
                    if lane.timed.is_none_or(|timed| due < timed) {
                        lane.timed = Some(due);
                        starts.push(Start::Timer(key.clone(), due));
                    }
                    break;
                }
                Next::Nothing => break,
            }
        }
        if lane.is_idle() {
            self.lanes.remove(key);
        }
    }
}
