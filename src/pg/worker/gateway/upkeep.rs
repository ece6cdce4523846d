//! What is to be done at the start, and every hour after it.

use super::batches;
use super::offers::Offers;
use crate::pg::worker::telling;
use crate::pg::{error, guard, guc, news, spi, world, write_back, xact};
use std::time::{Duration, Instant};

/// How often.
const EVERY: Duration = Duration::from_secs(3600);

/// How often it is looked for what is worth an alert, or is still to be told.
const LOOK: Duration = Duration::from_secs(60);

/// Days before a model's shut-down from which on it is told.
const NEAR: i32 = 60;

/// A strong model has decided by then, in microseconds, or will not: nobody waits for longer than an hour.
const DECIDED: i64 = 2 * 3_600_000_000;

/// When the next time is, and how long after it the one that follows.
pub struct Clock(Instant, Duration);

impl Clock {
    /// The first time is an hour from now.
    pub fn hourly() -> Self {
        Self(Instant::now() + EVERY, EVERY)
    }

    /// The first time is a minute from now.
    pub fn of_news() -> Self {
        Self(Instant::now() + LOOK, LOOK)
    }

    /// How long until then.
    pub fn rest(&self) -> Option<Duration> {
        Some(self.0.saturating_duration_since(Instant::now()))
    }

    /// Whether it is time; then the next is as much later.
    pub fn is_due(&mut self) -> bool {
        let due = Instant::now() >= self.0;
        if due {
            self.0 = Instant::now() + self.1;
        }
        due
    }
}

/// Raises the alerts about queue and batches that are due, and has told what a messenger has left that was killed, or that found no
/// process.
pub fn tell() {
    quietly("raise alerts", || spi::raise_alerts(&guc::alert_bounds()));
    quietly("have news told", || {
        if spi::untold(telling::PATIENCE).1 {
            news::due();
        }
    });
}

/// What the former gateway had under way is in doubt. Whether that could be said: somebody may hold the books. `began` is when
/// this gateway did.
pub fn take_over(began: i64) -> bool {
    // As long as this has not been done, it is counted as reserved: nothing is lost if it must wait.
    let doubted = quietly("take over from the former gateway", || {
        spi::lock_books();
        spi::doubt_open(began)
    });
    let kept = quietly("keep what cheap models said", || spi::confirm_unsure(&spi::unsure_before(began)));
    if let Some(count) = doubted.filter(|count| *count > 0) {
        error::log(
            &format!("{count} requests of a former gateway are in doubt"),
            Some("They may have been charged, and count at their worst case.".to_owned()),
            Some("categorize.settle_in_doubt() settles them; after a day they settle themselves."),
        );
    }
    doubted.is_some() && kept.is_some()
}

/// Settles what has been in doubt for a day, sums old rows up, and tells of models that are about to be shut down.
pub fn every_hour() {
    quietly("settle what is in doubt", spi::settle_expired);
    quietly("sum up the ledger", || spi::roll_up(guc::ledger_retention_days()));
    quietly("keep what cheap models said", || spi::confirm_unsure(&spi::unsure_before(guard::clock() - DECIDED)));
    quietly("forget batches that ended long ago", || batches::prune(guc::ledger_retention_days()));
    quietly("forget old observations", spi::forget_observations);
    quietly("look for rows whose answers are there", || {
        if spi::any_targets() {
            write_back::look_again();
        }
    });
    quietly("look for models that are shut down", warn_of_shut_downs);
}

fn warn_of_shut_downs() {
    for (provider, model, days) in Offers::load().shut_downs() {
        if days <= NEAR {
            let when = match days {
                ..0 => "was shut down".to_owned(),
                0 => "is shut down today".to_owned(),
                1 => "is shut down tomorrow".to_owned(),
                _ => format!("is shut down in {days} days"),
            };
            spi::insert_daily_alert("model_shut_down", &provider, &model, &format!("Model {model} {when}."));
        }
    }
}

/// What fails is tried again in an hour.
fn quietly<T>(what: &str, work: impl FnOnce() -> T) -> Option<T> {
    let done = xact::attempt(|| world::as_owner(work));
    done.inspect_err(|failed| {
        error::log(&format!("gateway could not {what}"), Some(format!("The error was: {}.", failed.message)), None);
    })
    .ok()
}
