//! Work that waits for half the price.

use crate::pg::error::given;
use crate::pg::manage::queue;
use pgrx::prelude::*;

/// Queues texts to be categorized in batches, and returns how many of them nobody had queued before. What the free tiers answer,
/// what is blank and what is NULL is left out. Part of the caller's transaction.
///
/// * `priority`: 1 to 10; 10 goes first.
///
/// # Errors
/// 22023 for an unknown taxonomy or one whose texts stay in the database, and for a priority that is none; 25006 where nothing
/// can be written.
#[pg_extern(schema = "categorize")]
fn enqueue(
    inputs: Option<Vec<Option<String>>>,
    taxonomy: default!(Option<&str>, "NULL"),
    priority: default!(Option<i32>, "5"),
) -> i64 {
    queue::enqueue(&given(inputs, "inputs"), taxonomy, given(priority, "priority"))
}

/// Has what waits submitted as soon as this transaction is committed, whatever the schedule says; how many inputs wait.
#[pg_extern(schema = "categorize")]
fn submit_batches() -> i64 {
    queue::submit()
}

/// Has the providers asked how far the open batches are, as soon as this transaction is committed; how many there are.
#[pg_extern(schema = "categorize")]
fn poll_batches() -> i64 {
    queue::poll()
}

/// Has a batch cancelled as soon as this transaction is committed; whether it had not ended. What the provider has done by then is
/// paid, and stored.
///
/// # Errors
/// 22023 where there is none of this id.
#[pg_extern(schema = "categorize")]
fn cancel_batch(id: Option<i64>) -> bool {
    queue::cancel(given(id, "id"))
}
