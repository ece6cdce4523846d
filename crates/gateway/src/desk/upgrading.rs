//! Inputs change the models that they are for: up where the cheap ones are not sure, and down where no strong one can be asked.

use super::Desk;
use crate::flight::FlightId;
use crate::lane::LaneKey;
use crate::mail::Mail;
use crate::piece::Piece;
use crate::plan::{Grade, Plan};
use crate::store::Refusal;
use std::sync::Arc;

impl Desk {
    /// What the cheap model said of these is booked, and not sure enough: the strong one decides.
    pub(crate) fn upgrade(self: &Arc<Self>, plan: &Arc<Plan>, ids: &[FlightId]) {
        let (now, mut starts, mut keys) = (self.clock.now(), Vec::new(), Vec::new());
        {
            let mut guard = self.state.lock();
            let state = &mut *guard;
            for id in ids {
                let Some(flight) = state.flights.get_mut(*id) else { continue };
                if flight.waiters.is_empty() {
                    state.flights.forget(*id);
                    continue;
                }
                (flight.grade, flight.again) = (Grade::Strong, false);
                let (serial, tenant) = (plan.serial, flight.key.tenant.clone());
                let key = LaneKey { serial, tenant, grade: Grade::Strong };
                self.queue(state, *id, &key, plan, now);
                if !keys.contains(&key) {
                    keys.push(key);
                }
            }
            keys.iter().for_each(|key| state.pump(key, now, &mut starts));
        }
        self.launch(starts);
    }

    /// No strong model can be asked: what went there at once goes to the cheap ones, the rest is refused.
    pub(crate) fn downgrade(self: &Arc<Self>, piece: &mut Piece, refusal: &Refusal) {
        let (now, mut starts, mut mail) = (self.clock.now(), Vec::new(), Mail::default());
        {
            let mut guard = self.state.lock();
            let state = &mut *guard;
            for id in std::mem::take(&mut piece.ids) {
                let Some(flight) = state.flights.get_mut(id) else { continue };
                if !std::mem::take(&mut flight.straight) {
                    state.flights.refuse(id, refusal, &mut mail);
                    continue;
                }
                flight.grade = Grade::Cheap;
                let (serial, tenant) = (piece.plan.serial, flight.key.tenant.clone());
                let key = LaneKey { serial, tenant, grade: Grade::Cheap };
                self.queue(state, id, &key, &piece.plan, now);
                state.pump(&key, now, &mut starts);
            }
        }
        mail.post();
        self.launch(starts);
    }
}
