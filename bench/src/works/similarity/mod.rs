//! Similar answers: what the whole cascade costs from nothing on, whether the error bound holds, and what the tier takes.

mod bound;
mod cascade;
mod course;
mod embedding;
mod few_labels;
mod growth;
mod nearest;
mod recall;
mod speed;
mod vectors;

use super::Work;
use crate::bench::Bench;
pub use cascade::{WORKERS, embed};

/// All works of the page.
pub const ALL: [(&str, Work); 7] = [
    ("similarity-cascade", cascade::run),
    ("similarity-speed", speed::run),
    ("similarity-embedding", embedding::run),
    ("similarity-bound", bound::run),
    ("similarity-recall", recall::run),
    ("similarity-labels", few_labels::run),
    ("similarity-growth", growth::run),
];

/// How to read the page.
pub const HOW_TO_READ: &str = "\
What a work measures, and on what, is said in its part below. Where a language model is asked, it is a fake provider on the
same machine that errs as often as it is told, independently of everything else, and keeps its own account, by which what was
paid for is counted. Everything else is real: titles of shops, the workers of an installation, SQL. **Ratio** is ours divided
by peer, or a share of all titles, where the bar says *at most*; *points* are ours less the peer, in percentage points.";

/// How much of everything.
struct Sizes {
    /// Titles of the stream, and those of a statement.
    stream: (usize, usize),
    /// Titles at the beginning and at the end of the stream that are judged by what was paid.
    ends: usize,
    /// Titles that a point of a curve stands for.
    window: usize,
    /// Titles that the tier knows, and those it is asked for, where it is compared with pgvector.
    speed: (usize, usize),
    /// Titles that are embedded and judged.
    embedded: usize,
    /// Runs of the error bound on each set.
    bound: usize,
    /// Titles known, at growing sizes.
    growth: &'static [usize],
    /// Titles asked at each of those sizes.
    looked_up: usize,
    /// Tenants, and the titles that each of them knows.
    tenants: (usize, usize),
}

const FULL: Sizes = Sizes {
    stream: (10_000, 100),
    ends: 2_000,
    window: 500,
    speed: (100_000, 5_000),
    embedded: 2_000,
    bound: 40,
    growth: &[1_000, 10_000, 100_000, 1_000_000],
    looked_up: 2_000,
    tenants: (1_000, 200),
};

const QUICK: Sizes = Sizes {
    stream: (2_000, 100),
    ends: 500,
    window: 200,
    speed: (10_000, 1_000),
    embedded: 500,
    bound: 5,
    growth: &[1_000, 10_000, 50_000],
    looked_up: 500,
    tenants: (50, 100),
};

impl Sizes {
    fn of(bench: &Bench) -> &'static Self {
        if bench.quick { &QUICK } else { &FULL }
    }
}
