//! Inputs are compared with earlier texts before a model is asked: whether they are, with which vectors, and what becomes of
//! them then.

use super::{Desk, Load, State};
use crate::flight::{Flight, FlightId};
use crate::mail::Mail;
use crate::piece::Piece;
use crate::plan::{Plan, Route};
use crate::store::{Comparable, Compared, NearAnswer};
use pg_categorize_core::frame::{Answered, Asker, HINTS, Reply};
use pg_categorize_core::money::Money;
use std::sync::Arc;
use std::time::Duration;

impl State {
    /// How long the vectors are that inputs under a plan are compared with; none where that is not possible now.
    pub(super) fn comparable(&mut self, plan: &Plan, length: Option<usize>, now: Duration) -> Option<usize> {
        let vectors = plan.vectors.as_ref()?;
        self.resting.retain(|_, until| *until > now);
        length.filter(|_| !self.resting.contains_key(&vectors.serial))
    }
}

impl Flight {
    /// Whether it has a text and nothing else, and no model was asked about it.
    pub(super) fn is_comparable(&self) -> bool {
        self.image.is_none() && self.first.is_none() && !self.text.trim().is_empty()
    }
}

impl Desk {
    /// The vectors of these inputs that were bought before, and the inputs for which one can be bought: as many as there is
    /// room for, together with their vectors.
    pub(crate) fn kept_vectors<'a>(
        &self,
        plan: &Plan,
        loads: &'a [Load],
        length: usize,
    ) -> (Vec<Comparable>, Vec<&'a Load>) {
        let mut state = self.state.lock();
        let (mut there, mut lacking) = (Vec::new(), Vec::new());
        for load in loads {
            match state.vectors.get(plan, &load.key, length) {
                Some(vector) => {
                    there.push(Comparable { key: load.keys.own, text: load.text.clone(), vector, cost: Money::ZERO })
                }
                None => lacking.push(load),
            }
        }
        if !state.vectors.make_room(lacking.len(), length) {
            lacking.clear();
        }
        (there, lacking)
    }

    /// Keeps vectors that were bought, in the order of their inputs.
    pub(crate) fn keep_vectors(&self, plan: &Plan, loads: &[&Load], new: &[Comparable]) {
        let mut state = self.state.lock();
        loads.iter().zip(new).for_each(|(load, new)| state.vectors.keep(plan, &load.key, &new.vector));
    }

    /// Buys no vectors for questions under the plan of this serial for so long, or until plans change.
    pub(crate) fn rest_vectors(&self, serial: u64, rest: Option<Duration>) {
        let until = rest.map_or(Duration::MAX, |rest| self.clock.now() + rest);
        self.state.lock().resting.insert(serial, until);
    }

    /// The vectors of these are about to be bought: who waits first now pays, for each. Nobody where nobody waits for any of
    /// them.
    pub(crate) fn set_out(&self, ids: &[FlightId]) -> Option<Vec<Asker>> {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        if !ids.iter().any(|id| state.flights.is_awaited(*id)) {
            return None;
        }
        let payer = |id: &FlightId| {
            let Some(flight) = state.flights.get_mut(*id) else { return Asker::default() };
            flight.depart();
            flight.payer.asker.clone()
        };
        Some(ids.iter().map(payer).collect())
    }

    /// What earlier texts say of these: who waits for what they answer is told, the others go on to a model.
    pub(crate) fn compared(
        self: &Arc<Self>,
        piece: &mut Piece,
        loads: &[Load],
        inputs: Vec<Comparable>,
        found: Vec<Compared>,
    ) {
        let (mut mail, mut told, mut rest) = (Mail::default(), Vec::new(), Vec::new());
        let route = piece.plan.vectors.as_ref().and_then(|vectors| vectors.routes.first().cloned());
        let mut found = found.into_iter();
        let mut said: hashbrown::HashMap<_, _> =
            inputs.into_iter().map(|input| (input.key, (input, found.next().unwrap_or_default()))).collect();
        piece.ids.clear();
        {
            let mut guard = self.state.lock();
            let state = &mut *guard;
            for load in loads {
                let Some(flight) = state.flights.get_mut(load.id) else { continue };
                flight.comparable = None;
                let (answer, hints) = match said.remove(&load.keys.own) {
                    Some((input, Compared { answer, hints })) => {
                        flight.spent.all = [flight.spent.all, input.cost].into_iter().sum();
                        flight.vector = Some(input.vector);
                        (answer, hints)
                    }
                    None => (None, Vec::new()),
                };
                match (answer, &route) {
                    (Some(answer), Some(route)) => {
                        let reply = flight.near_reply(route, answer);
                        state.vectors.forget(&piece.plan, &flight.key);
                        flight.land(reply, &mut mail);
                        told.push(load.id);
                    }
                    _ => {
                        flight.take_hints(hints);
                        rest.push(load.id);
                    }
                }
            }
        }
        mail.post();
        // What they answered is stored.
        self.forget(&told);
        self.queue_all(&piece.plan, &rest);
    }
}

impl Flight {
    fn near_reply(&self, route: &Route, answer: NearAnswer) -> Reply {
        Reply::Answered(Box::new(Answered {
            category: answer.category,
            confidence: answer.confidence,
            known: false,
            provider: Some(route.provider.name.clone()),
            model: Some(route.model.name.clone()),
            cost: self.spent.untold(Money::ZERO),
            alternatives: Vec::new(),
            upgraded: false,
            provisional: false,
            grounds: None,
            nearness: Some(answer.nearness),
            request: None,
        }))
    }

    /// Categories of neighbours are guesses, too: after the others, since nothing has measured them.
    fn take_hints(&mut self, hints: Vec<i32>) {
        let new: Vec<i32> = hints.into_iter().filter(|hint| !self.hints.contains(hint)).collect();
        if !new.is_empty() {
            self.hints = self.hints.iter().copied().chain(new).take(HINTS).collect();
        }
    }
}
