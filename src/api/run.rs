//! Bulk: what `run()`, a procedure of PL/pgSQL in `sql/50_run.sql`, asks of the library. It is called by that alone.

use crate::pg::error::given;
use crate::pg::manage::bulk::{self, Relation, Wanted};
use crate::pg::many;
use pgrx::AnyNumeric;
use pgrx::JsonB;
use pgrx::datum::Interval;
use pgrx::prelude::*;

/// Begins a run, or goes on with the one of the same arguments that has not ended, and returns its number.
///
/// # Errors
/// 25001 inside a transaction block; 25006 where nothing can be written; 22023 for an unknown taxonomy and for amounts that cannot
/// be meant; 22004 for NULL.
#[pg_extern(schema = "categorize")]
#[allow(clippy::too_many_arguments, reason = "those of the procedure")]
fn run_begin(
    relation: Option<Relation>,
    input_columns: Option<&str>,
    output_column: Option<&str>,
    taxonomy: Option<&str>,
    condition: Option<&str>,
    overwrite: Option<bool>,
    max_usd: Option<AnyNumeric>,
    chunk_size: Option<i32>,
    dry_run: Option<bool>,
    claim_timeout: Option<Interval>,
) -> i64 {
    let limit = max_usd.map(|amount| amount.to_string());
    bulk::begin(&Wanted {
        relation: given(relation, "relation"),
        input_columns: given(input_columns, "input_column"),
        output_column: given(output_column, "output_column"),
        taxonomy: given(taxonomy, "taxonomy"),
        condition,
        overwrite: given(overwrite, "overwrite"),
        limit: limit.as_deref(),
        chunk_size: given(chunk_size, "chunk_size"),
        dry_run: given(dry_run, "dry_run"),
        claim_timeout: given(claim_timeout, "claim_timeout"),
    })
}

/// What the session does next in a run: `plan`, `next` (rows after `from_key`), `range` (those up to `to_key` that somebody left),
/// `wait`, or `done`, where nothing is left that nobody works at.
///
/// # Errors
/// 22023 where the run is not the caller's.
#[pg_extern(schema = "categorize")]
#[allow(clippy::type_complexity, reason = "the columns of a row")]
fn run_claim(
    run: i64,
    claim_timeout: Interval,
) -> TableIterator<
    'static,
    (name!(task, String), name!(claim, Option<i64>), name!(from_key, Option<JsonB>), name!(to_key, Option<JsonB>)),
> {
    let task = bulk::claim(run, claim_timeout);
    TableIterator::once((task.name.to_owned(), task.claim, task.from_key, task.to_key))
}

/// Says of a run that its rows were counted and representatives asked about.
#[pg_extern(schema = "categorize")]
fn run_planned(claim: i64, rows: i64) {
    bulk::planned(claim, rows);
}

/// Says up to which key the rows go that a claim has read, and how many they are of those that it asked for.
#[pg_extern(schema = "categorize")]
fn run_advance(claim: i64, to_key: Option<JsonB>, rows: Option<i32>, asked: i32) {
    bulk::advance(claim, to_key, rows.unwrap_or(0) < asked);
}

/// How many inputs a claim may buy now; -1 where that will be known soon, NULL where the run has no limit.
#[pg_extern(schema = "categorize")]
fn run_allow(claim: i64, inputs: i32) -> Option<i32> {
    bulk::allow(claim, inputs)
}

/// Ends a claim whose rows are done; false where it has expired and somebody else holds it.
#[pg_extern(schema = "categorize")]
fn run_close(claim: i64, sources: Option<Vec<Option<String>>>, written: i64) -> bool {
    bulk::close(claim, &sources.unwrap_or_default(), written)
}

/// Ends a dry run: what free tiers said of a sample of the distinct inputs, of which each stands for some rows.
#[pg_extern(schema = "categorize")]
fn run_surveyed(
    run: i64,
    rows: i64,
    inputs: i64,
    sources: Option<Vec<Option<String>>>,
    sample_rows: Option<Vec<Option<i64>>>,
    sketches: Option<Vec<Option<String>>>,
) {
    let sample =
        bulk::sample(sources.unwrap_or_default(), sample_rows.unwrap_or_default(), sketches.unwrap_or_default());
    bulk::surveyed(run, rows, inputs, &sample);
}

/// Category and source of each of many inputs, in their order; an input without answer is no error, whatever `on_unresolved` says.
///
/// # Errors
/// 22023 for an unknown taxonomy.
#[pg_extern(schema = "categorize", volatile, parallel_safe)]
fn run_answers(
    inputs: Vec<Option<String>>,
    taxonomy: &str,
) -> TableIterator<'static, (name!(category, Option<String>), name!(source, Option<String>))> {
    TableIterator::new(many::answers(&inputs, taxonomy))
}
