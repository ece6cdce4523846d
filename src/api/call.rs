//! `categorize()` and its relatives.

use crate::pg::call_site::{self, Call, Into, Text};
use crate::pg::many;
use crate::pg::view::View;
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

/// The category of what an image shows: a photo, or the page of a document.
///
/// * `image`: a PNG, JPEG, WebP or GIF, up to `categorize.max_image_size`. NULL in, NULL out, free.
/// * `taxonomy`: its name; NULL for `categorize.taxonomy`.
///
/// # Errors
/// 22023 for other bytes; else as `categorize`.
#[pg_extern(name = "categorize", volatile, parallel_safe, cost = 1000)]
fn categorize_image(image: Option<&[u8]>, taxonomy: default!(Option<&str>, "NULL"), call: Call) -> Option<Text> {
    call_site::categorize_image(call, View::of(image, Some("")), taxonomy)
}

/// The category of a text with an image, asked about together as one input. NULL where either is.
///
/// # Errors
/// As of an image alone.
#[pg_extern(name = "categorize", volatile, parallel_safe, cost = 1000)]
fn categorize_with_image(
    input: Option<&str>,
    image: Option<&[u8]>,
    taxonomy: default!(Option<&str>, "NULL"),
    call: Call,
) -> Option<Text> {
    call_site::categorize_image(call, View::of(image, input), taxonomy)
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

/// The decision on one image with its confidence, source, reason and evidence.
///
/// # Errors
/// As `categorize`.
#[pg_extern(name = "categorize_detail", volatile, parallel_safe, cost = 1000)]
fn categorize_image_detail(
    image: Option<&[u8]>,
    taxonomy: default!(Option<&str>, "NULL"),
    call: Call,
) -> Option<pgrx::composite_type!('static, "categorize.decision")> {
    many::image_detail(call, View::of(image, Some("")), taxonomy)
}

/// The decision on a text with an image.
///
/// # Errors
/// As `categorize`.
#[pg_extern(name = "categorize_detail", volatile, parallel_safe, cost = 1000)]
fn categorize_detail_with_image(
    input: Option<&str>,
    image: Option<&[u8]>,
    taxonomy: default!(Option<&str>, "NULL"),
    call: Call,
) -> Option<pgrx::composite_type!('static, "categorize.decision")> {
    many::image_detail(call, View::of(image, input), taxonomy)
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
