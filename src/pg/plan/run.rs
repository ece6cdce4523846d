//! How many rows the caller of each running plan takes: what a FETCH, a loop of PL/pgSQL or a client's page asks for.

use crate::pg::compat;
use pgrx::pg_sys;
use std::cell::RefCell;

thread_local! {
    /// The plans that run now, the innermost last, each with the rows that its caller takes; 0 is all.
    static RUNNING: RefCell<Vec<(*mut pg_sys::EState, u64)>> = const { RefCell::new(Vec::new()) };
}

/// A plan that runs, until it is dropped: also by an error that unwinds.
struct Running;

impl Drop for Running {
    fn drop(&mut self) {
        RUNNING.with_borrow_mut(|running| running.pop());
    }
}

/// Installs the hook; called once, when the library is loaded.
pub fn init() {
    compat::on_executor_run(noted);
}

/// Runs a plan of which `count` rows are taken, with that noted.
fn noted(query: *mut pg_sys::QueryDesc, count: u64, run: &mut dyn FnMut()) {
    // SAFETY: Postgres runs a query whose state was made.
    RUNNING.with_borrow_mut(|running| running.push((unsafe { (*query).estate }, count)));
    let _running = Running;
    run();
}

/// Rows that the caller of a plan will still take of it in this run.
///
/// # Safety
/// The state is that of a plan that was started.
pub unsafe fn rows_owed(state: *mut pg_sys::EState) -> u64 {
    let count =
        RUNNING.with_borrow(|running| running.iter().rev().find(|(known, _)| *known == state).map(|(_, count)| *count));
    match count {
        Some(0) => u64::MAX,
        // SAFETY: promised by the caller.
        Some(count) => count.saturating_sub(unsafe { (*state).es_processed }),
        None => 0,
    }
}
