//! Work that waits for half the price.

use crate::pg::error::given;
use crate::pg::manage::{queue, request};
use pgrx::JsonB;
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

/// Queues a request to a provider, as a live call would send it, and returns its number: any work that its batches take. The answer is in
/// `categorize.job_result`, for the role that queued it. Part of the caller's transaction.
///
/// * `job_type`: what the caller calls this kind of work: small letters, digits and `_`.
/// * `provider`: its name.
/// * `body`: that of the request. It limits what may be written, and has nothing but text for the model to read; where it names no
///   model, that of the provider is asked.
/// * `priority`: 1 to 10; 10 goes first.
///
/// # Errors
/// 22023 for a provider without batches, a body of which nobody knows what it may cost, and a model without a price for batches; 25006
/// where nothing can be written.
#[pg_extern(schema = "categorize")]
fn enqueue_request(
    job_type: Option<&str>,
    provider: Option<&str>,
    body: Option<JsonB>,
    priority: default!(Option<i32>, "5"),
) -> i64 {
    let (job_type, provider) = (given(job_type, "job_type"), given(provider, "provider"));
    request::enqueue(job_type, provider, &given(body, "body").0, given(priority, "priority"))
}
