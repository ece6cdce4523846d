//! Explaining an answer.

use crate::pg::explain;
use pgrx::prelude::*;

/// What each tier of the taxonomy says of one input, in their order: its category and confidence, its threshold,
/// whether it is the one that answers, and why or why not. Nothing is spent or stored.
///
/// # Errors
/// 22023 unknown taxonomy.
#[pg_extern(schema = "categorize", volatile, parallel_safe)]
#[allow(clippy::type_complexity, reason = "the columns of a table")]
fn explain(
    input: Option<&str>,
    taxonomy: default!(Option<&str>, "NULL"),
) -> TableIterator<
    'static,
    (
        name!(step, i32),
        name!(tier, String),
        name!(answers, bool),
        name!(category, Option<String>),
        name!(confidence, Option<f32>),
        name!(threshold, Option<f32>),
        name!(detail, String),
    ),
> {
    TableIterator::new(explain::explain(input, taxonomy))
}
