//! Keeps the records of batches, with what becomes of the requests that have no result.

use super::reading::jobs;
use super::{Batches, Desk};
use crate::pg::spi::{self, Former, JobEnd};
use crate::pg::worker::gateway::closing::{self, Booking};
use pg_categorize_core::batch::{After, Batch, LineEnd, Rest, after};
use pg_categorize_core::cascade::Reason;
use pg_categorize_gateway::batches::Ended;
use pg_categorize_gateway::store::AttemptOutcome;

impl Batches {
    /// Keeps a record; `false` where somebody else has changed it.
    pub fn keep(&mut self, before: &Batch, after: &Batch, rest: Rest, desk: &mut Desk<'_>) -> bool {
        if !spi::replace_record(before, after) {
            return false;
        }
        match rest {
            Rest::Waits => {}
            Rest::NotRun { blamed } => settle(after.id, AttemptOutcome::Released, LineEnd::NotRun, blamed, desk),
            Rest::Missing => settle(after.id, AttemptOutcome::InDoubt, LineEnd::Missing, true, desk),
            Rest::Dropped => drop_rest(after.id, desk),
        }
        true
    }

    /// What became of inputs that were asked about live.
    pub fn asked(&mut self, ended: &[Ended]) {
        let end = |ended: &Ended| JobEnd {
            job: ended.job,
            state: if ended.reason.is_none() { "done" } else { "failed" },
            attempts: 0,
            reason: ended.reason.map(Reason::as_str),
        };
        spi::move_jobs(&ended.iter().map(end).collect::<Vec<_>>(), Former::Queue);
    }
}

/// Settles the requests without a result, a portion at a time; their jobs go on.
fn settle(batch: i64, outcome: AttemptOutcome, end: LineEnd, blamed: bool, desk: &mut Desk<'_>) {
    each_portion(batch, outcome, desk, |attempts, live| {
        let attempts_now = attempts + i16::from(blamed);
        let next = if blamed { after(end, attempts_now.unsigned_abs().into(), live) } else { After::Again };
        (state_after(next), attempts_now, reason_after(next, end))
    });
}

fn drop_rest(batch: i64, desk: &mut Desk<'_>) {
    each_portion(batch, AttemptOutcome::Released, desk, |attempts, _| ("cancelled", attempts, None));
}

fn each_portion(
    batch: i64,
    outcome: AttemptOutcome,
    desk: &mut Desk<'_>,
    goes_on: impl Fn(i16, bool) -> (&'static str, i16, Option<&'static str>),
) {
    loop {
        let items = spi::hold_items(batch);
        if items.is_empty() {
            return;
        }
        let bookings: Vec<Booking<'_>> =
            items.iter().map(|item| Booking { attempt: item.attempt, outcome, shares: &[] }).collect();
        closing::book(&bookings, desk.books);
        let jobs = jobs(&items);
        let mut end = |job: &spi::BatchedJob| {
            // What a user has written for batches is asked in none but these.
            let live = !job.is_request && desk.asks_live(&job.target);
            let (state, attempts, reason) = goes_on(job.attempts, live);
            JobEnd { job: job.id, state, attempts, reason }
        };
        let ends: Vec<JobEnd<'_>> = jobs.values().map(&mut end).collect();
        let failed = ends.iter().filter(|end| end.state != "waiting").count();
        let requests = jobs.values().any(|job| job.is_request);
        spi::move_jobs(&ends, Former::Batch { id: batch, requests });
        spi::count_results(batch, (0, i32::try_from(failed).unwrap_or(i32::MAX)), (0, 0));
        spi::close_items(batch, &items.iter().map(|item| item.ordinal).collect::<Vec<_>>());
    }
}

/// The state of a job that goes on in this way.
pub(super) fn state_after(after: After) -> &'static str {
    match after {
        After::Done => "done",
        After::Again => "waiting",
        After::Live => "live",
        After::GiveUp => "failed",
    }
}

/// Why a job that ended so has no answer.
pub(super) fn reason_after(after: After, end: LineEnd) -> Option<&'static str> {
    let reason = match end {
        LineEnd::Answered | LineEnd::Unanswered => Reason::InvalidAnswer,
        LineEnd::Refused | LineEnd::NotRun | LineEnd::Missing => Reason::ProviderError,
    };
    (after == After::GiveUp).then(|| reason.as_str())
}
