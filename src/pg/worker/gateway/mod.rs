//! The gateway's process: its main thread is the only one that touches Postgres; threads of tokio hold sockets and timers.
//!
//! What the threads ask of the database arrives in an inbox, and is answered in one transaction for all that is there
//! (`inbox`, `work`); `serve` is the loop around it.

mod backlog;
mod batches;
mod books;
mod bought;
mod closing;
mod cluster;
mod comparing;
mod counters;
mod inbox;
mod keys;
mod lessons;
mod look_up;
mod observed;
mod offers;
mod plans;
mod serve;
mod socket;
mod threads;
mod upkeep;
mod vectors;
mod work;

use crate::pg::launch::{self, State};
use crate::pg::lock::{self, Duty, Span, Thing};
use crate::pg::worker::{report_idle, settle};
use crate::pg::{catalog, compat, error, queue, spi, wait, xact};
use pgrx::prelude::*;
use pgrx::{FromDatum, pg_sys};
use std::time::{Duration, Instant};

/// What `pg_stat_activity` calls it.
pub const NAME: &str = "pg_categorize gateway";

/// How long a gateway waits for the one before it to end.
const HANDOVER: Duration = Duration::from_secs(10);

/// Where the process begins.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn pg_categorize_gateway_main(database: pg_sys::Datum) {
    // SAFETY: the argument is what the launcher passed.
    let database = unsafe { pg_sys::Oid::from_datum(database, false) }.unwrap_or(pg_sys::InvalidOid);
    // SAFETY: called once, on the main thread of a new process. InvalidOid is the bootstrap superuser; all that is read
    // and written is read and written as the owner of the tables.
    unsafe {
        compat::heed_signals();
        pg_sys::BackgroundWorkerUnblockSignals();
        pg_sys::BackgroundWorkerInitializeConnectionByOid(database, pg_sys::InvalidOid, 0);
    }
    settle_all();
    report_idle("starting");
    match prepare(database) {
        Ok(true) => serve::run(database),
        Ok(false) => launch::ended(database.to_u32(), true),
        Err(state) => launch::enter(database.to_u32(), state),
    }
}

/// What people set for their own statements must not end or mislead a gateway, as Postgres does for autovacuum. Its
/// statements all find rows by their keys, in tables that grow after the statements were planned.
fn settle_all() {
    settle(c"lock_timeout", c"100ms");
    settle(c"statement_timeout", c"0");
    settle(c"idle_in_transaction_session_timeout", c"0");
    settle(c"idle_session_timeout", c"0");
    settle(c"transaction_timeout", c"0");
    settle(c"default_transaction_isolation", c"read committed");
    settle(c"default_transaction_read_only", c"off");
    settle(c"default_transaction_deferrable", c"off");
    settle(c"enable_seqscan", c"off");
    settle(c"jit", c"off");
    settle(c"plan_cache_mode", c"force_generic_plan");
    keep_commits_durable();
}

/// What is reserved must be on disk before it is spent, and on no other: who waits for a standby hears neither the kill
/// switch nor that the server stops.
fn keep_commits_durable() {
    settle(c"synchronous_commit", c"local");
}

/// Whether this process may be the gateway of its database; what to tell those who wait where it may not.
fn prepare(database: pg_sys::Oid) -> Result<bool, State> {
    if launch::is_going(database.to_u32()) {
        return Ok(false);
    }
    let look = || (spi::is_template(database), is_here(), spi::extension_version().is_some());
    let looked = xact::attempt(look).map_err(|failed| {
        error::log("gateway could not start", Some(format!("The error was: {}.", failed.message)), None);
        State::Ended
    })?;
    match looked {
        (true, ..) => return Err(State::Template),
        (_, false, is_any) => {
            // Its queue went with it.
            if !is_any {
                queue::take_mark(database.to_u32());
            }
            return Err(State::OtherVersion);
        }
        _ => {}
    }
    let end = Instant::now() + HANDOVER;
    while !take_place() {
        if Instant::now() >= end || compat::shutdown_requested() || launch::is_going(database.to_u32()) {
            return Ok(false);
        }
        wait::nap(Duration::from_millis(20));
    }
    Ok(true)
}

fn take_place() -> bool {
    let duty = Thing::Gateway(Duty::Serving);
    xact::attempt(|| lock::acquire(duty, pg_sys::ExclusiveLock, Span::Session, false)).unwrap_or(false)
}

/// Whether the extension is here, in our version.
fn is_here() -> bool {
    catalog::forget();
    spi::extension_version().as_deref() == Some(env!("CARGO_PKG_VERSION")) && catalog::tables().owner.to_u32() != 0
}
