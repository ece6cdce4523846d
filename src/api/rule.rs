//! Rules.

use crate::pg::error::given;
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
    taxonomy: Option<&str>,
    pattern: Option<&str>,
    category: Option<&str>,
    kind: default!(Option<&str>, "'regex'"),
    priority: default!(Option<i32>, 0),
) -> i64 {
    let taxonomy = given(taxonomy, "taxonomy");
    let pattern = given(pattern, "pattern");
    let category = given(category, "category");
    rule::add(taxonomy, pattern, category, given(kind, "kind"), given(priority, "priority"))
}

/// Drops a rule that the caller may change.
///
/// # Errors
/// 22023 where there is none of this id.
#[pg_extern(schema = "categorize")]
fn drop_rule(id: Option<i64>) {
    let id = given(id, "id");
    rule::drop(id);
}
