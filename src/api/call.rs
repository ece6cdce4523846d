//! `categorize()` and its relatives.

use crate::pg::call_site::{self, Call, Into, Text};
use crate::pg::many;
use pgrx::prelude::*;

/// The category of one input: the full path, or NULL where nothing is sure enough.
///
/// * `input`: the text, up to 1 MB. NULL in, NULL out, free.
/// * `taxonomy`: its name; NULL for `categorize.taxonomy`.
///
/// # Errors
/// 22023 unknown taxonomy; under `on_unresolved = error` the SQLSTATE of the reason; 57014 from cancel.
#[pg_extern(volatile, parallel_safe, cost = 1000)]
fn categorize(input: Option<&str>, taxonomy: default!(Option<&str>, "NULL"), call: Call) -> Option<Text> {
    call_site::categorize(call, input, &Into::Taxonomy(taxonomy), false)
}

/// The best of the caller's own labels. Their order and repeats make no difference.
///
/// # Errors
/// 22023 for an empty or NULL array, or one with a NULL or blank label.
#[pg_extern(name = "categorize", volatile, parallel_safe, cost = 1000)]
fn categorize_labels(input: Option<&str>, categories: Option<Vec<Option<String>>>, call: Call) -> Option<Text> {
    call_site::categorize(call, input, &Into::Labels(categories), false)
}

/// As `categorize`, but only what is known: tiers 1 to 5, never an error for want of an answer. STABLE, standby safe.
///
/// # Errors
/// 22023 unknown taxonomy.
#[pg_extern(stable, parallel_safe, cost = 1000)]
fn categorize_cached(input: Option<&str>, taxonomy: default!(Option<&str>, "NULL"), call: Call) -> Option<Text> {
    call_site::categorize(call, input, &Into::Taxonomy(taxonomy), true)
}

/// The decision on one input with its confidence, source, reason and evidence.
///
/// # Errors
/// As `categorize`.
#[pg_extern(volatile, parallel_safe, cost = 1000)]
fn categorize_detail(
    input: Option<&str>,
    taxonomy: default!(Option<&str>, "NULL"),
    call: Call,
) -> Option<pgrx::composite_type!('static, "categorize.decision")> {
    many::detail(call, input, taxonomy)
}

/// The decisions on many inputs, in their order; NULL inputs give a row without an answer.
///
/// # Errors
/// As `categorize`.
#[pg_extern(volatile, parallel_safe, cost = 1000)]
fn categorize_many(
    inputs: Option<Vec<Option<String>>>,
    taxonomy: default!(Option<&str>, "NULL"),
) -> SetOfIterator<'static, pgrx::composite_type!('static, "categorize.decision")> {
    SetOfIterator::new(many::decisions(inputs.unwrap_or_default(), taxonomy))
}
