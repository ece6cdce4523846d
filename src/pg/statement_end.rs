//! When a statement ends, and around a utility statement: give our tables free, and databases that others are about to drop.
//!
//! PL/pgSQL keeps the state of its expressions until the transaction ends, and with it our open scans. TRUNCATE, REINDEX
//! or DROP EXTENSION later in that transaction would find the tables in use, and VACUUM elsewhere would wait for the
//! pages that an idle transaction has pinned. A scan that is closed early is opened again at its next use.

use crate::pg::probe;
use crate::pg::worker::stop;
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::ffi::c_char;

static mut PREVIOUS_UTILITY: pg_sys::ProcessUtility_hook_type = None;
static mut PREVIOUS_END: pg_sys::ExecutorEnd_hook_type = None;

/// Installs the hooks; called once, when the library is loaded.
pub fn init() {
    // SAFETY: single-threaded; the hooks that were there are called from ours.
    unsafe {
        PREVIOUS_UTILITY = pg_sys::ProcessUtility_hook;
        pg_sys::ProcessUtility_hook = Some(process_utility);
        PREVIOUS_END = pg_sys::ExecutorEnd_hook;
        pg_sys::ExecutorEnd_hook = Some(executor_end);
    }
}

#[pg_guard]
#[allow(clippy::too_many_arguments, reason = "the signature of the hook")]
#[allow(ffi_unwind_calls, reason = "the previous hook is called behind a guard")]
unsafe extern "C-unwind" fn process_utility(
    statement: *mut pg_sys::PlannedStmt,
    query: *const c_char,
    read_only_tree: bool,
    context: pg_sys::ProcessUtilityContext::Type,
    parameters: pg_sys::ParamListInfo,
    environment: *mut pg_sys::QueryEnvironment,
    receiver: *mut pg_sys::DestReceiver,
    completion: *mut pg_sys::QueryCompletion,
) {
    probe::close_all();
    // SAFETY: forwards what Postgres passed. The mark on a database is taken away at the end, also by an error.
    unsafe {
        let _going = stop::before(statement);
        match PREVIOUS_UTILITY {
            Some(previous) => pg_sys::ffi::pg_guard_ffi_boundary(|| {
                previous(statement, query, read_only_tree, context, parameters, environment, receiver, completion);
            }),
            None => pg_sys::standard_ProcessUtility(
                statement,
                query,
                read_only_tree,
                context,
                parameters,
                environment,
                receiver,
                completion,
            ),
        }
    }
    probe::close_all();
}

#[pg_guard]
#[allow(ffi_unwind_calls, reason = "the previous hook is called behind a guard")]
unsafe extern "C-unwind" fn executor_end(query: *mut pg_sys::QueryDesc) {
    // SAFETY: forwards what Postgres passed.
    unsafe {
        match PREVIOUS_END {
            Some(previous) => pg_sys::ffi::pg_guard_ffi_boundary(|| previous(query)),
            None => pg_sys::standard_ExecutorEnd(query),
        }
    }
    probe::close_all();
}
