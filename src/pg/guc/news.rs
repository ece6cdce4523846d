//! What an operator is told of batches: settings of the server.

use pg_categorize_core::money::NANO;
use pgrx::{GucContext, GucFlags, GucRegistry, GucSetting};
use std::time::Duration;

static FAILED_PERCENT: GucSetting<i32> = GucSetting::<i32>::new(10);
static BATCH_AGE: GucSetting<i32> = GucSetting::<i32>::new(48 * 60);
static QUEUE_LENGTH: GucSetting<i32> = GucSetting::<i32>::new(10_000);
static SAVED_USD: GucSetting<i32> = GucSetting::<i32>::new(1000);
static COMPLETION_TIMEOUT: GucSetting<i32> = GucSetting::<i32>::new(60);

/// From when on something of batches is worth an alert; 0 for never.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlertBounds {
    /// Percent of the inputs of a batch without an answer.
    pub failed_percent: i32,
    /// Minutes that a batch may take.
    pub batch_minutes: i32,
    /// Jobs that may wait.
    pub queue_length: i32,
    /// Nano-dollars that batches have saved: each so many.
    pub saved: i64,
}

/// From when on something of batches is worth an alert.
pub fn alert_bounds() -> AlertBounds {
    AlertBounds {
        failed_percent: FAILED_PERCENT.get(),
        batch_minutes: BATCH_AGE.get(),
        queue_length: QUEUE_LENGTH.get(),
        saved: i64::from(SAVED_USD.get()) * NANO,
    }
}

/// How long a function may take that is called when jobs have ended.
pub fn completion_timeout() -> Duration {
    Duration::from_secs(COMPLETION_TIMEOUT.get().unsigned_abs().into())
}

/// Defines the settings.
pub(super) fn init() {
    let flags = GucFlags::default();
    GucRegistry::define_int_guc(
        c"categorize.alert_failed_percent",
        c"Share of a batch's inputs without an answer above which an alert is raised, in percent.",
        c"0 raises none.",
        &FAILED_PERCENT,
        0,
        100,
        GucContext::Sighup,
        flags,
    );
    GucRegistry::define_int_guc(
        c"categorize.alert_batch_age",
        c"How long a batch may take before an alert is raised.",
        c"Providers promise 24 hours. 0 raises none.",
        &BATCH_AGE,
        0,
        i32::MAX,
        GucContext::Sighup,
        GucFlags::UNIT_MIN,
    );
    GucRegistry::define_int_guc(
        c"categorize.alert_queue_length",
        c"Number of jobs that wait for a batch above which an alert is raised.",
        c"The next one is raised after they were half of that. 0 raises none.",
        &QUEUE_LENGTH,
        0,
        i32::MAX,
        GucContext::Sighup,
        flags,
    );
    GucRegistry::define_int_guc(
        c"categorize.alert_saved_usd",
        c"An alert tells each time that batches have saved so many dollars more.",
        c"0 tells none.",
        &SAVED_USD,
        0,
        1_000_000_000,
        GucContext::Sighup,
        flags,
    );
    GucRegistry::define_int_guc(
        c"categorize.completion_timeout",
        c"How long a function may take that is called when jobs have ended.",
        c"It is cancelled then, and tried again later.",
        &COMPLETION_TIMEOUT,
        1,
        86_400,
        GucContext::Sighup,
        GucFlags::UNIT_S,
    );
}
