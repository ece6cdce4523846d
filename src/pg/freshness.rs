//! When what a backend has loaded may still be used.
//!
//! Every writer of taxonomies, categories, rules, corrections and models invalidates the relcache entry of the table it wrote,
//! in its own transaction. The messages go out after the commit is visible, reach every backend and, through WAL, every
//! standby; a rolled-back transaction sends none. A backend that receives one drops what it has loaded.
//!
//! One race is left: a message may arrive in the middle of a statement whose snapshot is older than the commit. What is
//! loaded then is right for this statement and wrong for the next. So the first call after a message takes a reference
//! snapshot, and only statements whose own snapshot sees at least as much may share what they load.

use crate::pg::compat;
use crate::pg::{guard, unguarded};
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::cell::Cell;

/// What a snapshot can see, in an order: snapshots of one server are taken one after the other.
///
/// Two that are equal belong to one statement's view: also a rollback to a savepoint and the next statement differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Horizon {
    xmin: u32,
    xmax: u32,
    running: u32,
    /// Whether `running` is exact: beyond 64 subtransactions a session, Postgres stops counting them.
    counted: bool,
    command: u32,
    rollbacks: u64,
    statement: i64,
}

impl Horizon {
    /// Whether a snapshot with this horizon sees at least what `other` sees. Transactions only finish: bounds never
    /// fall, and between equal bounds fewer are running.
    fn sees(&self, other: &Self) -> bool {
        let not_before = |a: u32, b: u32| a.wrapping_sub(b) as i32 >= 0;
        not_before(self.xmin, other.xmin)
            && not_before(self.xmax, other.xmax)
            && (self.xmax != other.xmax
                || self.xmin != other.xmin
                || (self.counted && other.counted && self.running <= other.running))
            && self.command >= other.command
    }
}

/// How a call may use what the backend has loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Identifies the statement's view of the database.
    pub horizon: Horizon,
    /// Whether what is loaded now is right for later statements, too.
    pub shareable: bool,
}

/// What has gone stale, as a set of bits.
pub mod part {
    /// Taxonomies and categories, and with them all.
    pub const TAXONOMY: u8 = 1;
    /// Rules.
    pub const RULE: u8 = 2;
    /// Whether there are corrections.
    pub const CORRECTION: u8 = 4;
    /// Answers in the memo; gone with every part.
    pub const CACHE: u8 = 8;
    /// Trained models, and what is known of them.
    pub const MODEL: u8 = 16;
    /// Providers, models of theirs, prices and budgets.
    pub const PROVIDER: u8 = 32;
    /// Everything.
    pub const ALL: u8 = 63;
}

/// Tables whose invalidation counts.
const WATCHED: usize = 11;

thread_local! {
    static STALE: Cell<u8> = const { Cell::new(part::ALL) };
    static REFERENCE: Cell<Option<Horizon>> = const { Cell::new(None) };
    static TABLES: Cell<[(pg_sys::Oid, u8); WATCHED]> = const { Cell::new([(pg_sys::InvalidOid, 0); WATCHED]) };
    static WROTE: Cell<bool> = const { Cell::new(false) };
    static UNCERTAIN: Cell<bool> = const { Cell::new(false) };
    /// Whether a message has come since the reference snapshot.
    static UNDATED: Cell<bool> = const { Cell::new(true) };
    static ROLLBACKS: Cell<u64> = const { Cell::new(0) };
    static MODELS: Cell<u64> = const { Cell::new(0) };
    static PLANS: Cell<u64> = const { Cell::new(0) };
}

/// Registers the callbacks; called once, when the library is loaded.
pub fn init() {
    // SAFETY: registered once a process; the functions are guarded and live as long as the library, which is never
    // unloaded.
    unsafe {
        pg_sys::CacheRegisterRelcacheCallback(Some(invalidated), pg_sys::Datum::from(0));
        pg_sys::RegisterXactCallback(Some(transaction_event), std::ptr::null_mut());
        pg_sys::RegisterSubXactCallback(Some(subtransaction_event), std::ptr::null_mut());
    }
}

/// Takes in what other sessions committed, and says how the current statement may use what is loaded; `stale` is called
/// with the parts that must go.
pub fn moment(stale: impl FnOnce(u8)) -> Moment {
    // SAFETY: plain calls on the main thread inside a transaction.
    unsafe { pg_sys::AcceptInvalidationMessages() };
    let parts = STALE.replace(0);
    if parts != 0 {
        stale(parts);
        UNDATED.set(true);
    }
    if UNDATED.get() {
        if guard::is_parallel_worker() {
            // It lives for one statement, and all it loads is that statement's.
            REFERENCE.set(None);
            UNDATED.set(false);
        } else if !guard::in_parallel_mode() {
            REFERENCE.set(Some(latest()));
            UNDATED.set(false);
        }
        // The leader of a parallel plan may take no snapshot: until it can, what it loads is its statement's alone.
    }
    let horizon = active();
    if WROTE.get() || guard::uses_transaction_snapshot() {
        UNCERTAIN.set(true);
    }
    let sees = REFERENCE.get().is_none_or(|reference| horizon.sees(&reference));
    Moment { horizon, shareable: sees && !UNDATED.get() }
}

/// Whether the statement that took this view goes on under it. It is for what lives no longer than a statement, and asks for nothing
/// else: what others committed meanwhile is for the next one.
pub fn holds(seen: &Horizon) -> bool {
    // SAFETY: a statement has an active snapshot while it runs its triggers.
    let now = unsafe { horizon_at(unguarded::active_snapshot(), seen.statement) };
    now == *seen
}

/// Names the tables whose invalidation counts, and the part that each makes stale.
pub fn watch(tables: [(pg_sys::Oid, u8); WATCHED]) {
    TABLES.set(tables);
}

/// A number that rises whenever a model was stored or chosen, by anybody. Now and then it rises without.
pub fn models() -> u64 {
    MODELS.get()
}

/// A number that rises whenever a taxonomy, a provider, a price or a budget was changed, by anybody. Now and then it rises
/// without. The caller has taken in what others committed.
pub fn plans() -> u64 {
    PLANS.get()
}

/// Notes that this transaction writes one of our tables: what it loads is gone when it ends.
pub fn wrote(table: pg_sys::Oid) {
    WROTE.set(true);
    // SAFETY: the caller holds a lock on the table.
    unsafe { pg_sys::CacheInvalidateRelcacheByRelid(table) };
}

fn active() -> Horizon {
    if !unguarded::has_snapshot() {
        pgrx::error!("categorize was called without an active snapshot");
    }
    // SAFETY: there is one; it is valid while the function runs.
    horizon(unsafe { unguarded::active_snapshot() })
}

fn latest() -> Horizon {
    // SAFETY: allowed outside parallel mode; the static snapshot it fills is read at once.
    unsafe { horizon(pg_sys::GetLatestSnapshot()) }
}

fn horizon(snapshot: pg_sys::Snapshot) -> Horizon {
    // SAFETY: the callers pass a snapshot that is valid now.
    unsafe { horizon_at(snapshot, guard::statement_time()) }
}

/// # Safety
/// The snapshot is valid now.
unsafe fn horizon_at(snapshot: pg_sys::Snapshot, statement: i64) -> Horizon {
    // SAFETY: promised by the caller.
    let s = unsafe { &*snapshot };
    Horizon {
        xmin: compat::xid(s.xmin),
        xmax: compat::xid(s.xmax),
        running: s.xcnt + s.subxcnt.max(0) as u32,
        counted: !s.suboverflowed,
        command: s.curcid,
        rollbacks: ROLLBACKS.get(),
        statement,
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn invalidated(_argument: pg_sys::Datum, relation: pg_sys::Oid) {
    for (table, part) in TABLES.get() {
        if relation == table || relation == pg_sys::InvalidOid {
            STALE.set(STALE.get() | part);
            MODELS.set(MODELS.get() + u64::from(part & part::MODEL != 0));
            PLANS.set(PLANS.get() + u64::from(part & (part::TAXONOMY | part::PROVIDER) != 0));
        }
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn transaction_event(event: pg_sys::XactEvent::Type, _argument: *mut std::ffi::c_void) {
    use pg_sys::XactEvent::{XACT_EVENT_ABORT, XACT_EVENT_COMMIT, XACT_EVENT_PREPARE};
    if matches!(event, XACT_EVENT_COMMIT | XACT_EVENT_ABORT | XACT_EVENT_PREPARE) {
        if WROTE.replace(false) | UNCERTAIN.replace(false) {
            STALE.set(part::ALL);
        }
        // Command counters begin anew with every transaction.
        REFERENCE.set(REFERENCE.get().map(|r| Horizon { command: 0, ..r }));
    }
}

/// What was loaded from rows of the subtransaction is gone with it, though no snapshot tells.
#[pg_guard]
unsafe extern "C-unwind" fn subtransaction_event(
    event: pg_sys::SubXactEvent::Type,
    _id: pg_sys::SubTransactionId,
    _parent: pg_sys::SubTransactionId,
    _argument: *mut std::ffi::c_void,
) {
    if event == pg_sys::SubXactEvent::SUBXACT_EVENT_ABORT_SUB {
        ROLLBACKS.set(ROLLBACKS.get() + 1);
        if WROTE.get() {
            STALE.set(part::ALL);
        }
    }
}
