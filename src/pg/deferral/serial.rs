//! Plans that may queue are run by their own process alone: a parallel worker cannot write, and its leader may not meanwhile.
//!
//! It is decided when a plan starts, not when it is made: a prepared statement may be older than the mode.

use crate::pg::{compat, plan};
use pgrx::pg_sys;

/// Installs the hook; called once, when the library is loaded.
pub fn init() {
    compat::before_executor_start(be_serial);
}

fn be_serial(query: *mut pg_sys::QueryDesc, _is_explained: bool) {
    // SAFETY: Postgres is about to run the query; its plan is finished. The copy lives in the memory context that the query itself was
    // made in, and shares all but its first level with the plan, which others may run after us.
    unsafe {
        let statement = (*query).plannedstmt;
        if (*statement).parallelModeNeeded && plan::may_call_us(statement) && super::may_queue() {
            let alone: *mut pg_sys::PlannedStmt = pg_sys::palloc(size_of::<pg_sys::PlannedStmt>()).cast();
            alone.copy_from_nonoverlapping(statement, 1);
            (*alone).parallelModeNeeded = false;
            (*query).plannedstmt = alone;
        }
    }
}
