//! Trained models.

use crate::pg::error::given;
use crate::pg::manage::{model, training};
use pgrx::JsonB;
use pgrx::prelude::*;

/// Trains a model of the tenant from its corrections, learnt examples and paid answers, measures it on examples that
/// were held out, and makes it live where it is better than the one that is. One row, the report.
///
/// # Errors
/// 22023 unknown taxonomy, or nothing to learn from; 25006 on a standby; 40001 where another training ended that this
/// transaction cannot see; 57014 from cancel.
#[pg_extern(schema = "categorize")]
#[allow(clippy::type_complexity, reason = "the columns of a table")]
fn train(
    taxonomy: default!(Option<&str>, "NULL"),
) -> TableIterator<
    'static,
    (
        name!(version, i32),
        name!(active, bool),
        name!(examples, i32),
        name!(corrections, i32),
        name!(categories, i32),
        name!(held_out, i32),
        name!(accuracy, f32),
        name!(macro_f1, f32),
        name!(calibration_error, f32),
        name!(threshold, f32),
        name!(coverage, f32),
        name!(precision, Option<f32>),
        name!(worth, f32),
        name!(live_accuracy, Option<f32>),
        name!(live_worth, Option<f32>),
        name!(weak_categories, JsonB),
        name!(note, Option<String>),
    ),
> {
    let training::Outcome { version, active, corrections, report, weak, note } = training::train(taxonomy);
    let count = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
    TableIterator::once((
        version,
        active,
        count(report.examples),
        corrections,
        count(report.categories),
        count(report.held_out),
        report.accuracy,
        report.macro_f1,
        report.calibration_error,
        report.threshold,
        report.coverage,
        report.precision,
        report.worth,
        report.live.map(|live| live.accuracy),
        report.live.map(|live| live.worth),
        JsonB(weak),
        note,
    ))
}

/// Makes a version of the tenant's model live, from the next statement after commit on; 0 is lexical matching, untrained.
///
/// # Errors
/// 22023 unknown taxonomy or version.
#[pg_extern(schema = "categorize")]
fn activate_model(taxonomy: Option<&str>, version: Option<i32>) {
    model::activate(given(taxonomy, "taxonomy"), given(version, "version"));
}
