//! Before a utility statement: give our tables free.
//!
//! PL/pgSQL keeps the state of its expressions until the transaction ends, and with it our open scans; TRUNCATE, REINDEX
//! or DROP EXTENSION later in that transaction would find the tables in use. A scan that is closed early is opened
//! again at its next use.

use crate::pg::probe;
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::ffi::c_char;

static mut PREVIOUS: pg_sys::ProcessUtility_hook_type = None;

/// Installs the hook; called once, when the library is loaded.
pub fn init() {
    // SAFETY: single-threaded; the hook that was there is called from ours.
    unsafe {
        PREVIOUS = pg_sys::ProcessUtility_hook;
        pg_sys::ProcessUtility_hook = Some(process_utility);
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
    // SAFETY: forwards what Postgres passed.
    unsafe {
        match PREVIOUS {
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
}
