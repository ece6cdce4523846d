//! What a writer does: it writes answers of the queue to the rows that wait for them, a portion a transaction, until none is due.

use super::errand::{contained, is_here};
use super::{report, settle};
use crate::pg::write_back::{self, Portion};
use crate::pg::{error, guc, spi, wait, world};
use std::time::{Duration, Instant};

/// How long a writer goes on; who makes more due starts another.
const LONGEST: Duration = Duration::from_secs(600);

/// How long it waits for a row that is to be tried again. Longer than that it is not worth a process: it is tried within the hour,
/// or with the next rows.
const PATIENCE: f64 = 30.0;

/// The least time between two looks.
const GLANCE: f64 = 0.02;

/// Writes what is due.
pub fn run() {
    // What triggers of users call here must not spend.
    guc::force_cached(true);
    // A crash that takes back what was written takes back that it is: it is written again.
    settle(c"synchronous_commit", c"off");
    let end = Instant::now() + LONGEST;
    report("looking for rows whose answers are there");
    if look(|| world::as_owner(spi::mark_all_due)).is_none() {
        return;
    }
    let mut after = None;
    while Instant::now() < end {
        report("writing answers to rows");
        match look(|| write_back::apply(&mut after)) {
            Some(Portion::Done) => continue,
            // What was made due before and committed after it was passed is found from the start.
            Some(Portion::None) if after.take().is_some() => continue,
            Some(Portion::None) => {}
            None => return,
        }
        match look(|| world::as_owner(spi::next_due)) {
            Some(Some(rest)) if rest <= PATIENCE => {
                report("waiting to try rows again");
                wait::nap(Duration::from_secs_f64(rest.max(GLANCE)));
            }
            _ => return,
        }
    }
}

/// Runs `work` in a transaction, where the extension is still here; `None` where it is not, or where it failed.
fn look<T>(work: impl FnOnce() -> T) -> Option<T> {
    let done = contained(|| is_here().then(work));
    done.inspect_err(|message| {
        let detail = Some(format!("The error was: {message}."));
        error::log("could not write answers to rows", detail, Some("It is tried again within the hour."));
    })
    .ok()
    .flatten()
}
