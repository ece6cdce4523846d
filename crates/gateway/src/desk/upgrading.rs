//! Inputs change the models that they are for: up where the cheap ones are not sure, and down where no strong one can be asked.

use super::Desk;
use crate::flight::FlightId;
use crate::mail::Mail;
use crate::piece::Piece;
use crate::plan::{Grade, Plan};
use crate::store::Refusal;
use pg_categorize_core::candidates::Step;
use pg_categorize_core::frame::Reply;
use std::sync::Arc;

impl Desk {
    /// What the cheap model said of these is booked, and not sure enough: the strong one decides.
    pub(crate) fn upgrade(self: &Arc<Self>, plan: &Arc<Plan>, ids: &[FlightId]) {
        {
            let mut state = self.state.lock();
            for id in ids {
                let Some(flight) = state.flights.get_mut(*id) else { continue };
                (flight.grade, flight.again, flight.sure) = (Grade::Strong, false, 1.0);
                // It chooses from the list that the cheap one chose from, or from the long one with what that found in the
                // tree.
                if flight.step != Step::Short {
                    (flight.step, flight.offered) = (Step::Wide, None);
                    flight.named = match flight.first.as_ref().map(|first| &first.reply) {
                        Some(Reply::Answered(answer)) => Some(answer.category),
                        _ => None,
                    };
                }
            }
        }
        self.queue_all(plan, ids);
    }

    /// No strong model can be asked: what went there at once goes to the cheap ones, the rest is refused.
    pub(crate) fn downgrade(self: &Arc<Self>, piece: &mut Piece, refusal: &Refusal) {
        let (mut mail, mut cheap) = (Mail::default(), Vec::new());
        {
            let mut guard = self.state.lock();
            let state = &mut *guard;
            for id in std::mem::take(&mut piece.ids) {
                let Some(flight) = state.flights.get_mut(id) else { continue };
                if std::mem::take(&mut flight.straight) {
                    flight.grade = Grade::Cheap;
                    cheap.push(id);
                } else {
                    state.flights.refuse(id, refusal, &mut mail);
                }
            }
        }
        mail.post();
        self.queue_all(&piece.plan, &cheap);
    }
}
