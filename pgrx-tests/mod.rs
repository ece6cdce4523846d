//! What is best seen from inside the server, by topic. Mounted from `src/lib.rs`; each test runs in a transaction of
//! its own that is rolled back. SQL that a client can see as well is tested by tests/sql.

mod calls;
mod queue;
mod transactions;

use pgrx::prelude::*;

/// A taxonomy `t` with the categories A, B and C, of which only exact tiers answer; `title` is learnt as A.
fn taxonomy() {
    run("SELECT categorize.create_taxonomy('t', ARRAY['A', 'B', 'C'])");
    run(r#"SELECT categorize.configure('t', '{"tiers": ["correction", "rule", "cache"]}')"#);
    run("SELECT categorize.learn('SELECT ''title'', ''A''', 't')");
    run("SET LOCAL categorize.taxonomy = 't'");
}

/// Runs statements that are expected to work.
fn run(sql: &str) {
    Spi::run(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
}

/// The one text that a query returns; `None` for NULL.
fn text(sql: &str) -> Option<String> {
    Spi::get_one::<String>(sql).unwrap_or_else(|e| panic!("{sql}: {e}"))
}

/// The one number that a query returns.
fn number(sql: &str) -> i64 {
    Spi::get_one::<i64>(sql).ok().flatten().unwrap_or_else(|| panic!("{sql}: no number"))
}
