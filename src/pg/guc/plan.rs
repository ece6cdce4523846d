//! How plans look ahead for calls of ours.

use pg_categorize_core::money::{Money, NANO};
use pgrx::{GucContext, GucFlags, GucRegistry, GucSetting};

static PREFETCH: GucSetting<bool> = GucSetting::<bool>::new(true);
static PREFETCH_WINDOW: GucSetting<i32> = GucSetting::<i32>::new(1000);
static SPECULATION: GucSetting<i32> = GucSetting::<i32>::new(0);
static MAX_QUERY_COST: GucSetting<f64> = GucSetting::<f64>::new(-1.0);
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

/// The most that a statement may be expected to cost; `None` where there is no such limit.
pub fn max_query_cost() -> Option<Money> {
    let dollars = MAX_QUERY_COST.get();
    // At most as many dollars as nano-dollars fit into 64 bits; what lies below one is cut off.
    (dollars >= 0.0).then_some(Money((dollars * NANO as f64) as i64))
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
    GucRegistry::define_float_guc(
        c"categorize.max_query_cost",
        c"The most that a statement may be expected to cost, in US dollars.",
        c"One whose low estimate is above it is refused before it begins; -1 is without limit.",
        &MAX_QUERY_COST,
        -1.0,
        1e9,
        GucContext::Userset,
        GucFlags::default(),
    );
}
