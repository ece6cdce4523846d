//! Rules.

use crate::pg::manage::rule;
use pgrx::prelude::*;

/// Adds a rule and returns its id. The highest priority wins, then the oldest.
///
/// * `kind`: `regex` (Rust syntax, case-insensitive unless `(?-i)`; `\m \M \y` as in Postgres), `all_words`,
///   `any_word` (words or comma-separated phrases).
///
/// # Errors
/// 22023 bad pattern (position in the DETAIL), kind, category or taxonomy; 54000 beyond the bounds of count and memory.
#[pg_extern(schema = "categorize")]
fn add_rule(
    taxonomy: &str,
    pattern: &str,
    category: &str,
    kind: default!(&str, "'regex'"),
    priority: default!(i32, 0),
) -> i64 {
    rule::add(taxonomy, pattern, category, kind, priority)
}

/// Drops a rule that the caller may change.
///
/// # Errors
/// 22023 where there is none of this id.
#[pg_extern(schema = "categorize")]
fn drop_rule(id: i64) {
    rule::drop(id);
}
