//! What inputs are offered, where a taxonomy is too large to be offered as a whole: lists are made without the lock, since
//! that takes its time, and inputs go from one to the next.

use super::{Desk, Load};
use crate::flight::{Flight, FlightId};
use crate::lane::LaneKey;
use crate::piece::Piece;
use crate::plan::Plan;
use crate::store::Refusal;
use pg_categorize_core::candidates::Offered;
use pg_categorize_core::cascade::Reason;
use pg_categorize_core::choices::Choices;
use std::sync::Arc;

impl Flight {
    /// It is asked again, with another list.
    pub(super) fn goes_on(&mut self, offered: Arc<Offered>, sure: f32) {
        (self.step, self.offered, self.sure) = (offered.step, Some(offered), sure);
        (self.again, self.named) = (false, None);
    }
}

impl Desk {
    /// What a request offers these inputs. Those that have nothing to choose from on the list that it is for go to another
    /// one, and are gone from it.
    pub(crate) fn offer(self: &Arc<Self>, piece: &mut Piece, loads: &mut Vec<Load>) -> Arc<Choices> {
        let Some(candidates) = piece.plan.candidates.clone() else { return piece.plan.choices.clone() };
        let (mut nothing, mut elsewhere) = (Vec::new(), Vec::new());
        loads.retain_mut(|load| {
            let made = match load.offered.take() {
                Some(offered) => Some(offered),
                None => candidates.offer(load.sought(), load.step).map(Arc::new),
            };
            let named = |offered: &Arc<Offered>| load.named.and_then(|named| candidates.with(offered, named));
            let Some(offered) = made.map(|made| named(&made).map_or(made, Arc::new)) else {
                nothing.push(load.id);
                return false;
            };
            let stays = offered.step.reach() == piece.reach();
            if stays {
                load.step = offered.step;
                load.offered = Some(offered.clone());
            } else {
                elsewhere.push(load.id);
            }
            if let Some(flight) = self.state.lock().flights.get_mut(load.id) {
                (flight.step, flight.offered) = (offered.step, Some(offered));
            }
            stays
        });
        piece.ids.retain(|id| !nothing.contains(id) && !elsewhere.contains(id));
        let detail =
            "The taxonomy has too many categories to offer all, and nothing in the input leads to any of them.";
        self.refuse(&nothing, &Refusal::because(Reason::NoneOfThese, detail));
        self.queue_all(&piece.plan, &elsewhere);
        let lists: Vec<&Offered> = loads.iter().filter_map(|load| load.offered.as_deref()).collect();
        Arc::new(candidates.request(&lists))
    }

    /// These wait for company, and for their turn, by the models and the list that they are asked with now; what nobody
    /// waits for any longer is forgotten.
    pub(crate) fn queue_all(self: &Arc<Self>, plan: &Arc<Plan>, ids: &[FlightId]) {
        if ids.is_empty() {
            return;
        }
        let (now, mut starts, mut keys) = (self.clock.now(), Vec::new(), Vec::new());
        {
            let mut guard = self.state.lock();
            let state = &mut *guard;
            for id in ids {
                let Some(flight) = state.flights.get(*id) else { continue };
                if flight.waiters.is_empty() {
                    state.flights.forget(*id);
                    continue;
                }
                let (serial, tenant) = (plan.serial, flight.key.tenant.clone());
                let key = LaneKey { serial, tenant, grade: flight.grade, reach: plan.reach_of(flight.step) };
                self.queue(state, *id, &key, plan, now);
                if !keys.contains(&key) {
                    keys.push(key);
                }
            }
            keys.iter().for_each(|key| state.pump(key, now, &mut starts));
        }
        self.launch(starts);
    }
}
