//! Language models behind SQL, against a fake provider that keeps its own account: how long it takes, what it costs
//! beside the model, and what must not happen.

mod direct;
mod fault_mix;
mod interrupts;
mod litellm;
mod memory;
mod misses;
mod overhead;
mod process;
mod row_by_row;
mod same_titles;
mod shop;
mod trouble;

use super::Work;
use crate::bench::Bench;
use std::time::Duration;

pub use direct::Direct;
pub use process::own_memory;
pub use shop::{SETTINGS, Shop, labels, titles};

/// All works of the page.
pub const ALL: [(&str, Work); 7] = [
    ("gateway-misses", misses::run),
    ("gateway-overhead", overhead::run),
    ("gateway-same", same_titles::run),
    ("gateway-faults", fault_mix::run),
    ("gateway-memory", memory::run),
    ("gateway-interrupts", interrupts::run),
    ("gateway-trouble", trouble::run),
];

/// How to read the page.
pub const HOW_TO_READ: &str = "\
The model is a fake provider on the same machine, in the process of the benchmark: it answers after a set time, does wrong on
demand, and keeps its own account of what it charged, which judges ours. Everything else is real: each work has a cluster of
its own, whose commits are durable, and asks through SQL; a taxonomy of 100 categories; every title is new, so that nothing
but the model can answer; a call waits as long as the work needs (`categorize.timeout_ms`). The gateway runs before the clock
starts. **Ratio** is ours divided by peer where the bar says *at most*, peer divided by ours where it says *x faster*, ours
less peer where it is in milliseconds, and a count where the bar says *none*: of what must not happen. A ratio carries over to
another machine better than a time does.";

/// How long the model thinks about a request, where it matters.
pub const LATENCY: Duration = Duration::from_millis(200);

/// Requests at once of the profile `balanced`.
const IN_FLIGHT: usize = 20;

/// How much of everything.
struct Sizes {
    /// Measured runs where one takes long.
    runs: usize,
    /// Distinct misses in one statement.
    misses: usize,
    /// Titles asked by a function row by row.
    rows: usize,
    /// Single calls, one after the other.
    calls: usize,
    /// Sessions at once, and the titles that all of them ask for.
    sessions: (usize, usize),
    /// Titles asked while much goes wrong.
    faulty: usize,
    /// Calls after which memory is compared.
    memory: (usize, usize),
    /// Answers that need no model.
    free: usize,
    /// Interruptions of each kind.
    interrupts: usize,
}

const FULL: Sizes = Sizes {
    runs: 3,
    misses: 2_000,
    rows: 100,
    calls: 2_000,
    sessions: (100, 1_000),
    faulty: 5_000,
    memory: (10_000, 50_000),
    free: 100_000,
    interrupts: 5,
};

const QUICK: Sizes = Sizes {
    runs: 1,
    misses: 200,
    rows: 10,
    calls: 200,
    sessions: (20, 100),
    faulty: 300,
    memory: (500, 2_000),
    free: 2_000,
    interrupts: 2,
};

impl Sizes {
    fn of(bench: &Bench) -> &'static Self {
        if bench.quick { &QUICK } else { &FULL }
    }
}
