//! When what waits is sent.

use super::daily::{Daily, Zone};
use super::moment::Moment;
use super::shard::Limits;
use std::time::Duration;

/// When batches are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// The time of each day at which what waits is sent; `None` for none.
    pub daily: Option<Daily>,
    /// Inputs that must wait for a batch to be worth it at that time.
    pub minimum: u64,
    /// No input waits longer than this, however few there are; `None` lets them wait.
    pub maximum_wait: Option<Duration>,
    /// Whether a batch is sent as soon as it is full: nothing is gained by waiting then.
    pub when_full: Option<Limits>,
}

/// What waits for one provider.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Queue {
    /// Inputs.
    pub inputs: u64,
    /// Requests that they make, about.
    pub requests: u64,
    /// Bytes of these, about.
    pub bytes: u64,
    /// Since when the first of them waits.
    pub oldest: Option<Moment>,
    /// When the last daily run was; when the schedule was made, where there was none. Kept by the store.
    pub last_daily: Moment,
}

/// Why something is sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It is the time of day, or was while nobody was there to see it: once, however often that was.
    Daily,
    /// Something has waited for as long as anything may.
    Waited,
    /// A batch is full.
    Full,
}

impl Schedule {
    /// Whether what waits is sent now.
    pub fn due(&self, now: Moment, queue: &Queue, zone: &impl Zone) -> Option<Why> {
        let oldest = queue.oldest.filter(|_| queue.inputs > 0)?;
        let full = |limits: Limits| queue.requests >= u64::from(limits.requests) || queue.bytes >= limits.bytes;
        if self.maximum_wait.is_some_and(|wait| now >= oldest.after(wait)) {
            return Some(Why::Waited);
        }
        if self.when_full.is_some_and(full) {
            return Some(Why::Full);
        }
        (queue.inputs >= self.minimum && self.is_time(now, queue, zone)).then_some(Why::Daily)
    }

    /// Whether the time of day has come since the last run, so that the run, if only of nothing, is over with this.
    pub fn is_time(&self, now: Moment, queue: &Queue, zone: &impl Zone) -> bool {
        self.daily.is_some_and(|daily| daily.latest(now, zone) > queue.last_daily)
    }

    /// When to look again at the latest, if nothing comes in until then; `None` for never. Not before `now`.
    pub fn next(&self, now: Moment, queue: &Queue, zone: &impl Zone) -> Option<Moment> {
        if self.due(now, queue, zone).is_some() || self.is_time(now, queue, zone) {
            return Some(now);
        }
        let waited = queue.oldest.filter(|_| queue.inputs > 0).zip(self.maximum_wait);
        let waited = waited.map(|(oldest, wait)| oldest.after(wait));
        let daily = self.daily.map(|daily| daily.next(now, zone));
        [waited, daily].into_iter().flatten().min().map(|moment| moment.max(now))
    }
}
