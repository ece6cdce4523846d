//! Who asks, as the ledger will tell it.

use pg_categorize_core::frame::Asker;
use pgrx::pg_sys;
use std::ffi::{CStr, c_char};

/// The role as which the statement runs, its application and its query.
pub fn asker() -> Asker {
    // SAFETY: reads globals of the main thread; the name of a role is a fresh C string, or null where it was dropped.
    unsafe {
        Asker {
            role: text(pg_sys::GetUserNameFromId(pg_sys::GetUserId(), true)),
            application: text(pg_sys::application_name),
            query_id: pg_sys::pgstat_get_my_query_id() as i64,
        }
    }
}

/// # Safety
/// Null, or a C string.
unsafe fn text(value: *const c_char) -> String {
    // SAFETY: promised by the caller.
    if value.is_null() { String::new() } else { unsafe { CStr::from_ptr(value) }.to_string_lossy().into_owned() }
}
