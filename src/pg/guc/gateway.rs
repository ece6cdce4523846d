//! What language models need: settings of the gateway, and of those who wait for it.

use super::text;
use pg_categorize_core::frame::MAX_IMAGE_BYTES;
use pg_categorize_core::money::{Money, NANO};
use pgrx::{GucContext, GucFlags, GucRegistry, GucSetting};
use std::ffi::CString;
use std::time::Duration;

static MAX_IMAGE_SIZE: GucSetting<i32> = GucSetting::<i32>::new(4 * 1024 * 1024);
static EXTERNAL: GucSetting<bool> = GucSetting::<bool>::new(true);
static TIMEOUT: GucSetting<i32> = GucSetting::<i32>::new(10_000);
static GATEWAY_IDLE: GucSetting<i32> = GucSetting::<i32>::new(5 * 60);
static KEY_DIRECTORY: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c""));
static MODEL_DIRECTORY: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c""));
static KEY_ENVIRONMENT: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(
    c"OPENAI_API_KEY, ANTHROPIC_API_KEY, GEMINI_API_KEY, GOOGLE_API_KEY, TYPESAFE_API_KEY",
));
static ALLOWED_HOSTS: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c""));
static CLUSTER_LIMIT: GucSetting<f64> = GucSetting::<f64>::new(-1.0);
static LEDGER_RETENTION: GucSetting<i32> = GucSetting::<i32>::new(90);

/// Whether requests to the outside are allowed on this server.
pub fn external() -> bool {
    EXTERNAL.get()
}

/// Bytes of the largest image that is asked about.
pub fn max_image_bytes() -> usize {
    MAX_IMAGE_SIZE.get().unsigned_abs() as usize
}

/// How long one call waits for language models.
pub fn timeout() -> Duration {
    Duration::from_millis(TIMEOUT.get().unsigned_abs().into())
}

/// How long a gateway stays without work.
pub fn gateway_idle() -> Duration {
    Duration::from_secs(GATEWAY_IDLE.get().unsigned_abs().into())
}

/// The only directory that keys are read from; `None` where no key is read from a file.
pub fn key_directory() -> Option<String> {
    text(&KEY_DIRECTORY).filter(|path| !path.is_empty())
}

/// The only directory that sentence transformers are read from; `None` where there is none.
pub fn model_directory() -> Option<String> {
    text(&MODEL_DIRECTORY).filter(|path| !path.is_empty())
}

/// The variables, beside those with our prefix, that keys are read from.
pub fn key_environment() -> String {
    text(&KEY_ENVIRONMENT).unwrap_or_default()
}

/// The hosts beside the official ones that may be called, and the keys that each may be given.
pub fn allowed_hosts() -> String {
    text(&ALLOWED_HOSTS).unwrap_or_default()
}

/// The most that all databases of the server may spend in a day; `None` where there is no such limit.
pub fn cluster_limit() -> Option<Money> {
    let dollars = CLUSTER_LIMIT.get();
    // The setting has at most as many dollars as nano-dollars fit into 64 bits; what lies below one is cut off.
    (dollars >= 0.0).then_some(Money((dollars * NANO as f64) as i64))
}

/// Days for which the rows of the ledger are kept one by one.
pub fn ledger_retention_days() -> i32 {
    LEDGER_RETENTION.get()
}

/// Defines the settings. Hosts and keys are a superuser's to choose, and not everybody's to read.
pub(super) fn init() {
    GucRegistry::define_bool_guc(
        c"categorize.external",
        c"Whether anything may be sent to a language model.",
        c"Off stops every outgoing request of the server.",
        &EXTERNAL,
        GucContext::Sighup,
        GucFlags::default(),
    );
    GucRegistry::define_int_guc(
        c"categorize.timeout_ms",
        c"How long one call waits for language models.",
        c"Inputs that are not answered by then are unresolved with reason timeout; their answers are kept when they come.",
        &TIMEOUT,
        1,
        3_600_000,
        GucContext::Userset,
        GucFlags::UNIT_MS,
    );
    GucRegistry::define_int_guc(
        c"categorize.max_image_size",
        c"Size of the largest image that is asked about.",
        c"Larger ones are unresolved with reason input_too_large.",
        &MAX_IMAGE_SIZE,
        1,
        MAX_IMAGE_BYTES as i32,
        GucContext::Userset,
        GucFlags::UNIT_BYTE,
    );
    GucRegistry::define_int_guc(
        c"categorize.gateway_idle",
        c"How long a gateway stays without work.",
        c"The next call that needs it starts it again.",
        &GATEWAY_IDLE,
        1,
        i32::MAX / 1000,
        GucContext::Sighup,
        GucFlags::UNIT_S,
    );
    GucRegistry::define_string_guc(
        c"categorize.key_directory",
        c"Directory of the files that keys of providers may be read from.",
        c"Files of mode 0600 that the server's user owns, no links; empty for none.",
        &KEY_DIRECTORY,
        GucContext::Sighup,
        GucFlags::SUPERUSER_ONLY,
    );
    GucRegistry::define_string_guc(
        c"categorize.model_directory",
        c"Directory of the sentence transformers that embeddings may be made by.",
        c"Each is a folder in it, as the library sentence-transformers writes it; empty for none.",
        &MODEL_DIRECTORY,
        GucContext::Sighup,
        GucFlags::SUPERUSER_ONLY,
    );
    GucRegistry::define_string_guc(
        c"categorize.key_environment",
        c"Environment variables of the server that keys of providers may be read from.",
        c"Separated by commas. Those that begin with PG_CATEGORIZE_ always may.",
        &KEY_ENVIRONMENT,
        GucContext::Sighup,
        GucFlags::SUPERUSER_ONLY,
    );
    GucRegistry::define_string_guc(
        c"categorize.allowed_hosts",
        c"Hosts beside the official ones that may be called, each with the keys that it may be given.",
        c"host[:port][=key|key...], separated by commas; loopback needs to be listed, too.",
        &ALLOWED_HOSTS,
        GucContext::Sighup,
        GucFlags::SUPERUSER_ONLY,
    );
    GucRegistry::define_float_guc(
        c"categorize.cluster_limit_usd_day",
        c"The most that all databases of the server may spend in a day (UTC), in US dollars.",
        c"-1 is without limit; the budgets of each database count beside it.",
        &CLUSTER_LIMIT,
        -1.0,
        1e9,
        GucContext::Sighup,
        GucFlags::default(),
    );
    GucRegistry::define_int_guc(
        c"categorize.ledger_retention",
        c"Days for which the rows of the ledger are kept one by one.",
        c"Older ones are summed up by day; what is in doubt stays.",
        &LEDGER_RETENTION,
        1,
        36_500,
        GucContext::Sighup,
        GucFlags::default(),
    );
}
