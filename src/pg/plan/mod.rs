//! The plan node `Categorize`: sets behind the scalar call.
//!
//! After PostgreSQL has planned a statement, nodes are put into its plan (`insert`, `split`, `feed`) where our functions are
//! called (`function`, `collect`). When it runs (`node`), it reads rows ahead of those who ask for them, evaluates the inputs, and
//! has them resolved together (`read_ahead`, `rows`, `question`); the ordinary function then finds its answers ready
//! (`crate::pg::ahead`). The function stays the one place that raises errors and counts answers: were every window lost, results
//! would be the same.
//!
//! What a statement will probably ask and cost is told before it begins (`estimate`, `explain`).
//!
//! How far a node reads ahead follows from what its parent is sure to ask for (`demand`, `run`), and from what could go wrong
//! with rows that nobody asks for (`nature`).

mod collect;
mod demand;
pub mod estimate;
mod explain;
mod feed;
mod function;
mod insert;
mod layout;
mod nature;
mod node;
mod question;
mod read_ahead;
mod rows;
mod run;
mod split;
mod tree;

use crate::pg::{error, guc};
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::ffi::{c_char, c_int};

static mut PREVIOUS: pg_sys::planner_hook_type = None;

/// Installs the hooks and makes the node known; called once, when the library is loaded.
pub fn init() {
    node::register();
    run::init();
    estimate::init();
    // SAFETY: single-threaded; the hook that was there is called from ours.
    unsafe {
        PREVIOUS = pg_sys::planner_hook;
        pg_sys::planner_hook = Some(planner);
    }
}

/// Whether a plan is a node of ours.
///
/// # Safety
/// `plan` is a plan or null.
unsafe fn is_ours(plan: *mut pg_sys::Plan) -> bool {
    // SAFETY: promised by the caller; the node is cast to what its tag says.
    unsafe {
        !plan.is_null()
            && tree::tag(plan) == tree::NodeTag::T_CustomScan
            && std::ptr::eq((*plan.cast::<pg_sys::CustomScan>()).methods, node::methods())
    }
}

#[pg_guard]
#[allow(ffi_unwind_calls, reason = "the previous hook is called behind a guard")]
unsafe extern "C-unwind" fn planner(
    query: *mut pg_sys::Query,
    text: *const c_char,
    options: c_int,
    parameters: pg_sys::ParamListInfo,
) -> *mut pg_sys::PlannedStmt {
    // SAFETY: forwards what Postgres passed; what comes back is a finished plan that nobody runs yet.
    unsafe {
        let statement = match PREVIOUS {
            Some(previous) => pg_sys::ffi::pg_guard_ffi_boundary(|| previous(query, text, options, parameters)),
            None => pg_sys::standard_planner(query, text, options, parameters),
        };
        // A cursor of SQL may be read backwards and point at the row it stands on: only its plan without a node can.
        let is_cursor = options & (pg_sys::CURSOR_OPT_SCROLL | pg_sys::CURSOR_OPT_FAST_PLAN) as c_int != 0;
        if guc::prefetch() && !is_cursor && may_call_us(statement) {
            let report = insert::into(statement);
            for refusal in &report.refusals {
                error::debug(&format!("a call of categorize is answered row by row: {refusal}"));
            }
            let asks = || nature::of_plan(statement, (*statement).planTree).asks;
            if guc::require_prefetch() && (!report.refusals.is_empty() || report.placed == 0 && asks()) {
                let why = report.refusals.first().copied().unwrap_or("the call has no place that a node can serve");
                error::report(
                    PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                    "a call of categorize would be answered row by row",
                    Some(format!("The plan has {} nodes; {why}.", report.placed)),
                    Some("Set categorize.require_prefetch to off.".to_owned()),
                );
            }
        }
        statement
    }
}

/// Whether a statement may call a function of ours: whether it depends on any function that is not Postgres' own.
///
/// # Safety
/// The statement is a finished plan.
pub unsafe fn may_call_us(statement: *mut pg_sys::PlannedStmt) -> bool {
    // SAFETY: promised by the caller.
    unsafe {
        tree::items::<pg_sys::PlanInvalItem>((*statement).invalItems)
            .into_iter()
            .any(|item| (*item).cacheId == pg_sys::SysCacheIdentifier::PROCOID as c_int)
    }
}
