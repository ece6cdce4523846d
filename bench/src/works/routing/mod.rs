//! Several models and providers behind one call: who is asked, what that costs, and how right it is.

mod calibration;
mod complexity;
mod difficulty;
mod failover;
mod flipkart;
mod limits;
mod market;
mod near;
mod tokens;
mod upgrades;

use super::Work;
use crate::bench::Bench;

/// All works of the page.
pub const ALL: [(&str, Work); 6] = [
    ("routing-upgrades", upgrades::run),
    ("routing-calibration", calibration::run),
    ("routing-limits", limits::run),
    ("routing-near", near::run),
    ("routing-complexity", complexity::run),
    ("routing-failover", failover::run),
];

/// The work that has a page of its own.
pub const TOKENS: (&str, Work) = ("token-saving", tokens::run);

/// How to read the page of routing.
pub const HOW_TO_READ: &str = "\
The models are fake providers on the same machine, in the process of the benchmark: each model errs as often as it is told,
independently of the others, says how sure it is, and is charged for by tokens of four bytes; the provider keeps its own
account. That a confidence means something is their property and is named where it matters (*calibrated*: of the answers with
confidence c a share of c is right; *overconfident*: the odds are four times that). Everything else is real: each work has a
cluster of its own, whose commits are durable, and asks through SQL. Costs are those of the provider's account. **Ratio** is
ours divided by peer where the bar says *at most*.";

/// How to read the page of tokens.
pub const HOW_TO_READ_TOKENS: &str = "\
Counted by the fake provider, which takes four bytes for a token, in what it was sent and what it wrote; a real tokenizer
counts otherwise, in about the same proportions.";

/// How much of everything.
struct Sizes {
    /// Titles that are asked of a cheap and a strong model.
    upgrades: usize,
    /// Titles asked while a provider dies.
    failover: usize,
    /// Seconds for which limits are watched.
    limits: usize,
    /// Titles that people correct, those asked before, and those asked after.
    calibration: (usize, usize),
    /// Titles of the stream.
    near: usize,
    /// Titles that a shop knows, and those that it asks for, some of which are harder than others.
    complexity: (usize, usize),
    /// Titles whose tokens are counted.
    tokens: usize,
}

const FULL: Sizes = Sizes {
    upgrades: 10_000,
    failover: 5_000,
    limits: 75,
    calibration: (1_000, 4_000),
    near: 20_000,
    complexity: (2_000, 5_000),
    tokens: 200,
};

const QUICK: Sizes = Sizes {
    upgrades: 1_000,
    failover: 500,
    limits: 20,
    calibration: (600, 600),
    near: 2_000,
    complexity: (1_000, 500),
    tokens: 40,
};

impl Sizes {
    fn of(bench: &Bench) -> &'static Self {
        if bench.quick { &QUICK } else { &FULL }
    }
}
