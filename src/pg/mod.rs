//! Everything that touches the server; the only home of `unsafe` and of `pg_sys`.

use std::sync::atomic::{AtomicBool, Ordering};

pub mod ahead;
pub mod audit;
pub mod bulk_read;
pub mod call_site;
pub mod candidate_recall;
pub mod catalog;
pub mod client;
pub mod compat;
pub mod decision;
pub mod deferral;
pub mod due;
pub mod error;
pub mod explain;
pub mod freshness;
pub mod guard;
pub mod guc;
pub mod launch;
pub mod lock;
pub mod manage;
pub mod many;
pub mod model;
pub mod model_file;
pub mod neighbours;
pub mod news;
pub mod offered;
pub mod owner;
pub mod plan;
pub mod probe;
pub mod quality;
pub mod queue;
pub mod resolver;
pub mod scope;
pub mod shared_answers;
pub mod shared_memory;
pub mod spi;
pub mod statement_end;
pub mod statement_memory;
pub mod stats;
pub mod suggest;
pub mod tier;
pub mod time_zone;
pub mod trigger;
pub mod unguarded;
pub mod view;
pub mod wait;
pub mod worker;
pub mod world;
pub mod write_back;
pub mod xact;

static PRELOADED: AtomicBool = AtomicBool::new(false);

/// Prepares the process; called once, from `_PG_init`. Only a preloading postmaster gets shared memory.
pub fn init() {
    guc::init();
    freshness::init();
    probe::init();
    statement_end::init();
    due::init();
    queue::init();
    news::init();
    plan::init();
    deferral::init();
    // SAFETY: reads a global that the postmaster sets while it loads shared_preload_libraries.
    if unsafe { pgrx::pg_sys::process_shared_preload_libraries_in_progress } {
        PRELOADED.store(true, Ordering::Relaxed);
        shared_memory::init();
        stats::init();
        worker::launcher::init();
    }
}
