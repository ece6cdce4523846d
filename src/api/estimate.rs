//! Telling what a statement would cost.

use crate::pg::error::given;
use crate::pg::{decision, plan, spi};
use pgrx::AnyNumeric;
use pgrx::prelude::*;

/// What a statement will probably ask and cost: for each taxonomy and input that it asks about, a row for each tier that is
/// expected to answer, and one for what will be unresolved. It is planned with the caller's rights, and nothing of it runs;
/// nothing is spent or stored, and no provider is asked. No rows for a statement that calls nothing of ours.
///
/// * `query`: one statement that EXPLAIN takes.
///
/// Dollars are of the rows of language models, and 0 in others.
///
/// # Errors
/// 22023 for anything else; 42501 where the caller may not run it; those of its planning.
#[pg_extern(schema = "categorize", volatile)]
#[allow(clippy::type_complexity, reason = "the columns of a table")]
fn estimate(
    query: Option<&str>,
) -> TableIterator<
    'static,
    (
        name!(call, i32),
        name!(taxonomy, Option<String>),
        name!(tier, String),
        name!(rows, i64),
        name!(inputs, i64),
        name!(low_usd, AnyNumeric),
        name!(high_usd, AnyNumeric),
        name!(basis, String),
    ),
> {
    let lines = spi::with_plan_of(given(query, "query"), plan::estimate::lines);
    TableIterator::new(lines.into_iter().map(|l| {
        let (low, high) = (decision::dollars(l.low), decision::dollars(l.high));
        (l.call, l.taxonomy, l.tier.to_owned(), l.rows, l.inputs, low, high, l.basis)
    }))
}
