//! How plans look ahead for calls of ours.

use pgrx::{GucContext, GucFlags, GucRegistry, GucSetting};

static PREFETCH: GucSetting<bool> = GucSetting::<bool>::new(true);
static PREFETCH_WINDOW: GucSetting<i32> = GucSetting::<i32>::new(1000);
static SPECULATION: GucSetting<i32> = GucSetting::<i32>::new(0);
static REQUIRE_PREFETCH: GucSetting<bool> = GucSetting::<bool>::new(false);

/// Whether plans look ahead for calls of ours.
pub fn prefetch() -> bool {
    PREFETCH.get()
}

/// Rows that a plan node looks at together.
pub fn prefetch_window() -> usize {
    PREFETCH_WINDOW.get().unsigned_abs() as usize
}

/// Inputs that may be bought before anybody is sure to ask for them.
pub fn speculation() -> u64 {
    SPECULATION.get().unsigned_abs().into()
}

/// Whether a statement that would be answered row by row is refused.
pub fn require_prefetch() -> bool {
    REQUIRE_PREFETCH.get()
}

/// Defines the settings.
pub(super) fn init() {
    GucRegistry::define_bool_guc(
        c"categorize.prefetch",
        c"Whether plans look ahead, and have rows answered together.",
        c"Off: each row is answered by itself. Results are the same.",
        &PREFETCH,
        GucContext::Userset,
        GucFlags::default(),
    );
    GucRegistry::define_int_guc(
        c"categorize.prefetch_window",
        c"Rows that are answered together.",
        c"Fewer where work_mem is reached.",
        &PREFETCH_WINDOW,
        1,
        100_000,
        GucContext::Userset,
        GucFlags::default(),
    );
    GucRegistry::define_int_guc(
        c"categorize.speculation",
        c"Inputs that may be bought before anybody is sure to ask for them.",
        c"Makes WHERE with LIMIT faster, and buys up to so many answers in vain.",
        &SPECULATION,
        0,
        10_000,
        GucContext::Userset,
        GucFlags::default(),
    );
    GucRegistry::define_bool_guc(
        c"categorize.require_prefetch",
        c"Whether a statement that would be answered row by row is refused.",
        c"For tests of plans.",
        &REQUIRE_PREFETCH,
        GucContext::Userset,
        GucFlags::default(),
    );
}
