//! Explaining an answer, showing what is near, and what a language model is offered.

use crate::pg::error::given;
use crate::pg::{candidate_recall, explain, suggest};
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

/// The `k` earlier texts of the tenant (1 to 100) that are nearest to an input, nearest first: learnt examples, corrections and
/// paid answers, with their categories as they are now, the cosine of the two vectors, the distance (1 less the cosine) and who
/// said it. NULL and blank inputs have none. Nothing is spent or stored.
///
/// # Errors
/// 22023 unknown taxonomy, or a `k` out of bounds.
#[pg_extern(schema = "categorize", volatile, parallel_safe)]
#[allow(clippy::type_complexity, reason = "the columns of a table")]
fn suggest(
    input: Option<&str>,
    k: default!(Option<i32>, 5),
    taxonomy: default!(Option<&str>, "NULL"),
) -> TableIterator<
    'static,
    (name!(text, String), name!(category, String), name!(cosine, f32), name!(distance, f32), name!(origin, String)),
> {
    let near = input.map(|input| suggest::suggest(input, given(k, "k"), taxonomy));
    TableIterator::new(near.unwrap_or_default())
}

/// How often the category that corrections and learnt examples say is on the list that a language model would be offered, by
/// a sample of up to 2,000 of the session's tenant. Two rows, for the `short` list and the `wide` one. Nothing is spent or
/// stored. No rows where no taxonomy is named and there is no default.
///
/// # Errors
/// 22023 unknown taxonomy; 57014 from cancel.
#[pg_extern(schema = "categorize", volatile, parallel_safe)]
#[allow(clippy::type_complexity, reason = "the columns of a table")]
fn candidate_recall(
    taxonomy: default!(Option<&str>, "NULL"),
) -> TableIterator<
    'static,
    (
        name!(list, String),
        name!(categories, i32),
        name!(examples, i64),
        name!(found, Option<f32>),
        name!(unseen_examples, i64),
        name!(with_guesses, Option<f32>),
    ),
> {
    let lines = candidate_recall::recall(taxonomy).into_iter();
    TableIterator::new(lines.map(|r| (r.list.to_owned(), r.categories, r.examples, r.found, r.unseen, r.with_guesses)))
}
