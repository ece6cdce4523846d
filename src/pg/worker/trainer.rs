//! The trainer: a process that trains what is due in one database, and ends.
//!
//! A session that teaches starts one when it commits and a training is due; it needs no preloading. It first waits for
//! the transaction that started it. One works at a time; a second waits, a third ends at once, since the one that waits
//! will see what the third would have seen.

use crate::pg::lock::{self, Place, Span, Thing};
use crate::pg::worker::{attempt, report, settle, work};
use crate::pg::{compat, error, xact};
use pgrx::bgworkers::BackgroundWorkerBuilder;
use pgrx::prelude::*;
use pgrx::{FromDatum, IntoDatum, pg_sys};
use std::ffi::CStr;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};

/// What `pg_stat_activity` calls it.
pub const NAME: &str = "pg_categorize trainer";

static IS_THIS: AtomicBool = AtomicBool::new(false);

/// Whether this process is a trainer.
pub fn is_this() -> bool {
    IS_THIS.load(Ordering::Relaxed)
}

/// Has a trainer of this database look for what is due once this transaction is over: the one that waits for another to
/// end, or a new one. Where there is no free process, a later commit that teaches tries again.
pub fn launch() {
    // Until this transaction is over, no trainer that leaves the waiting place looks. So the one that is there will see it.
    let counted = lock::acquire(Thing::Place(Place::Teaching), pg_sys::ShareLock, Span::Transaction, false);
    if counted && lock::is_taken(Thing::Place(Place::Waiting)) {
        return;
    }
    // SAFETY: plain calls and globals of the main thread.
    let (database, transaction) = unsafe { (pg_sys::MyDatabaseId, compat::xid(pg_sys::GetTopTransactionIdIfAny())) };
    let started = BackgroundWorkerBuilder::new(NAME)
        .set_type(NAME)
        .set_library("pg_categorize")
        .set_function("pg_categorize_trainer_main")
        .set_argument(database.into_datum())
        .set_extra(&transaction.to_string())
        .enable_spi_access()
        .set_restart_time(None)
        .load_dynamic();
    if started.is_err() {
        error::log(
            "no background worker is free to train a local model",
            None,
            Some("Raise max_worker_processes, or train with categorize.train()."),
        );
    }
}

/// Where the process begins.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn pg_categorize_trainer_main(database: pg_sys::Datum) {
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
    if take_place() {
        attempt::init();
        // From here on somebody who holds a table must not hold up all trainings.
        settle(c"lock_timeout", c"10s");
        work::run();
    }
}

/// What people set for their own statements must not end or mislead a training: as Postgres does for autovacuum.
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

/// Waits until no other trainer works in this database; `false` where another one waits for that already.
fn take_place() -> bool {
    let take =
        |place| lock::acquire(Thing::Place(place), pg_sys::ExclusiveLock, Span::Session, place != Place::Waiting);
    if !transaction(|| take(Place::Waiting)) {
        return false;
    }
    report("waiting for the other trainer of this database");
    transaction(|| take(Place::Working));
    lock::release(Thing::Place(Place::Waiting));
    // Those who saw us wait are committing what they taught.
    report("waiting for the transactions that taught");
    transaction(|| take(Place::Teaching));
    lock::release(Thing::Place(Place::Teaching));
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
