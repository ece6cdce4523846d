//! Learning from labelled examples.

use crate::pg::error::given;
use crate::pg::manage::label;
use pgrx::prelude::*;

/// Stores the examples that a query of (input, category) returns, and says how many; the last of an input wins.
/// The query runs with the caller's rights and cannot write.
///
/// # Errors
/// 22023 where the taxonomy lacks a category, unless `add_categories`; nothing is stored then. 42501 where an editor wants
/// categories added: all tenants see the taxonomy. Those of the query.
#[pg_extern(schema = "categorize")]
fn learn(
    query: Option<&str>,
    taxonomy: default!(Option<&str>, "NULL"),
    add_categories: default!(Option<bool>, false),
) -> i64 {
    let query = given(query, "query");
    label::learn(query, taxonomy, given(add_categories, "add_categories"))
}
