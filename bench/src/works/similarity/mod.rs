//! Similar answers: what the whole cascade costs from nothing on, whether the error bound holds, and what the tier takes.

mod cascade;
mod course;

use super::Work;
use crate::bench::Bench;

/// All works of the page.
pub const ALL: [(&str, Work); 1] = [("similarity-cascade", cascade::run)];

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
}

const FULL: Sizes = Sizes { stream: (10_000, 100), ends: 2_000, window: 500 };

const QUICK: Sizes = Sizes { stream: (2_000, 100), ends: 500, window: 200 };

impl Sizes {
    fn of(bench: &Bench) -> &'static Self {
        if bench.quick { &QUICK } else { &FULL }
    }
}
