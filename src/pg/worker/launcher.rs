//! The launcher: a process that starts the gateway of a database when a session asks for it. It sleeps until then.

use crate::pg::launch::{self, State};
use crate::pg::worker::{gateway, report_idle};
use crate::pg::{compat, error, queue, wait, xact};
use pgrx::bgworkers::{BackgroundWorkerBuilder, BackgroundWorkerStatus, DynamicBackgroundWorker};
use pgrx::prelude::*;
use pgrx::{IntoDatum, pg_sys};
use std::collections::HashMap;
use std::time::Duration;

/// What `pg_stat_activity` calls it.
pub const NAME: &str = "pg_categorize launcher";

/// How long it sleeps at most; it is woken for all there is to do.
const SLEEP: Duration = Duration::from_secs(3600);

/// How long until it looks again after a database that has a queue and no gateway: it could not be started.
const MISSING: Duration = Duration::from_secs(60);

/// Registers the process; called once, while preloading. On a standby it begins with the promotion.
pub fn init() {
    BackgroundWorkerBuilder::new(NAME)
        .set_type(NAME)
        .set_library("pg_categorize")
        .set_function("pg_categorize_launcher_main")
        .enable_spi_access()
        .set_restart_time(Some(Duration::from_secs(1)))
        .load();
}

/// Where the process begins.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn pg_categorize_launcher_main(_argument: pg_sys::Datum) {
    // SAFETY: called once, on the main thread of a new process. Without a database it is in pg_stat_activity, and holds up
    // no DROP DATABASE.
    unsafe {
        compat::die_at_sigterm();
        pg_sys::BackgroundWorkerUnblockSignals();
        pg_sys::BackgroundWorkerInitializeConnectionByOid(pg_sys::InvalidOid, pg_sys::InvalidOid, 0);
    }
    report_idle("waiting for databases that need a gateway");
    launch::be_launcher();
    let mut gateways = HashMap::new();
    loop {
        gateways.retain(|database, worker| is_there(*database, worker));
        let queues = with_queues();
        launch::want_gateways(&queues);
        for database in launch::wanted() {
            launch::free_doubles(database);
            if !gateways.contains_key(&database)
                && let Some(worker) = start(database)
            {
                gateways.insert(database, worker);
            }
        }
        // A mark that nobody takes away ends by itself; what waits for its end is started then.
        let mark = launch::next_mark_ends().and_then(|rest| u64::try_from(rest).ok());
        let mark = mark.map(|rest| Duration::from_micros(rest + 1000));
        let is_missing = queues.iter().any(|database| !gateways.contains_key(database));
        let missing = is_missing.then_some(MISSING);
        wait::nap([mark, missing].into_iter().flatten().min().unwrap_or(SLEEP));
    }
}

/// The databases that have a queue or open batches. The marks of those that are gone are taken away.
fn with_queues() -> Vec<u32> {
    let marked = queue::marked();
    if marked.is_empty() {
        return marked;
    }
    // SAFETY: plain calls inside a transaction; a name is a fresh C string, or null where the database is gone.
    let is_there = |database: u32| unsafe { !pg_sys::get_database_name(pg_sys::Oid::from(database)).is_null() };
    let known = xact::attempt(|| marked.iter().copied().partition::<Vec<u32>, _>(|database| is_there(*database)));
    let Ok((here, gone)) = known else { return Vec::new() };
    gone.into_iter().for_each(queue::take_mark);
    here
}

fn start(database: u32) -> Option<DynamicBackgroundWorker> {
    launch::enter(database, State::Starting);
    // SAFETY: reads a global of the main thread.
    let launcher = unsafe { pg_sys::MyProcPid };
    let started = BackgroundWorkerBuilder::new(gateway::NAME)
        .set_type(gateway::NAME)
        .set_library("pg_categorize")
        .set_function("pg_categorize_gateway_main")
        .set_argument(pg_sys::Oid::from(database).into_datum())
        .set_notify_pid(launcher)
        .enable_spi_access()
        .set_restart_time(None)
        .load_dynamic();
    if started.is_err() {
        launch::enter(database, State::NoWorkerSlot);
        let hint = "Raise max_worker_processes: the launcher and the gateway of each database take one.";
        error::log("no background worker is free for a gateway", None, Some(hint));
    }
    started.ok()
}

/// Whether the process of a gateway is there, or will be.
fn is_there(database: u32, worker: &DynamicBackgroundWorker) -> bool {
    let gone = matches!(worker.pid(), Err(BackgroundWorkerStatus::Stopped | BackgroundWorkerStatus::PostmasterDied));
    if gone {
        launch::ended(database, false);
    }
    !gone
}
