//! Waiting without deafness: a cancel, a termination and the shutdown of the server are served at once.

use crate::pg::guard;
use pgrx::pg_sys;
use std::time::Duration;

/// Sleeps for so long, or until something happens to this process.
///
/// # Errors
/// What a cancel or a termination raises.
pub fn nap(time: Duration) {
    let events = pg_sys::WL_LATCH_SET | pg_sys::WL_TIMEOUT | pg_sys::WL_EXIT_ON_PM_DEATH;
    // SAFETY: plain calls on the latch of this process, on the main thread.
    unsafe {
        let milliseconds = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        pg_sys::WaitLatch(pg_sys::MyLatch, events as i32, milliseconds, pg_sys::PG_WAIT_EXTENSION);
        pg_sys::ResetLatch(pg_sys::MyLatch);
    }
    guard::check_for_interrupts();
}
