//! The trainer: a process that trains what is due in one database, and ends.
//!
//! A session that teaches starts one when it commits and a training is due; it needs no preloading. It first waits for
//! the transaction that started it. One works at a time; a second waits, a third ends at once, since the one that waits
//! will see what the third would have seen. What it trains is stored in a transaction of its own each: ended anywhere, it
//! leaves nothing.

use crate::pg::manage::training;
use crate::pg::{catalog, compat, due, error, guc, spi, world, xact};
use pg_categorize_core::settings::Settings;
use pgrx::bgworkers::BackgroundWorkerBuilder;
use pgrx::prelude::*;
use pgrx::{FromDatum, IntoDatum, pg_sys};
use std::ffi::{CStr, CString};
use std::panic::AssertUnwindSafe;

/// What `pg_stat_activity` calls it.
const NAME: &str = "pg_categorize trainer";

/// One for the trainer that works, one for the one that waits.
#[derive(Debug, Clone, Copy)]
enum Place {
    Waiting = 1,
    Working = 2,
}

/// Starts a trainer for this database, which waits until this transaction is over. Where there is no free process, the
/// next commit that teaches tries again.
pub fn launch() {
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
    // SAFETY: the argument is what `launch` passed.
    let database = unsafe { pg_sys::Oid::from_datum(database, false) }.unwrap_or(pg_sys::InvalidOid);
    // SAFETY: called once, on the main thread of a new process. InvalidOid is the bootstrap superuser; all that is read
    // and written is read and written as the owner of the tables.
    unsafe {
        compat::die_at_sigterm();
        pg_sys::BackgroundWorkerUnblockSignals();
        pg_sys::BackgroundWorkerInitializeConnectionByOid(database, pg_sys::InvalidOid, 0);
    }
    settle();
    wait_for(launcher());
    if !fits() || !take_place(Place::Waiting, false) {
        return;
    }
    take_place(Place::Working, true);
    leave_place(Place::Waiting);
    for (taxonomy, tenant) in due_trainings() {
        report(&format!("training local model of taxonomy \"{taxonomy}\""));
        train(&taxonomy, &tenant);
    }
}

/// What people set for their own statements must not end or mislead a training: as Postgres does for autovacuum.
fn settle() {
    for (name, value) in [
        (c"lock_timeout", c"0"),
        (c"transaction_timeout", c"0"),
        (c"default_transaction_isolation", c"read committed"),
        (c"default_transaction_read_only", c"off"),
    ] {
        // SAFETY: plain calls with static strings. Not every version has all of them.
        unsafe {
            if !pg_sys::GetConfigOption(name.as_ptr(), true, false).is_null() {
                let (context, source) = (pg_sys::GucContext::PGC_SUSET, pg_sys::GucSource::PGC_S_OVERRIDE);
                pg_sys::SetConfigOption(name.as_ptr(), value.as_ptr(), context, source);
            }
        }
    }
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

/// Whether the extension is here, in our version.
fn fits() -> bool {
    transaction(|| {
        xact::with_snapshot(|| {
            spi::extension_version().as_deref() == Some(env!("CARGO_PKG_VERSION"))
                && catalog::tables().owner.to_u32() != 0
        })
    })
}

/// The taxonomies, by name, and tenants whose training is due.
fn due_trainings() -> Vec<(String, String)> {
    transaction(|| {
        xact::with_snapshot(|| {
            world::as_owner(|| {
                let names = spi::taxonomy_ids();
                let useful = |id: i32| {
                    let (_, name) = names.iter().find(|(other, _)| *other == id)?;
                    let row = spi::fresh_taxonomy(name).filter(|row| row.id == id)?;
                    due::is_useful(&Settings::from_explicit(row.settings)).then(|| name.clone())
                };
                let due = spi::due_trainings(guc::train_after()).into_iter();
                due.filter_map(|(id, tenant)| Some((useful(id)?, tenant))).collect()
            })
        })
    })
}

fn train(taxonomy: &str, tenant: &str) {
    transaction(|| {
        let work = AssertUnwindSafe(|| training::train_by_itself(taxonomy, tenant));
        match xact::contained(|| { work }()) {
            Ok(trained) => error::log(
                &format!(
                    "trained local model of taxonomy \"{taxonomy}\": version {} is {}",
                    trained.version,
                    if trained.active { "live" } else { "kept, but not live" }
                ),
                trained.note.map(|note| format!("Note: {note}.")),
                None,
            ),
            Err(message) => error::log(
                &format!("could not train local model of taxonomy \"{taxonomy}\""),
                Some(format!("The error was: {message}.")),
                None,
            ),
        }
    });
}

/// Runs `work` in a transaction without a snapshot; an error ends the process, and the transaction with it.
fn transaction<T>(work: impl FnOnce() -> T) -> T {
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

/// Takes a place among the trainers of this database until the process ends or leaves it; whether it is ours.
fn take_place(place: Place, wait: bool) -> bool {
    transaction(|| {
        // SAFETY: a lock of the session on a tag of our own, inside a transaction; the wait serves interrupts.
        let outcome = unsafe { pg_sys::LockAcquire(&tag(place), pg_sys::ExclusiveLock as i32, true, !wait) };
        outcome != pg_sys::LockAcquireResult::LOCKACQUIRE_NOT_AVAIL
    })
}

fn leave_place(place: Place) {
    // SAFETY: the lock is ours.
    unsafe { pg_sys::LockRelease(&tag(place), pg_sys::ExclusiveLock as i32, true) };
}

/// An advisory lock whose class (`objsubid` in pg_locks) no function of Postgres uses: nobody else can hold it.
fn tag(place: Place) -> pg_sys::LOCKTAG {
    pg_sys::LOCKTAG {
        // SAFETY: reads a global of the main thread.
        locktag_field1: unsafe { pg_sys::MyDatabaseId }.to_u32(),
        locktag_field2: u32::from_be_bytes(*b"catg"),
        locktag_field3: place as u32,
        locktag_field4: 3,
        locktag_type: pg_sys::LockTagType::LOCKTAG_ADVISORY as u8,
        locktag_lockmethodid: pg_sys::USER_LOCKMETHOD as u8,
    }
}

fn report(activity: &str) {
    let text = CString::new(activity).unwrap_or_default();
    // SAFETY: the text is copied.
    unsafe { pg_sys::pgstat_report_activity(pg_sys::BackendState::STATE_RUNNING, text.as_ptr()) };
}
