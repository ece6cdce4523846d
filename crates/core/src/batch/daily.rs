//! A time of each day in a time zone.

use super::moment::Moment;
use std::time::Duration;

const DAY: i64 = 86_400;

/// How far local time is from universal time. The zones are those of the server, which administrators keep up to date.
pub trait Zone {
    /// Seconds by which clocks there are ahead of universal time at a moment.
    fn offset(&self, at: Moment) -> i64;
}

/// Zones whose clocks never change.
impl Zone for i64 {
    fn offset(&self, _: Moment) -> i64 {
        *self
    }
}

/// A time of each day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Daily {
    /// Seconds after midnight on the clock of the zone.
    pub seconds: u32,
}

impl Daily {
    /// The latest moment up to `now` at which a clock there showed the time for the first time on its day. Where clocks are
    /// set forward over it, that is the moment at which they are; where they are set back, the earlier of both.
    pub fn latest(&self, now: Moment, zone: &impl Zone) -> Moment {
        let today = day(now, zone);
        let moments = (today - 2..=today + 1).map(|day| self.on(day, zone));
        moments.filter(|moment| *moment <= now).max().unwrap_or_else(|| now.before(Duration::from_secs(2 * 86_400)))
    }

    /// The first such moment after `now`.
    pub fn next(&self, now: Moment, zone: &impl Zone) -> Moment {
        let today = day(now, zone);
        let moments = (today - 1..=today + 2).map(|day| self.on(day, zone));
        moments.filter(|moment| *moment > now).min().unwrap_or_else(|| now.after(Duration::from_secs(2 * 86_400)))
    }

    /// The first moment at which clocks show at least this time on this day, counted from 1970-01-01.
    fn on(&self, day: i64, zone: &impl Zone) -> Moment {
        let local = day * DAY + i64::from(self.seconds) % DAY;
        // Zones change their clocks months apart: there is one change at most within a day before and after.
        let near = local - zone.offset(Moment(local));
        let (before, after) = (zone.offset(Moment(near - DAY)), zone.offset(Moment(near + DAY)));
        if before == after {
            return Moment(local - before);
        }
        let change = change(near - DAY, near + DAY, before, zone);
        match local - before {
            early if early < change => Moment(early),
            _ => Moment(change.max(local - after)),
        }
    }
}

/// When clocks that are `before` ahead at `low` are no more so: after that, and not after `high`.
fn change(mut low: i64, mut high: i64, before: i64, zone: &impl Zone) -> i64 {
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if zone.offset(Moment(middle)) == before { low = middle } else { high = middle }
    }
    high
}

/// The day that it is there.
fn day(now: Moment, zone: &impl Zone) -> i64 {
    (now.0 + zone.offset(now)).div_euclid(DAY)
}
