//! Queueing what a query returns.

use crate::pg::error::given;
use crate::pg::manage::bulk::Relation;
use crate::pg::write_back::{self, Wanted};
use pgrx::prelude::*;

/// Queues the inputs that a query returns, and says how many are new to the queue. The query runs with the caller's rights and
/// cannot write.
///
/// * `query`: a SELECT of the input; with a relation, of the columns of its primary key and of those of the input, by their names.
/// * `taxonomy`: its name; NULL for `categorize.taxonomy`.
/// * `relation`, `output_column`: the table and the column that the answers are written to, as the caller; NULL for none.
/// * `priority`: from 1 to 10; 10 goes first.
///
/// # Errors
/// 22023 for what cannot be meant, or without a primary key; 42501 where the caller may not write the column, or the taxonomy keeps
/// its texts; 25006 where nothing can be written; those of the query.
#[pg_extern(
    schema = "categorize",
    sql = "CREATE FUNCTION categorize.\"enqueue_query\"(
    \"query\" TEXT, \"taxonomy\" TEXT DEFAULT NULL, \"relation\" regclass DEFAULT NULL, \"output_column\" TEXT DEFAULT NULL,
    \"priority\" INT DEFAULT 5) RETURNS bigint
LANGUAGE c AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';"
)]
fn enqueue_query(
    query: Option<&str>,
    taxonomy: default!(Option<&str>, "NULL"),
    relation: default!(Option<Relation>, "NULL"),
    output_column: default!(Option<&str>, "NULL"),
    priority: default!(Option<i32>, 5),
) -> i64 {
    write_back::enqueue(&Wanted {
        query: given(query, "query"),
        taxonomy,
        relation,
        output_column,
        priority: given(priority, "priority"),
    })
}
