//! What is next.

use super::event::{Candidate, Effect, End, Event, Trouble};
use super::moment::Moment;
use super::pace::Pace;
use super::record::{Batch, Matching, State};
use std::time::Duration;

/// How long a batch may be at the provider, which ends each after 24 hours, whether we know of it or not, with an hour for
/// clocks that differ. What is not in a list that was read after that never was.
pub const SUSPECT_FOR: Duration = Duration::from_secs(25 * 3600);

/// How often results are read that have fewer lines than the provider says, before the missing ones are given up.
const READINGS: u32 = 3;

/// How often a file is sent, or a create that certainly did not happen, before the requests go back to the queue.
const SENDS: u32 = 8;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The record that must be durable before the effect.
    pub record: Batch,
    /// The effect.
    pub effect: Effect,
}

/// What follows from what was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// The record, to be made durable together with the rest.
    pub record: Batch,
    /// What becomes of the requests that have no result yet.
    pub rest: Rest,
}

/// What becomes of the requests of a batch that have no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// They wait.
    Waits,
    /// Nothing of them was run. Their money is released, and they may be sent again; where `blamed`, that counts as an
    /// attempt.
    NotRun {
        /// Whether they, and not the circumstances, are why.
        blamed: bool,
    },
    /// They may have been run: their money is in doubt. They may be sent again, which counts as an attempt.
    Missing,
    /// Somebody cancelled them; nothing of them was run.
    Dropped,
}

/// Whether a create may be sent beside these batches to the same provider: one at a time is without an answer.
pub fn may_create<'a>(others: impl IntoIterator<Item = &'a Batch>) -> bool {
    !others.into_iter().any(Batch::is_unanswered)
}

impl Batch {
    /// What is to be done now. `alone` says that [`may_create`] holds for the other batches of its provider.
    pub fn due(&self, now: Moment, alone: bool) -> Option<Due> {
        if self.state.is_final() || now < self.next_at {
            return None;
        }
        let mut record = self.clone();
        let remote = self.remote.clone();
        let effect = match (self.state, remote) {
            (State::Building, _) if self.by_file => Effect::Upload,
            (State::Building | State::Uploaded, _) => {
                if !alone {
                    return None;
                }
                record.state = State::Submitted;
                record.submitted_at = Some(now);
                Effect::Create
            }
            (State::Submitted, None) => {
                // Whoever asks this did not hear what became of the create.
                record.suspect = true;
                match &self.inspect {
                    Some(remote) => Effect::Inspect { remote: remote.clone() },
                    None => Effect::Find { since: self.submitted_at.unwrap_or(now) },
                }
            }
            (State::Submitted | State::InProgress, Some(remote)) if self.cancel_wanted && !self.cancel_told => {
                Effect::Cancel { remote }
            }
            (State::Submitted | State::InProgress, Some(remote)) => Effect::Poll { remote },
            (State::Ingesting, Some(remote)) => Effect::Fetch { remote },
            // No record of ours: there is nothing that could be done.
            (State::InProgress | State::Ingesting, None) => return None,
            (State::Done | State::Failed | State::Expired | State::Cancelled, _) => return None,
        };
        Some(Due { record, effect })
    }

    /// What follows from an event. One that does not fit the state changes nothing.
    pub fn heard(&self, event: Event, now: Moment, pace: &Pace) -> Heard {
        let mut record = self.clone();
        let rest = record.take(event, now, pace);
        Heard { record, rest }
    }

    fn take(&mut self, event: Event, now: Moment, pace: &Pace) -> Rest {
        match (self.state, event) {
            (state, Event::CancelWanted) if !state.is_final() => self.cancel(now),
            (State::Building, Event::Uploaded(file)) => {
                self.file = Some(file);
                self.further(State::Uploaded, now)
            }
            (State::Building, Event::NotDone(trouble) | Event::Failed(trouble)) => self.not_sent(trouble, now, pace),
            (State::Submitted, Event::Created(remote) | Event::Found(remote)) if self.remote.is_none() => {
                self.adopt(remote, now)
            }
            (State::Submitted, Event::NotDone(trouble)) if self.remote.is_none() => {
                self.submitted_at = None;
                self.suspect = false;
                self.state = if self.by_file { State::Uploaded } else { State::Building };
                if self.cancel_wanted {
                    return self.end(State::Cancelled, Rest::Dropped);
                }
                self.not_sent(trouble, now, pace)
            }
            (State::Submitted, Event::Unanswered) if self.remote.is_none() => {
                self.suspect = true;
                self.tries = 0;
                self.next_at = now.after(pace.wait(0));
                Rest::Waits
            }
            (State::Submitted, Event::Listed(candidates)) if self.remote.is_none() => {
                self.listed(&candidates, now, pace)
            }
            (State::Submitted, Event::Inspected { remote, ours: true }) if self.remote.is_none() => {
                self.adopt(remote, now)
            }
            (State::Submitted, Event::Inspected { remote, ours: false }) if self.remote.is_none() => {
                self.inspect = None;
                if !self.not_ours.contains(&remote) {
                    self.not_ours.push(remote);
                }
                self.next_at = now;
                Rest::Waits
            }
            (State::Submitted | State::InProgress, Event::Running) if self.remote.is_some() => {
                if self.state == State::Submitted {
                    self.state = State::InProgress;
                    self.tries = 0;
                }
                self.later(None, now, pace)
            }
            (State::Submitted | State::InProgress, Event::Ended { how, lines }) if self.remote.is_some() => {
                self.ended(how, lines, now)
            }
            (State::Submitted | State::InProgress | State::Ingesting, Event::Gone) if self.remote.is_some() => {
                self.end(State::Failed, Rest::Missing)
            }
            (State::Submitted | State::InProgress, Event::CancelTold) if self.remote.is_some() => {
                self.cancel_told = true;
                self.further(self.state, now)
            }
            (State::Ingesting, Event::Fetched(lines)) => self.fetched(lines, now, pace),
            (_, Event::Failed(trouble)) if !self.state.is_final() => {
                let asked = if let Trouble::Passing(asked) = trouble { asked } else { None };
                self.later(asked, now, pace)
            }
            _ => Rest::Waits,
        }
    }

    fn cancel(&mut self, now: Moment) -> Rest {
        self.cancel_wanted = true;
        match self.state {
            State::Building | State::Uploaded => self.end(State::Cancelled, Rest::Dropped),
            // A suspect has to be found first; what has ended is stored as it is.
            _ => {
                if self.remote.is_some() {
                    self.next_at = now;
                }
                Rest::Waits
            }
        }
    }

    /// The provider's id is known.
    fn adopt(&mut self, remote: String, now: Moment) -> Rest {
        self.remote = Some(remote);
        self.suspect = false;
        self.inspect = None;
        self.further(State::Submitted, now)
    }

    /// A file or a create did certainly not get there.
    fn not_sent(&mut self, trouble: Trouble, now: Moment, pace: &Pace) -> Rest {
        match trouble {
            Trouble::Passing(asked) if self.tries + 1 < SENDS => self.later(asked, now, pace),
            Trouble::Passing(_) | Trouble::Stopped => self.end(State::Failed, Rest::NotRun { blamed: false }),
            Trouble::Lasting => self.end(State::Failed, Rest::NotRun { blamed: true }),
        }
    }

    /// The list has none with our label.
    fn listed(&mut self, candidates: &[Candidate], now: Moment, pace: &Pace) -> Rest {
        let open = |candidate: &&Candidate| !self.not_ours.contains(&candidate.remote);
        let open: Vec<_> = match self.matching {
            Matching::Label => Vec::new(),
            Matching::Contents => candidates.iter().filter(open).collect(),
        };
        if let Some(candidate) = open.iter().find(|candidate| candidate.ended) {
            self.inspect = Some(candidate.remote.clone());
            self.next_at = now;
            return Rest::Waits;
        }
        let since = self.submitted_at.unwrap_or(now);
        if open.is_empty() && now >= since.after(SUSPECT_FOR) {
            let dropped = if self.cancel_wanted { Rest::Dropped } else { Rest::NotRun { blamed: false } };
            return self.end(State::Failed, dropped);
        }
        self.later(None, now, pace)
    }

    fn ended(&mut self, how: End, lines: Option<u32>, now: Moment) -> Rest {
        match how {
            End::Refused => self.end(State::Failed, Rest::NotRun { blamed: true }),
            End::NoRoom => self.end(State::Failed, Rest::NotRun { blamed: false }),
            End::Completed | End::Expired | End::Cancelled => {
                self.ended = Some((how, lines));
                self.further(State::Ingesting, now)
            }
        }
    }

    fn fetched(&mut self, lines: u32, now: Moment, pace: &Pace) -> Rest {
        let (how, told) = self.ended.unwrap_or((End::Completed, None));
        let too_few = told.is_some_and(|told| lines < told.min(self.requests));
        self.short_readings += u32::from(too_few);
        if too_few && self.short_readings < READINGS {
            return self.later(None, now, pace);
        }
        match how {
            End::Expired => self.end(State::Expired, Rest::Missing),
            End::Cancelled => self.end(State::Cancelled, Rest::Missing),
            _ => self.end(State::Done, Rest::Missing),
        }
    }

    fn further(&mut self, state: State, now: Moment) -> Rest {
        self.state = state;
        self.tries = 0;
        self.next_at = now;
        Rest::Waits
    }

    fn later(&mut self, asked: Option<Duration>, now: Moment, pace: &Pace) -> Rest {
        self.next_at = now.after(pace.wait_as_asked(self.tries, asked));
        self.tries = self.tries.saturating_add(1);
        Rest::Waits
    }

    fn end(&mut self, state: State, rest: Rest) -> Rest {
        self.state = state;
        self.suspect = false;
        self.inspect = None;
        rest
    }
}
