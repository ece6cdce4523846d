//! What a commit has to do where its transaction queued something: the database is marked as one with a queue, durably and
//! before the commit, and the gateway is told after it.

use super::mark;
use crate::pg::{error, launch};
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::cell::Cell;

thread_local! {
    static QUEUED: Cell<bool> = const { Cell::new(false) };
}

/// Registers the callback; called once, when the library is loaded.
pub fn init() {
    // SAFETY: registered once a process; the function is guarded and lives as long as the library.
    unsafe { pg_sys::RegisterXactCallback(Some(transaction_event), std::ptr::null_mut()) };
}

/// Notes that this transaction queued something. One that is rolled back later costs a mark too many, which the next gateway
/// takes away.
pub(super) fn queued() {
    QUEUED.set(true);
}

#[pg_guard]
unsafe extern "C-unwind" fn transaction_event(event: pg_sys::XactEvent::Type, _argument: *mut std::ffi::c_void) {
    use pg_sys::XactEvent::{
        XACT_EVENT_ABORT, XACT_EVENT_COMMIT, XACT_EVENT_PRE_COMMIT, XACT_EVENT_PRE_PREPARE, XACT_EVENT_PREPARE,
    };
    match event {
        XACT_EVENT_PRE_COMMIT | XACT_EVENT_PRE_PREPARE if QUEUED.get() => {
            // SAFETY: reads a global of the main thread.
            let database = unsafe { pg_sys::MyDatabaseId }.to_u32();
            if let Err(why) = mark::set_mark(database) {
                // The gateway that is about to be told makes it as well.
                error::log(
                    "could not mark the database as one with a queue",
                    Some(format!("The error was: {}.", why.kind())),
                    None,
                );
            }
        }
        XACT_EVENT_COMMIT if QUEUED.take() => launch::want_batches(),
        // Who commits it later does not know of it: the launcher finds the mark.
        XACT_EVENT_PREPARE | XACT_EVENT_ABORT => QUEUED.set(false),
        _ => {}
    }
}
