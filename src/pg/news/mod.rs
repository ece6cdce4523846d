//! What has become of jobs and batches, as it is told: by notifications, and by calls of the functions that roles have registered.
//!
//! Triggers of the tables note it in the transaction in which it happens. A process of its own (`crate::pg::worker::telling`) tells it
//! after that: who has functions that are slow, and listeners that do not listen, holds up neither answers nor money.

mod completion;

pub use completion::{Called, call, next};

use crate::pg::worker::errand::{self, Errand};
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::cell::Cell;

thread_local! {
    /// Whether this transaction has noted something.
    static ARE_DUE: Cell<bool> = const { Cell::new(false) };
}

/// Has what was noted in this transaction told once it is committed.
pub fn due() {
    ARE_DUE.set(true);
}

/// Registers the callback; called once, when the library is loaded.
pub fn init() {
    // SAFETY: registered once a process; the function is guarded and lives as long as the library.
    unsafe { pg_sys::RegisterXactCallback(Some(transaction_event), std::ptr::null_mut()) };
}

#[pg_guard]
unsafe extern "C-unwind" fn transaction_event(event: pg_sys::XactEvent::Type, _argument: *mut std::ffi::c_void) {
    use pg_sys::XactEvent::{XACT_EVENT_ABORT, XACT_EVENT_PRE_COMMIT, XACT_EVENT_PRE_PREPARE};
    match event {
        XACT_EVENT_PRE_COMMIT if ARE_DUE.take() => errand::launch(Errand::Telling),
        // Of one that is prepared nobody knows when it ends: it is told with the next news.
        XACT_EVENT_PRE_PREPARE | XACT_EVENT_ABORT => ARE_DUE.set(false),
        _ => {}
    }
}
