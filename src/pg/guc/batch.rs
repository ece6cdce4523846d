//! When batches are sent: settings of the gateway.

use super::text;
use crate::pg::time_zone::TimeZone;
use pg_categorize_core::batch::Daily;
use pgrx::prelude::*;
use pgrx::{GucContext, GucFlags, GucRegistry, GucSetting, pg_sys};
use std::ffi::{CStr, CString, c_char, c_void};
use std::time::Duration;

static TIME: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c"02:00"));
static TIME_ZONE: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c"UTC"));
static MINIMUM: GucSetting<i32> = GucSetting::<i32>::new(1);
static MAXIMUM_WAIT: GucSetting<i32> = GucSetting::<i32>::new(0);
static POLL_INTERVAL: GucSetting<i32> = GucSetting::<i32>::new(60);
static WHEN_FULL: GucSetting<bool> = GucSetting::<bool>::new(false);

/// The time of each day at which what waits is sent, and in which zone; `None` for none.
pub fn batch_time() -> Option<(Daily, TimeZone)> {
    let seconds = seconds_of_day(&text(&TIME)?)?;
    let zone = TIME_ZONE.get().and_then(|name| TimeZone::named(&name)).or_else(|| TimeZone::named(c"UTC"))?;
    Some((Daily { seconds }, zone))
}

/// Inputs that must wait for a batch to be worth it at that time.
pub fn batch_minimum() -> u64 {
    MINIMUM.get().unsigned_abs().into()
}

/// How long an input waits at most; `None` for as long as it takes.
pub fn batch_maximum_wait() -> Option<Duration> {
    let seconds = MAXIMUM_WAIT.get().unsigned_abs();
    (seconds > 0).then(|| Duration::from_secs(seconds.into()))
}

/// How long it takes until providers are first asked how far they are.
pub fn batch_poll_interval() -> Duration {
    Duration::from_secs(POLL_INTERVAL.get().unsigned_abs().into())
}

/// Whether a batch is sent as soon as it is full.
pub fn batch_when_full() -> bool {
    WHEN_FULL.get()
}

/// Seconds after midnight of a time such as `02:00`.
fn seconds_of_day(time: &str) -> Option<u32> {
    let (hours, minutes) = time.split_once(':')?;
    let number = |text: &str, below: u32| -> Option<u32> {
        let is_number = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|number: &u32| is_number && *number < below)
    };
    Some(number(hours, 24)? * 3600 + number(minutes, 60)? * 60)
}

/// Defines the settings.
pub(super) fn init() {
    let flags = GucFlags::default();
    // SAFETY: the hooks read a C string and neither keep it nor raise an error.
    unsafe {
        GucRegistry::define_string_guc_with_hooks(
            c"categorize.batch_time",
            c"Time of each day at which queued inputs are sent in batches.",
            c"Hours and minutes, as in 02:00, in categorize.batch_time_zone; empty for none. A time that was missed is made up for once.",
            &TIME,
            GucContext::Sighup,
            flags,
            Some(check_time),
            None,
            None,
        );
        GucRegistry::define_string_guc_with_hooks(
            c"categorize.batch_time_zone",
            c"Time zone of categorize.batch_time.",
            c"A name that the server knows, as in Europe/Berlin.",
            &TIME_ZONE,
            GucContext::Sighup,
            flags,
            Some(check_time_zone),
            None,
            None,
        );
    }
    GucRegistry::define_int_guc(
        c"categorize.batch_minimum",
        c"Inputs that must wait for batches to be sent at categorize.batch_time.",
        c"Fewer wait for the next day, or for categorize.batch_maximum_wait.",
        &MINIMUM,
        1,
        i32::MAX,
        GucContext::Sighup,
        flags,
    );
    GucRegistry::define_int_guc(
        c"categorize.batch_maximum_wait",
        c"How long a queued input waits at most before it is sent.",
        c"0 lets it wait for categorize.batch_time.",
        &MAXIMUM_WAIT,
        0,
        i32::MAX,
        GucContext::Sighup,
        GucFlags::UNIT_S,
    );
    GucRegistry::define_int_guc(
        c"categorize.batch_poll_interval",
        c"How long it takes until a provider is first asked how far a batch is.",
        c"Each further wait is half as long again, up to a quarter of an hour.",
        &POLL_INTERVAL,
        1,
        86_400,
        GucContext::Sighup,
        GucFlags::UNIT_S,
    );
    GucRegistry::define_bool_guc(
        c"categorize.batch_when_full",
        c"Whether queued inputs are sent as soon as they fill a batch.",
        c"Nothing is gained by waiting then.",
        &WHEN_FULL,
        GucContext::Sighup,
        flags,
    );
}

#[pg_guard]
unsafe extern "C-unwind" fn check_time(
    value: *mut *mut c_char,
    _extra: *mut *mut c_void,
    _source: pg_sys::GucSource::Type,
) -> bool {
    // SAFETY: Postgres passes a C string, or null.
    unsafe { given(value) }.is_none_or(|time| time.is_empty() || time.to_str().ok().and_then(seconds_of_day).is_some())
}

#[pg_guard]
unsafe extern "C-unwind" fn check_time_zone(
    value: *mut *mut c_char,
    _extra: *mut *mut c_void,
    _source: pg_sys::GucSource::Type,
) -> bool {
    // SAFETY: Postgres passes a C string, or null.
    unsafe { given(value) }.is_none_or(|name| TimeZone::named(name).is_some())
}

/// # Safety
/// The value of a setting that is checked.
unsafe fn given<'a>(value: *mut *mut c_char) -> Option<&'a CStr> {
    // SAFETY: promised by the caller.
    unsafe { (*value).as_ref().map(|text| CStr::from_ptr(text)) }
}
