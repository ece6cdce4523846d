//! Time zones as the server knows them.

use pg_categorize_core::batch::{Moment, Zone};
use pgrx::pg_sys;
use std::ffi::CStr;

/// A time zone of the server.
#[derive(Debug, Clone, Copy)]
pub struct TimeZone(*mut pg_sys::pg_tz);

impl TimeZone {
    /// The zone of this name; `None` where the server knows none.
    pub fn named(name: &CStr) -> Option<Self> {
        // SAFETY: a plain call on the main thread with a C string; what is returned lives as long as the process.
        let zone = unsafe { pg_sys::pg_tzset(name.as_ptr()) };
        (!zone.is_null()).then_some(Self(zone))
    }
}

impl Zone for TimeZone {
    fn offset(&self, at: Moment) -> i64 {
        // SAFETY: the zone is one that `named` returned; what is returned, or null where a moment is beyond all years, is read
        // before the next call.
        unsafe { pg_sys::pg_localtime(&raw const at.0, self.0).as_ref() }.map_or(0, |time| time.tm_gmtoff)
    }
}
