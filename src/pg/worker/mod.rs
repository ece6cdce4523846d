//! Processes of our own, beside those that answer.

mod attempt;
pub mod errand;
pub mod gateway;
mod indexing;
pub mod launcher;
pub mod need;
pub mod stop;
mod telling;
mod work;
mod writing;

use pgrx::pg_sys;
use std::ffi::{CStr, CString};

/// Says in `pg_stat_activity` what this process is at.
pub fn report(activity: &str) {
    let text = CString::new(activity).unwrap_or_default();
    // SAFETY: the text is copied.
    unsafe { pg_sys::pgstat_report_activity(pg_sys::BackendState::STATE_RUNNING, text.as_ptr()) };
}

/// Says in `pg_stat_activity` that this process waits, and for what.
pub fn report_idle(activity: &str) {
    let text = CString::new(activity).unwrap_or_default();
    // SAFETY: the text is copied. The state comes after it: idle processes keep the text of what they did last.
    unsafe {
        pg_sys::pgstat_report_activity(pg_sys::BackendState::STATE_RUNNING, text.as_ptr());
        pg_sys::pgstat_report_activity(pg_sys::BackendState::STATE_IDLE, std::ptr::null());
    }
}

/// Sets something for this process, whatever people set for themselves. Not every version of Postgres has all of them.
fn settle(name: &CStr, value: &CStr) {
    // SAFETY: plain calls with static strings.
    unsafe {
        if !pg_sys::GetConfigOption(name.as_ptr(), true, false).is_null() {
            let (context, source) = (pg_sys::GucContext::PGC_SUSET, pg_sys::GucSource::PGC_S_OVERRIDE);
            pg_sys::SetConfigOption(name.as_ptr(), value.as_ptr(), context, source);
        }
    }
}
