//! One question of a backend, from its frame until each of its inputs has a reply or nobody waits for one.

use crate::connection::Outbox;
use crate::desk::Desk;
use crate::flight::FlightId;
use crate::store::{Keys, LookUp, Refusal};
use parking_lot::Mutex;
use pg_categorize_core::cascade::Reason;
use pg_categorize_core::frame::{Ask, Asker, STOPPING, Target};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// A question under way.
pub(crate) struct Asked {
    /// Tells questions of all connections apart.
    pub(crate) id: u64,
    /// The backend's number for it.
    pub(crate) request: u64,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) asker: Asker,
    /// When the backend's patience is over.
    pub(crate) deadline: Duration,
    open: AtomicUsize,
    over: Notify,
    left: AtomicBool,
    flights: Mutex<Vec<FlightId>>,
    _counted: Counted,
}

/// One more of something, as long as it lives.
pub(crate) struct Counted(Arc<AtomicUsize>);

impl Counted {
    pub(crate) fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Asked {
    pub(crate) fn new(desk: &Desk, id: u64, outbox: Arc<Outbox>, ask: &Ask) -> Self {
        let patience = Duration::from_millis(ask.patience_ms.into());
        Self {
            id,
            request: ask.request,
            outbox,
            asker: ask.asker.clone(),
            deadline: desk.clock.now() + patience,
            open: AtomicUsize::new(ask.inputs.len()),
            over: Notify::new(),
            left: AtomicBool::new(false),
            flights: Mutex::default(),
            _counted: Counted::new(&desk.asks),
        }
    }

    /// A flight has somebody of this question among those who wait.
    pub(crate) fn joined(&self, flight: FlightId) {
        self.flights.lock().push(flight);
    }

    pub(crate) fn take_flights(&self) -> Vec<FlightId> {
        std::mem::take(&mut *self.flights.lock())
    }

    /// Whether nobody waits any longer.
    pub(crate) fn has_left(&self) -> bool {
        self.left.load(Ordering::Acquire)
    }

    pub(crate) fn set_left(&self) {
        self.left.store(true, Ordering::Release);
        self.over.notify_one();
    }

    /// So many more of its inputs have their reply.
    pub(crate) fn replied(&self, count: usize) {
        if self.open.fetch_sub(count, Ordering::AcqRel) == count {
            self.over.notify_one();
        }
    }

    fn is_over(&self) -> bool {
        self.has_left() || self.open.load(Ordering::Acquire) == 0
    }

    async fn ends(&self) {
        while !self.is_over() {
            self.over.notified().await;
        }
    }
}

/// A number that no other question of this gateway has.
pub(crate) fn number() -> u64 {
    static ASKS: AtomicU64 = AtomicU64::new(0);
    ASKS.fetch_add(1, Ordering::Relaxed)
}

/// Answers a question.
pub(crate) async fn run(desk: Arc<Desk>, asked: Arc<Asked>, ask: Ask) {
    let looked_up = look_up(&desk, &asked, ask);
    tokio::pin!(looked_up);
    let looks = tokio::select! {
        () = &mut looked_up => false,
        () = asked.ends() => true,
        () = desk.clock.until(asked.deadline) => {
            desk.leave(&asked, true);
            true
        }
    };
    if looks {
        // Others may have joined what this one began.
        looked_up.await;
        return;
    }
    tokio::select! {
        () = asked.ends() => {}
        () = desk.clock.until(asked.deadline) => desk.leave(&asked, true),
    }
}

async fn look_up(desk: &Arc<Desk>, asked: &Arc<Asked>, ask: Ask) {
    let target = Arc::new(ask.target);
    let audits = ask.inputs.iter().any(|input| input.audited.is_some());
    let begun = desk.enter(asked, &ask.tenant.as_str().into(), &target, ask.inputs);
    admit(desk, (ask.tenant, audits), (*target).clone(), begun).await;
}

/// Looks flights up, and lets those go on that the database does not know.
pub(crate) async fn admit(
    desk: &Arc<Desk>,
    (tenant, audits): (String, bool),
    target: Target,
    begun: Vec<(FlightId, Keys)>,
) {
    if begun.is_empty() {
        return;
    }
    let (ids, keys) = begun.into_iter().unzip();
    let mut begun = Begun { desk, ids };
    let known = desk.store.look_up(LookUp { tenant, target, keys, audits }).await;
    desk.admit(&std::mem::take(&mut begun.ids), known);
}

/// Flights that are looked up. Whatever becomes of the task, nobody waits for them for ever.
struct Begun<'a> {
    desk: &'a Arc<Desk>,
    ids: Vec<FlightId>,
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        if !self.ids.is_empty() {
            self.desk.refuse(&self.ids, &Refusal::because(Reason::GatewayDown, STOPPING));
        }
    }
}
