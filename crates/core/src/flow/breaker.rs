//! A circuit breaker (Nygard, "Release It!", 2nd ed., "Circuit Breaker"): whoever fails again and again is left alone for
//! a while, and then tried with a single request.
//!
//! It counts over a window of the last [`WINDOW`] verdicts, as resilience4j's count-based window does, and opens at
//! [`FEWEST`] failures that are four fifths of what the window holds. A provider that never answered is out after five
//! failures, one that answered before after eight of ten; one that fails now and then is none of a breaker's business.

use std::time::Duration;

/// Verdicts that are remembered.
pub const WINDOW: u32 = 10;

/// Failures below which it never opens.
pub const FEWEST: u32 = 5;

/// How long it stays open.
pub const REST: Duration = Duration::from_secs(300);

/// Whether requests pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// They do.
    Closed,
    /// They do not.
    Open,
    /// One does, and decides about the others.
    HalfOpen,
}

impl State {
    /// Its name in SQL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

/// Leave for one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// It may go.
    Free,
    /// It may go, and is the only one: its verdict, or that there is none, must be told.
    Probe,
    /// It may not.
    No,
}

/// The breaker of one provider and model.
#[derive(Debug, Clone, Default)]
pub struct Breaker {
    /// The last verdicts, the newest in the lowest bit; a failure is 1.
    verdicts: u32,
    seen: u32,
    open_until: Option<Duration>,
    probing: bool,
    stopped: bool,
}

impl Breaker {
    /// Whether requests pass at `now`.
    pub fn state(&self, now: Duration) -> State {
        match self.open_until {
            None => State::Closed,
            Some(until) if now < until => State::Open,
            Some(_) => State::HalfOpen,
        }
    }

    /// Whether the provider itself refuses to work: a spent quota, a key that is not valid.
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// What a request that asks now would be told; nothing changes.
    pub fn would_pass(&self, now: Duration) -> Pass {
        match self.state(now) {
            State::Closed => Pass::Free,
            State::HalfOpen if !self.probing => Pass::Probe,
            State::HalfOpen | State::Open => Pass::No,
        }
    }

    /// Asks for leave.
    pub fn pass(&mut self, now: Duration) -> Pass {
        let pass = self.would_pass(now);
        self.probing |= pass == Pass::Probe;
        pass
    }

    /// A request was answered.
    pub fn succeeded(&mut self, probe: bool) {
        if probe {
            *self = Self::default();
        }
        self.count(false);
    }

    /// A request failed; `true` where that opened the breaker.
    pub fn failed(&mut self, now: Duration, probe: bool) -> bool {
        self.count(true);
        let failures = self.verdicts.count_ones();
        let opens = probe || self.open_until.is_none() && failures >= FEWEST && failures * 5 >= self.seen * 4;
        if opens {
            self.open(now);
        }
        opens
    }

    /// The probe ended without a verdict: it was never sent, or it met flow control.
    pub fn abandoned(&mut self) {
        self.probing = false;
    }

    /// Opens it, whatever was counted.
    pub fn open(&mut self, now: Duration) {
        self.open_until = Some(now.saturating_add(REST));
        self.probing = false;
    }

    /// The provider itself refuses to work; `true` where that is news.
    pub fn stop(&mut self, now: Duration) -> bool {
        self.open(now);
        !std::mem::replace(&mut self.stopped, true)
    }

    /// Somebody changed something: a stop no longer counts.
    pub fn forgive(&mut self) {
        if self.stopped {
            *self = Self::default();
        }
    }

    fn count(&mut self, failure: bool) {
        self.verdicts = (self.verdicts << 1 | u32::from(failure)) & ((1 << WINDOW) - 1);
        self.seen = (self.seen + 1).min(WINDOW);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1000);

    fn after(verdicts: &str) -> Breaker {
        let mut breaker = Breaker::default();
        for verdict in verdicts.chars() {
            match verdict {
                'f' => _ = breaker.failed(NOW, false),
                _ => breaker.succeeded(false),
            }
        }
        breaker
    }

    #[test]
    fn it_opens_when_nearly_all_of_the_last_requests_failed() {
        for closed in ["", "ffff", "ssssssssssfffffff", "fsfsfsfsfsfsfsfsfsfsfs", "ffsffsffsffsffsffsffs"] {
            assert_eq!(after(closed).state(NOW), State::Closed, "{closed}");
        }
        for open in ["fffff", "sfffff", "ssssssssssffffffff"] {
            assert_eq!(after(open).state(NOW), State::Open, "{open}");
        }
    }

    #[test]
    fn after_its_rest_one_probe_decides() {
        let mut breaker = after("fffff");
        assert_eq!(breaker.pass(NOW + REST - Duration::from_nanos(1)), Pass::No);
        let then = NOW + REST;
        assert_eq!(breaker.state(then), State::HalfOpen);
        assert_eq!((breaker.pass(then), breaker.pass(then)), (Pass::Probe, Pass::No));
        breaker.abandoned();
        assert_eq!(breaker.pass(then), Pass::Probe);
        assert!(breaker.failed(then, true));
        assert_eq!(breaker.pass(then + REST - Duration::from_nanos(1)), Pass::No);
        assert_eq!(breaker.pass(then + REST), Pass::Probe);
        breaker.succeeded(true);
        assert_eq!(breaker.pass(then + REST), Pass::Free);
        assert!(!breaker.failed(then + REST, false), "what was before the rest no longer counts");
    }

    #[test]
    fn a_late_verdict_neither_closes_nor_prolongs_it() {
        let mut breaker = after("fffff");
        breaker.succeeded(false);
        assert!(!breaker.failed(NOW + REST / 2, false));
        assert_eq!(breaker.state(NOW + REST - Duration::from_nanos(1)), State::Open);
        assert_eq!(breaker.state(NOW + REST), State::HalfOpen);
    }

    #[test]
    fn a_stop_lasts_until_something_changes_or_a_probe_is_answered() {
        let mut breaker = Breaker::default();
        assert!(breaker.stop(NOW) && !breaker.stop(NOW));
        assert!(breaker.is_stopped());
        breaker.forgive();
        assert_eq!(breaker.pass(NOW), Pass::Free);
        breaker.stop(NOW);
        assert_eq!(breaker.pass(NOW + REST), Pass::Probe);
        breaker.succeeded(true);
        assert!(!breaker.is_stopped());
        // What only failed is not forgiven.
        let mut failing = after("fffff");
        failing.forgive();
        assert_eq!(failing.pass(NOW), Pass::No);
    }
}
