//! Processes of our own, beside those that answer.

mod attempt;
pub mod need;
pub mod stop;
pub mod trainer;
mod work;

use pgrx::pg_sys;
use std::ffi::CString;

/// Says in `pg_stat_activity` what this process is at.
pub fn report(activity: &str) {
    let text = CString::new(activity).unwrap_or_default();
    // SAFETY: the text is copied.
    unsafe { pg_sys::pgstat_report_activity(pg_sys::BackendState::STATE_RUNNING, text.as_ptr()) };
}
