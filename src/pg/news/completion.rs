//! Calls of the functions that roles have registered, as these roles.

use crate::pg::owner::RoleScope;
use crate::pg::spi::{self, CompletionCall};
use crate::pg::xact::{self, Failed};
use crate::pg::{error, guard, guc, world};
use std::panic::AssertUnwindSafe;

/// Times that a call is tried: with the pauses between them, about half a day.
const MOST_ATTEMPTS: i32 = 20;

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Called {
    /// The function returned.
    Done,
    /// It failed, or cannot be called any more.
    Failed,
}

/// The next call that is due. It counts as tried once the transaction is committed, so that one that takes the server down is not made
/// again and again.
pub fn next() -> Option<CompletionCall> {
    world::as_owner(spi::begin_completion_call)
}

/// Makes a call, in a transaction of its own, of a process in which nothing else runs. What the function does is committed with the note
/// that it was called.
pub fn call(call: &CompletionCall) -> Called {
    let statement = match world::as_owner(|| spi::completion_statement(call.function, call.role)) {
        Ok((_, statement)) => statement,
        Err(problem) => {
            world::as_owner(|| spi::end_completion(call.completion, &problem.reason));
            return Called::Failed;
        }
    };
    // A deferred trigger would run at the commit, as the superuser that this process is.
    world::as_owner(spi::fire_deferred_at_once);
    match attempt(call, &statement) {
        Ok(()) => {
            world::as_owner(|| spi::complete_call(call));
            Called::Done
        }
        Err(failed) => {
            let is_last = call.attempts >= MOST_ATTEMPTS;
            world::as_owner(|| spi::fail_completion_call(call, &error::sqlstate(failed.code), is_last));
            Called::Failed
        }
    }
}

fn attempt(call: &CompletionCall, statement: &str) -> Result<(), Failed> {
    let work = AssertUnwindSafe(|| {
        let _role = RoleScope::enter(call.role, &call.tenant);
        let _alarm = guard::Alarm::set(guc::completion_timeout());
        spi::call_completion(statement, &call.jobs);
    });
    xact::trial(|| { work }())
}
