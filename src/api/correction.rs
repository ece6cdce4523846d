//! Corrections.

use crate::pg::error::given;
use crate::pg::manage::correction;
use pgrx::prelude::*;

/// Stores what a person says of an input; it counts from the next statement after commit.
///
/// # Errors
/// 22023 blank input, unknown category or taxonomy; 54000 input above 1 MB.
#[pg_extern(schema = "categorize")]
fn correct(input: Option<&str>, category: Option<&str>, taxonomy: default!(Option<&str>, "NULL")) {
    let input = given(input, "input");
    let category = given(category, "category");
    correction::correct(input, category, taxonomy);
}

/// Stores the corrections that a query of (input, category) returns, and says how many; the last of an input wins.
/// The query runs with the caller's rights and cannot write.
///
/// # Errors
/// As `correct`, and those of the query.
#[pg_extern(schema = "categorize")]
fn correct_many(query: Option<&str>, taxonomy: default!(Option<&str>, "NULL")) -> i64 {
    let query = given(query, "query");
    correction::correct_many(query, taxonomy)
}

/// Takes the correction of an input back; says whether there was one.
///
/// # Errors
/// 22023 unknown taxonomy.
#[pg_extern(schema = "categorize")]
fn drop_correction(input: Option<&str>, taxonomy: default!(Option<&str>, "NULL")) -> bool {
    let input = given(input, "input");
    correction::drop(input, taxonomy)
}
