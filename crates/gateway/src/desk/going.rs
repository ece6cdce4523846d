//! Those who ask go: they hang up, lose patience, or are sent away.

use super::Desk;
use crate::ask::Asked;
use crate::flight::Stage;
use crate::lane::LaneKey;
use crate::mail::Mail;
use crate::store::Refusal;
use std::sync::Arc;

impl Desk {
    /// Somebody does not wait any longer: is told why, if `late`, and not at all if gone.
    pub(crate) fn leave(self: &Arc<Self>, ask: &Arc<Asked>, late: bool) {
        let (mut mail, mut starts) = (Mail::default(), Vec::new());
        {
            let mut guard = self.state.lock();
            let state = &mut *guard;
            ask.set_left();
            let mut lanes: Vec<LaneKey> = Vec::new();
            for id in ask.take_flights() {
                let Some(flight) = state.flights.get_mut(id) else { continue };
                let limited = |key: &LaneKey| {
                    state.lanes.get(key).is_some_and(|lane| lane.limited > 0 && lane.limited == lane.in_flight)
                };
                let reason = late.then(|| flight.why_late(limited));
                let gone: Vec<_> = flight.waiters.extract_if(.., |waiter| waiter.ask.id == ask.id).collect();
                for (waiter, reason) in gone.into_iter().zip(std::iter::repeat(&reason)) {
                    if let Some(reason) = reason {
                        let word = flight.last_word(&waiter, reason, false);
                        mail.add(waiter.ask, waiter.position, word);
                    }
                }
                if !flight.waiters.is_empty() {
                    continue;
                }
                match &flight.stage {
                    Stage::Waiting(key) => {
                        if !lanes.contains(key) {
                            lanes.push(key.clone());
                        }
                        state.flights.forget(id);
                    }
                    Stage::Packed(signal) => signal.wake(),
                    Stage::LookingUp | Stage::Sent | Stage::Landed(_) => {}
                }
            }
            let now = self.clock.now();
            for key in lanes {
                if let Some(lane) = state.lanes.get_mut(&key) {
                    lane.retain(|id| state.flights.get(id).is_some());
                }
                state.pump(&key, now, &mut starts);
            }
        }
        mail.post();
        self.launch(starts);
    }

    /// Everybody who waits is refused, or, where what is sent may be answered, everybody who waits for something else.
    pub(crate) fn refuse_all(&self, refusal: &Refusal, also_sent: bool) {
        let mut mail = Mail::default();
        {
            let mut guard = self.state.lock();
            let state = &mut *guard;
            for id in state.flights.ids() {
                let Some(flight) = state.flights.get_mut(id) else { continue };
                if matches!(flight.stage, Stage::Sent) && !also_sent {
                    continue;
                }
                for waiter in std::mem::take(&mut flight.waiters) {
                    let word = flight.last_word(&waiter, refusal, false);
                    mail.add(waiter.ask, waiter.position, word);
                }
                if matches!(flight.stage, Stage::Waiting(_)) {
                    state.flights.forget(id);
                }
            }
            state.lanes.values_mut().for_each(|lane| lane.retain(|id| state.flights.get(id).is_some()));
            state.lanes.retain(|_, lane| !lane.is_idle());
        }
        mail.post();
    }
}
