//! Queueing what a query returns.

use crate::pg::error::given;
use crate::pg::manage::bulk::Relation;
use crate::pg::write_back::{self, Wanted};
use pgrx::prelude::*;

/// Queues the inputs that a query returns, and says how many are new to the queue. The query runs with the caller's rights and cannot
/// write. That it takes a `regclass` is said in `sql/65_write_back.sql`.
///
/// * `query`: a SELECT of the input; with a relation, of the columns of its primary key and of those of the input, by their names.
/// * `taxonomy`: its name; NULL for `categorize.taxonomy`.
/// * `relation`, `output_column`: the table and the column that the answers are written to, as the caller; NULL for none.
/// * `priority`: from 1 to 10; 10 goes first.
///
/// # Errors
/// 22023 for what cannot be meant, or without a primary key; 42501 where the caller may not write the column, or the taxonomy keeps
/// its texts; 25006 where nothing can be written; those of the query.
#[pg_extern(schema = "categorize", sql = false)]
fn enqueue_query(
    query: Option<&str>,
    taxonomy: Option<&str>,
    relation: Option<Relation>,
    output_column: Option<&str>,
    priority: Option<i32>,
) -> i64 {
    write_back::enqueue(&Wanted {
        query: given(query, "query"),
        taxonomy,
        relation,
        output_column,
        priority: given(priority, "priority"),
    })
}
