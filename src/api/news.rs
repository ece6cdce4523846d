//! Being told what has become of jobs.

use crate::pg::error::given;
use crate::pg::manage::completion::{self, Function};
use crate::pg::news;
use pgrx::prelude::*;

/// Has a function called with the ids of jobs when they have ended: of those that the current role has queued, as this role; its number in
/// `categorize.completions`. A function that is registered already keeps its number.
///
/// * `function`: one of one `bigint[]`. It is called in a transaction of its own and a security-restricted operation, with the search_path
///   `pg_catalog, pg_temp`, and again later where it fails.
///
/// # Errors
/// 42883 where there is none, 22023 where it takes something else, 42501 where the role may not call it, 25006 where nothing can be
/// written.
#[pg_extern(schema = "categorize")]
fn on_completion(function: Option<Function>) -> i64 {
    completion::register(given(function, "function"))
}

/// Has a function called no more that the current role has registered; whether it had. Calls that have not been made are dropped.
///
/// # Errors
/// 25006 where nothing can be written.
#[pg_extern(schema = "categorize")]
fn drop_completion(function: Option<Function>) -> bool {
    completion::unregister(given(function, "function"))
}

/// Has what was noted of jobs and batches told once the transaction is committed. Triggers call it.
#[pg_extern(schema = "categorize")]
fn news_are_due() {
    news::due();
}
