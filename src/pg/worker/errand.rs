//! Errands: processes that do what is due in one database, and end. The trainer trains models, the indexer makes the
//! embeddings of what was taught, the writer writes answers of the queue to rows, the messenger
//! tells what has become of queue and batches; none waits for another.
//!
//! A session that teaches starts one when it commits and something is due; it needs no preloading. It first waits for
//! the transaction that started it. One of a kind works at a time; a second waits, a third ends at once, since the one that
//! waits will see what the third would have seen.

use crate::pg::lock::{self, Place, Span, Thing};
use crate::pg::worker::{attempt, indexing, report, settle, telling, work, writing};
use crate::pg::{catalog, compat, error, spi, xact};
use pgrx::bgworkers::BackgroundWorkerBuilder;
use pgrx::prelude::*;
use pgrx::{FromDatum, IntoDatum, pg_sys};
use std::ffi::CStr;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a process is started for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Errand {
    /// Training local models.
    Training,
    /// Keeping the embeddings of what is known.
    Indexing,
    /// Writing answers of the queue to rows of tables.
    Writing,
    /// Telling what has become of jobs and batches.
    Telling,
}

impl Errand {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Training, Self::Indexing, Self::Writing, Self::Telling];

    /// What `pg_stat_activity` calls its process.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Training => "pg_categorize trainer",
            Self::Indexing => "pg_categorize indexer",
            Self::Writing => "pg_categorize writer",
            Self::Telling => "pg_categorize messenger",
        }
    }

    const fn main_function(self) -> &'static str {
        match self {
            Self::Training => "pg_categorize_trainer_main",
            Self::Indexing => "pg_categorize_indexer_main",
            Self::Writing => "pg_categorize_writer_main",
            Self::Telling => "pg_categorize_messenger_main",
        }
    }

    /// How long it waits for a table. Vectors can wait for the next indexing; who drops the extension must not meet an indexer
    /// that waits for him: he would be refused after a second, the time of `deadlock_timeout`.
    const fn patience(self) -> &'static CStr {
        match self {
            Self::Training => c"10s",
            Self::Indexing => c"500ms",
            // Who holds a row is left alone; it is tried again.
            Self::Writing => c"100ms",
            // A transaction that tells waits for all others that do.
            Self::Telling => c"10s",
        }
    }

    /// What cannot be done without a free process, and what helps.
    const fn without(self) -> [&'static str; 2] {
        match self {
            Self::Training => [
                "no background worker is free to train a local model",
                "Raise max_worker_processes, or train with categorize.train().",
            ],
            Self::Indexing => [
                "no background worker is free to make embeddings",
                "Raise max_worker_processes. It is tried again when somebody teaches.",
            ],
            Self::Writing => [
                "no background worker is free to write answers to rows",
                "Raise max_worker_processes. It is tried again within the hour.",
            ],
            Self::Telling => [
                "no background worker is free to tell what has become of jobs and batches",
                "Raise max_worker_processes. It is tried again with the next news.",
            ],
        }
    }
}

static IS_THIS: AtomicBool = AtomicBool::new(false);

/// Whether this process is on an errand.
pub fn is_this() -> bool {
    IS_THIS.load(Ordering::Relaxed)
}

/// Has a process of this database look for what is due once this transaction is over: the one that waits for another to
/// end, or a new one. Where there is no free process, a later commit that teaches tries again.
pub fn launch(errand: Errand) {
    // Until this transaction is over, nobody who leaves the waiting place looks. So the one that is there will see it.
    let counted = lock::acquire(Thing::Place(errand, Place::Teaching), pg_sys::ShareLock, Span::Transaction, false);
    if counted && lock::is_taken(Thing::Place(errand, Place::Waiting)) {
        return;
    }
    // SAFETY: plain calls and globals of the main thread.
    let (database, transaction) = unsafe { (pg_sys::MyDatabaseId, compat::xid(pg_sys::GetTopTransactionIdIfAny())) };
    let started = BackgroundWorkerBuilder::new(errand.name())
        .set_type(errand.name())
        .set_library("pg_categorize")
        .set_function(errand.main_function())
        .set_argument(database.into_datum())
        .set_extra(&transaction.to_string())
        .enable_spi_access()
        .set_restart_time(None)
        .load_dynamic();
    if started.is_err() {
        let [message, hint] = errand.without();
        error::log(message, None, Some(hint));
    }
}

/// Where a trainer begins.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn pg_categorize_trainer_main(database: pg_sys::Datum) {
    run(Errand::Training, database, work::run);
}

/// Where an indexer begins.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn pg_categorize_indexer_main(database: pg_sys::Datum) {
    run(Errand::Indexing, database, indexing::run);
}

/// Where a writer begins.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn pg_categorize_writer_main(database: pg_sys::Datum) {
    run(Errand::Writing, database, writing::run);
}

/// Where a messenger begins.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn pg_categorize_messenger_main(database: pg_sys::Datum) {
    run(Errand::Telling, database, telling::run);
}

fn run(errand: Errand, database: pg_sys::Datum, work: fn()) {
    IS_THIS.store(true, Ordering::Relaxed);
    // SAFETY: the argument is what `launch` passed.
    let database = unsafe { pg_sys::Oid::from_datum(database, false) }.unwrap_or(pg_sys::InvalidOid);
    // SAFETY: called once, on the main thread of a new process. InvalidOid is the bootstrap superuser; all that is read
    // and written is read and written as the owner of the tables.
    unsafe {
        compat::die_at_sigterm();
        pg_sys::BackgroundWorkerUnblockSignals();
        pg_sys::BackgroundWorkerInitializeConnectionByOid(database, pg_sys::InvalidOid, 0);
    }
    settle_all();
    wait_for(launcher());
    if take_place(errand) {
        attempt::init();
        // From here on somebody who holds a table must not hold up what is due of all others.
        settle(c"lock_timeout", errand.patience());
        work();
    }
}

/// What people set for their own statements must not end or mislead an errand: as Postgres does for autovacuum.
fn settle_all() {
    settle(c"lock_timeout", c"0");
    settle(c"transaction_timeout", c"0");
    settle(c"default_transaction_isolation", c"read committed");
    settle(c"default_transaction_read_only", c"off");
}

/// The transaction that started us.
fn launcher() -> u32 {
    // SAFETY: Postgres sets the entry of every worker; `extra` is a C string, since `launch` fills a part of it only.
    let extra = unsafe { CStr::from_ptr((*pg_sys::MyBgworkerEntry).bgw_extra.as_ptr()) };
    extra.to_str().ok().and_then(|id| id.parse().ok()).unwrap_or(0)
}

fn wait_for(id: u32) {
    let id = pg_sys::TransactionId::from(id);
    if id != pg_sys::InvalidTransactionId {
        report("waiting for the transaction that taught");
        transaction(|| {
            // SAFETY: inside a transaction, on the id of another process; the wait serves interrupts.
            unsafe {
                pg_sys::XactLockTableWait(id, std::ptr::null_mut(), std::ptr::null_mut(), pg_sys::XLTW_Oper::XLTW_None);
            }
        });
    }
}

/// Waits until nobody else is on this errand in this database; `false` where another one waits for that already.
fn take_place(errand: Errand) -> bool {
    let take = |place| {
        let thing = Thing::Place(errand, place);
        lock::acquire(thing, pg_sys::ExclusiveLock, Span::Session, place != Place::Waiting)
    };
    if !transaction(|| take(Place::Waiting)) {
        return false;
    }
    report(&format!("waiting for the other {} of this database", errand.name().trim_start_matches("pg_categorize ")));
    transaction(|| take(Place::Working));
    lock::release(Thing::Place(errand, Place::Waiting));
    // Those who saw us wait are committing what they taught.
    report("waiting for the transactions that taught");
    transaction(|| take(Place::Teaching));
    lock::release(Thing::Place(errand, Place::Teaching));
    true
}

/// Runs `work` in a transaction without a snapshot; an error ends the process, and the transaction with it.
pub fn transaction<T>(work: impl FnOnce() -> T) -> T {
    // SAFETY: the process has no transaction outside this function.
    unsafe {
        pg_sys::SetCurrentStatementStartTimestamp();
        pg_sys::StartTransactionCommand();
        let value = work();
        pg_sys::CommitTransactionCommand();
        pg_sys::pgstat_report_stat(true);
        value
    }
}

/// Runs `work` in a transaction, under a snapshot; an error undoes it and becomes `Err` with its message.
///
/// # Errors
/// All but those that `xact::contained` raises again, which end the process.
pub fn contained<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    let work = AssertUnwindSafe(|| xact::with_snapshot(work));
    transaction(|| xact::contained(|| { work }()))
}

/// Whether the extension is here, in our version. Others may have dropped or updated it since we looked last.
pub fn is_here() -> bool {
    catalog::forget();
    spi::extension_version().as_deref() == Some(env!("CARGO_PKG_VERSION")) && catalog::tables().owner.to_u32() != 0
}
