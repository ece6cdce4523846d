//! Whether what this transaction taught makes a training due, or an indexing; asked when it commits.
//!
//! What was stored counts by the tables, so that a rollback counts nothing. The question costs one bounded statement and
//! is not asked at every commit: after an answer of "far from it" it rests until a part of what is missing has come, and
//! after a trainer was started until a model was stored, or for a minute.
//!
//! An indexing is due wherever something was taught that can have a vector: the indexer makes what is missing in a moment.

use crate::pg::scope::Scope;
use crate::pg::spi::TrainAfter;
use crate::pg::worker::errand::{self, Errand};
use crate::pg::worker::need::{self, Need};
use crate::pg::{error, freshness, guard, guc, launch, spi, world, xact};
use pg_categorize_core::settings::Settings;
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

/// A taxonomy and a tenant.
type Pair = (i32, String);

/// What a transaction taught: how many examples.
type Taught = HashMap<Pair, u64>;

/// Other sessions teach, too: after so long the question is asked again in any case.
const REST: Duration = Duration::from_secs(60);

/// A session that may not ask has a trainer started to find out, but no more often than this.
const BLIND_REST: Duration = Duration::from_secs(10);

/// Examples missing below which every commit asks.
const CLOSE: i64 = 800;

/// Examples after which it is asked again where a training would be in vain: one of them may be of a second category.
const VAIN: u64 = 50;

/// Tenants and taxonomies of which a session remembers how far they were.
const REMEMBERED: usize = 256;

/// What a session knows of a training, so that it need not ask.
struct Known {
    after: TrainAfter,
    until: Instant,
    /// Examples of ours that may come before it is asked again.
    examples: u64,
    /// It is asked again as soon as a model is stored; none where that tells nothing.
    models: Option<u64>,
}

/// A session that misses an index tells who makes it, but no more often than this: there may be nothing that he can do.
const MISSING_REST: Duration = Duration::from_secs(60);

thread_local! {
    static TAUGHT: RefCell<Taught> = RefCell::default();
    /// Whether this transaction stored or removed what has a vector, or misses an index.
    static UNINDEXED: Cell<bool> = const { Cell::new(false) };
    /// When this session last told that it missed an index.
    static MISSED: Cell<Option<Instant>> = const { Cell::new(None) };
    /// The least time between two questions, and when the last one was.
    static PACE: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    static ASKED: Cell<Option<Instant>> = const { Cell::new(None) };
    static KNOWN: RefCell<HashMap<Pair, Known>> = RefCell::default();
}

/// Registers the callback; called once, when the library is loaded.
pub fn init() {
    // SAFETY: registered once a process; the function is guarded and lives as long as the library.
    unsafe { pg_sys::RegisterXactCallback(Some(transaction_event), std::ptr::null_mut()) };
}

/// Notes that this transaction stored examples.
pub fn learnt(scope: &Scope, examples: u64) {
    let settings = &scope.settings;
    if let Some(taxonomy) = scope.taxonomy().filter(|_| examples > 0) {
        taught(taxonomy.id, &scope.tenant, settings, examples);
        if settings.wants_index() && spi::can_embed(&settings.embedding) {
            unindexed();
        }
    }
}

/// Notes that this transaction stored examples of a tenant, or answers that are as good, for a training.
pub fn taught(taxonomy: i32, tenant: &str, settings: &Settings, examples: u64) {
    let TrainAfter { corrections, growth } = guc::train_after();
    if (corrections > 0 || growth > 0) && need::is_useful(settings) {
        TAUGHT.with_borrow_mut(|taught| *taught.entry((taxonomy, tenant.to_owned())).or_default() += examples);
    }
}

/// Notes that this transaction stored texts whose vectors an indexer has to make.
pub fn unindexed() {
    UNINDEXED.set(true);
}

/// Has this process ask no more often than that, also where it commits all the time.
pub fn pace(pace: Duration) {
    PACE.set(pace);
}

/// How long until a process that keeps a pace has to ask; `None` where there is nothing to be asked.
pub fn rest() -> Option<Duration> {
    let is_open = UNINDEXED.get() || TAUGHT.with_borrow(|taught| !taught.is_empty());
    is_open.then(|| ASKED.get().map_or(Duration::ZERO, |at| PACE.get().saturating_sub(at.elapsed())))
}

/// Notes that vectors may be bought that could not be: a provider, a price or a budget has changed.
pub fn affordable() {
    if spi::is_pgvector_here() {
        UNINDEXED.set(true);
    }
}

/// Notes that there are vectors that nobody needs any more.
pub fn forgot() {
    UNINDEXED.set(true);
}

/// Notes that an index of embeddings is missing, after a restore or an upgrade: reading alone has it built.
pub fn missing_index() {
    if may_tell() {
        UNINDEXED.set(true);
    }
}

/// Notes that an index lacks vectors which the gateway has to buy: an indexer could do nothing but tell it so.
pub fn missing_vectors() {
    if may_tell() {
        launch::want_vectors();
    }
}

/// Whether this session tells what it misses.
fn may_tell() -> bool {
    if guard::on_standby() || guard::in_parallel_mode() {
        return false;
    }
    let may = MISSED.get().is_none_or(|at| at.elapsed() >= MISSING_REST);
    if may {
        MISSED.set(Some(Instant::now()));
    }
    may
}

#[pg_guard]
unsafe extern "C-unwind" fn transaction_event(event: pg_sys::XactEvent::Type, _argument: *mut std::ffi::c_void) {
    use pg_sys::XactEvent::{XACT_EVENT_ABORT, XACT_EVENT_PRE_COMMIT, XACT_EVENT_PRE_PREPARE};
    match event {
        XACT_EVENT_PRE_COMMIT if rest() == Some(Duration::ZERO) => {
            ASKED.set(Some(Instant::now()));
            let taught = TAUGHT.take();
            if !taught.is_empty() {
                commit(taught);
            }
            if UNINDEXED.take() && (spi::is_pgvector_here() || spi::is_pg_trgm_here()) {
                errand::launch(Errand::Indexing);
            }
        }
        // A prepared transaction may wait for days. The next one that teaches counts what it taught.
        XACT_EVENT_ABORT | XACT_EVENT_PRE_PREPARE => {
            TAUGHT.with_borrow_mut(Taught::clear);
            UNINDEXED.set(false);
        }
        _ => {}
    }
}

/// Has trained what is due.
fn commit(taught: Taught) {
    let open: Vec<Pair> = taught.into_iter().filter(|(of, n)| is_time(of, *n)).map(|(of, _)| of).collect();
    if open.is_empty() {
        return;
    }
    // What it reads would make its transaction fail with others. The trainer finds out.
    let (due, rest) = if guard::is_serializable() { (open, BLIND_REST) } else { (due(open), REST) };
    if !due.is_empty() {
        errand::launch(Errand::Training);
        let models = freshness::models();
        due.into_iter().for_each(|of| remember(of, rest, u64::MAX, Some(models)));
    }
}

/// Those of which a training is due. A failure to tell is logged: it must not fail the commit.
fn due(open: Vec<Pair>) -> Vec<Pair> {
    let ask = AssertUnwindSafe(|| {
        xact::with_snapshot(|| {
            world::as_owner(|| {
                wait_briefly();
                open.into_iter().filter(is_due).collect()
            })
        })
    });
    xact::contained(|| { ask }()).unwrap_or_else(|message| {
        error::log("could not tell whether a training is due", Some(format!("The error was: {message}.")), None);
        Vec::new()
    })
}

fn is_due(of: &Pair) -> bool {
    let (examples, models) = match need::of(of.0, &of.1) {
        Need::Due(_) => return true,
        Need::Vain => (VAIN, Some(freshness::models())),
        // Close by each commit asks, or the last lesson of a busy hour might go unheard. Else a sixteenth of what is
        // missing: the question comes in time, and its cost is spread over what it counts.
        Need::Missing(missing) if missing < CLOSE => (0, None),
        Need::Missing(missing) => (u64::try_from(missing / 16).unwrap_or(0), None),
    };
    remember(of.clone(), REST, examples, models);
    false
}

fn is_time(of: &Pair, examples: u64) -> bool {
    KNOWN.with_borrow_mut(|known| match known.get_mut(of) {
        Some(known)
            if known.after == guc::train_after()
                && Instant::now() < known.until
                && examples < known.examples
                && known.models.is_none_or(|models| models == freshness::models()) =>
        {
            known.examples -= examples;
            false
        }
        _ => true,
    })
}

fn remember(of: Pair, rest: Duration, examples: u64, models: Option<u64>) {
    let known = Known { after: guc::train_after(), until: Instant::now() + rest, examples, models };
    KNOWN.with_borrow_mut(|all| {
        if all.len() >= REMEMBERED {
            all.clear();
        }
        all.insert(of, known);
    });
}

/// Whoever holds a lock on our tables must not hold up a commit.
fn wait_briefly() {
    // SAFETY: a plain call inside a transaction with static strings; the setting ends with the owner's nest level.
    unsafe {
        guc::set_until_level_ends(c"lock_timeout", c"100ms");
    }
}
