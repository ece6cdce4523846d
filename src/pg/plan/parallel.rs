//! What the processes of a parallel plan share: each has a node, with a window and a shelf of its own, but the stored answers are read
//! once, by all of them.

use super::node::Node;
use crate::pg::shared_answers::{Plan, SharedAnswers};
use crate::pg::{bulk_read, catalog, tier};
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::ffi::c_void;

/// Before the workers start: how much memory they will share.
#[pg_guard]
pub(super) unsafe extern "C-unwind" fn estimate(
    custom: *mut pg_sys::CustomScanState,
    context: *mut pg_sys::ParallelContext,
) -> pg_sys::Size {
    // SAFETY: Postgres passes a state that was begun, and the context of the workers that it will start.
    unsafe {
        let node = &mut *custom.cast::<Node>();
        let leads = usize::from(pg_sys::parallel_leader_participation);
        let processes = usize::try_from((*context).nworkers).unwrap_or(0) + leads;
        let rows = ((*node.custom.ss.ps.plan).plan_rows * processes as f64) as usize;
        let asks = node.layout.calls.iter().any(|asked| asked.is_certain || asked.is_harmless);
        let stored = catalog::cache_table().map_or(usize::MAX, bulk_read::about_how_many_rows);
        node.sharing = match asks && tier::is_worth_reading(stored, rows) {
            true => Plan::new((*node.custom.ss.ps.state).es_snapshot, processes),
            false => Plan::NOTHING,
        };
        node.sharing.bytes()
    }
}

/// The memory is there.
#[pg_guard]
pub(super) unsafe extern "C-unwind" fn initialize(
    custom: *mut pg_sys::CustomScanState,
    _context: *mut pg_sys::ParallelContext,
    place: *mut c_void,
) {
    // SAFETY: as above; the memory is as large as was said, and goes after `shut_down`.
    unsafe {
        let node = &mut *custom.cast::<Node>();
        node.sharing.place(place, (*node.custom.ss.ps.state).es_snapshot);
        node.shared = Some(SharedAnswers::at(place));
    }
}

/// Workers start once more: what was read before is still what the statement sees.
#[pg_guard]
pub(super) unsafe extern "C-unwind" fn initialize_again(
    _custom: *mut pg_sys::CustomScanState,
    _context: *mut pg_sys::ParallelContext,
    _place: *mut c_void,
) {
}

/// In a worker, once the node has begun.
#[pg_guard]
pub(super) unsafe extern "C-unwind" fn initialize_worker(
    custom: *mut pg_sys::CustomScanState,
    _toc: *mut pg_sys::shm_toc,
    place: *mut c_void,
) {
    // SAFETY: as above; a worker's memory stays until it ends.
    unsafe { (*custom.cast::<Node>()).shared = Some(SharedAnswers::at(place)) };
}

/// No more rows are asked for, and the memory goes.
#[pg_guard]
pub(super) unsafe extern "C-unwind" fn shut_down(custom: *mut pg_sys::CustomScanState) {
    // SAFETY: as above.
    let node = unsafe { &mut *custom.cast::<Node>() };
    if let Some(shared) = node.shared.take() {
        shared.leave();
    }
}
