//! What a messenger does: it tells what has become of jobs and batches, raises alerts, and calls the functions that roles have
//! registered, until there is nothing new for a second.

use super::errand::{contained, is_here};
use super::report;
use crate::pg::news::{self, Called};
use crate::pg::{error, guc, spi, wait, world};
use std::time::{Duration, Instant};

/// How long a messenger goes on; who has news starts another.
const LONGEST: Duration = Duration::from_secs(600);

/// News of one transaction.
const PORTION: i32 = 1000;

/// How long it waits for more before it ends: results of a batch come in portions.
const PAUSE: Duration = Duration::from_secs(1);

/// How long it waits for a call that is to be made again. Longer than that it is not worth a process: it is made with the next news,
/// or when the gateway looks.
pub const PATIENCE: f64 = 30.0;

/// Tells what there is.
pub fn run() {
    // What functions of users call here must not spend.
    guc::force_cached(true);
    let end = Instant::now() + LONGEST;
    let mut is_last_look = false;
    while Instant::now() < end {
        report("telling what has become of jobs and batches");
        let Some(told) = look(tell) else { return };
        let called = call();
        if told > 0 || called > 0 {
            is_last_look = false;
            continue;
        }
        let rest = look(|| world::as_owner(spi::next_completion_call)).flatten().filter(|rest| *rest <= PATIENCE);
        report("waiting for news");
        match rest {
            Some(rest) => wait::nap(Duration::from_secs_f64(rest.max(0.1)).max(PAUSE)),
            None if is_last_look => return,
            None => {
                is_last_look = true;
                wait::nap(PAUSE);
            }
        }
    }
}

fn tell() -> i32 {
    world::as_owner(|| {
        spi::raise_alerts(&guc::alert_bounds());
        spi::tell_news(PORTION)
    })
}

/// Makes the calls that are due; how many.
fn call() -> usize {
    let mut calls = 0;
    while let Some(Some(due)) = look(news::next) {
        report("calling a function because jobs have ended");
        // Whatever fails here, the call counts as tried.
        match look(|| news::call(&due)) {
            Some(Called::Done | Called::Failed) => calls += 1,
            None => break,
        }
    }
    calls
}

/// Runs `work` in a transaction, where the extension is still here; `None` where it is not, or where it failed.
fn look<T>(work: impl FnOnce() -> T) -> Option<T> {
    let done = contained(|| is_here().then(work));
    done.inspect_err(|message| {
        let detail = Some(format!("The error was: {message}."));
        error::log(
            "could not tell what has become of jobs and batches",
            detail,
            Some("It is tried again with the next news."),
        );
    })
    .ok()
    .flatten()
}
