//! Inputs come in: they join a flight or begin one, and what the database does not know waits for a request.

use super::{Desk, State};
use crate::album::Album;
use crate::ask::Asked;
use crate::comparing;
use crate::flight::{First, Flight, FlightId, FlightKey, Payer, Spent, Stage, Waiter};
use crate::halted::Halt;
use crate::lane::{Lane, LaneKey};
use crate::mail::{Mail, unanswered};
use crate::near_answers::NearKey;
use crate::plan::{Grade, Plan};
use crate::store::{Keys, Known, KnownAnswer, Refusal, Unsure};
use pg_categorize_core::candidates::Step;
use pg_categorize_core::cascade::{Origin, Reason, Similar};
use pg_categorize_core::fingerprint::Fingerprint;
use pg_categorize_core::flow::near;
use pg_categorize_core::frame::{Answered, HINTS, Input, Nearness, Reply, Target};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Flights that every connection may have even when the queue is full, so that a large question does not shut out small
/// ones.
const OWN_FLIGHTS: usize = 64;

/// How inputs that are not known go on.
struct Terms<'a> {
    plan: &'a Arc<Plan>,
    /// What cheap models have said of some of them.
    unsure: &'a HashMap<Fingerprint, Unsure>,
    /// Whether a budget is above its soft ratio.
    soft: bool,
    /// How long the vectors are that they are compared with first; none where they are not.
    comparable: Option<usize>,
}

/// Inputs that are entered under one lock.
const AT_ONCE: usize = 256;

impl Desk {
    /// Joins the flights of these inputs, and begins those that there are not; returns the latter, to look up.
    pub(crate) fn enter(
        &self,
        ask: &Arc<Asked>,
        tenant: &Arc<str>,
        target: &Arc<Target>,
        inputs: Vec<Input>,
    ) -> Vec<(FlightId, Keys)> {
        let mut begun = Vec::new();
        let mut inputs = (0_u32..).zip(inputs);
        loop {
            let (mut mail, mut more) = (Mail::default(), false);
            let mut state = self.state.lock();
            for (position, input) in inputs.by_ref().take(AT_ONCE) {
                more = true;
                if !ask.has_left() {
                    let bounds = (self.max_flights, &self.album);
                    begun.extend(state.enter(ask, (tenant, target), position, input, bounds, &mut mail));
                }
            }
            state.last_work = self.clock.now();
            drop(state);
            mail.post();
            if !more {
                return begun;
            }
        }
    }

    /// What the database knows of flights that were begun, in their order: what it does not know goes to the lanes.
    pub(crate) fn admit(self: &Arc<Self>, begun: &[FlightId], known: Result<Known, Refusal>) {
        let (mut mail, now) = (Mail::default(), self.clock.now());
        let stopped = self.switch.borrow().refuses_new();
        let mut starts = Vec::new();
        {
            let mut guard = self.state.lock();
            let state = &mut *guard;
            match known {
                Err(refusal) => begun.iter().for_each(|id| state.flights.refuse(*id, &refusal, &mut mail)),
                Ok(known) => {
                    let answers = known.answers.into_iter().chain(std::iter::repeat_with(|| None));
                    let mut keys: Vec<LaneKey> = Vec::new();
                    let (soft, comparable) = (known.soft, state.comparable(&known.plan, known.comparable, now));
                    let terms = Terms { plan: &known.plan, unsure: &known.unsure, soft, comparable };
                    for (id, answer) in begun.iter().zip(answers) {
                        let stopped = stopped.as_ref();
                        let Some(key) = state.admit(*id, answer, &terms, stopped, now, &mut mail) else {
                            continue;
                        };
                        self.queue(state, *id, &key, &known.plan, now);
                        if !keys.contains(&key) {
                            keys.push(key);
                        }
                    }
                    keys.iter().for_each(|key| state.pump(key, now, &mut starts));
                }
            }
        }
        mail.post();
        self.launch(starts);
    }

    /// An input waits for company.
    pub(super) fn queue(&self, state: &mut State, id: FlightId, key: &LaneKey, plan: &Arc<Plan>, now: Duration) {
        let lane = state.lanes.entry(key.clone()).or_insert_with(|| {
            let limit = |route| self.sender.pack_limit(route, plan.usual_choices());
            let size = match (plan.routes_of(key.grade).first(), key.grade) {
                (Some(route), Grade::Vectors) => comparing::pack_size(route),
                (Some(route), _) => limit(route).min(plan.pack_size),
                (None, _) => 1,
            };
            Lane::new(plan.clone(), size)
        });
        if let Some(flight) = state.flights.get_mut(id) {
            flight.stage = Stage::Waiting(key.clone());
            lane.add(flight.connection, id, flight.size(), now);
        }
    }
}

impl State {
    /// One input of an ask.
    fn enter(
        &mut self,
        ask: &Arc<Asked>,
        (tenant, target): (&Arc<str>, &Arc<Target>),
        position: u32,
        input: Input,
        (most, album): (usize, &Album),
        mail: &mut Mail,
    ) -> Option<(FlightId, Keys)> {
        let keys = Keys { own: input.key, shared: input.shared_key };
        let audits = input.audited.is_some();
        let key = FlightKey { tenant: tenant.clone(), answer: keys.of_answer(), audits };
        let waiter = Waiter { ask: ask.clone(), position };
        if let Some((id, flight)) = self.flights.find(&key) {
            if let Stage::Landed(reply) = &flight.stage {
                mail.add(waiter.ask, position, reply.clone());
            } else {
                flight.best_confidence = flight.best_confidence.min(input.best_confidence);
                flight.waiters.push(waiter);
                ask.joined(id);
            }
            return None;
        }
        let connection = ask.outbox.connection;
        let mut refuse = |detail: &str| {
            let refusal = Refusal::because(Reason::RateLimited, detail);
            mail.add(ask.clone(), position, unanswered(&refusal));
        };
        if self.flights.len() >= most && self.flights.begun_by(connection) >= OWN_FLIGHTS.min(most) {
            refuse("The queue of the gateway is full.");
            return None;
        }
        let image = match input.image.map(|image| album.hold(image)) {
            Some(None) => {
                refuse("The gateway holds as many bytes of images as it may.");
                return None;
            }
            held => held.flatten(),
        };
        let id = self.flights.begin(Flight {
            key,
            keys,
            target: target.clone(),
            text: input.text.into(),
            image,
            best_confidence: input.best_confidence,
            connection,
            stage: Stage::LookingUp,
            payer: Payer { asker: ask.asker.clone(), ask: ask.id, position },
            waiters: vec![waiter],
            again: false,
            grade: Grade::Cheap,
            straight: false,
            first: None,
            spent: Spent::NOTHING,
            claim: input.audited,
            listed: None,
            hints: input.hints.into_iter().take(HINTS).collect(),
            step: Step::Short,
            offered: None,
            named: None,
            sure: 1.0,
            soft: false,
            near: None,
            comparable: None,
            vector: None,
        });
        ask.joined(id);
        Some((id, keys))
    }

    /// Ends a flight that needs no request; the lane of one that does.
    fn admit(
        &mut self,
        id: FlightId,
        answer: Option<KnownAnswer>,
        &Terms { plan, unsure, soft, comparable }: &Terms<'_>,
        stopped: Option<&Refusal>,
        now: Duration,
        mail: &mut Mail,
    ) -> Option<LaneKey> {
        let flight = self.flights.get_mut(id)?;
        // Its vector may have been of another model.
        (flight.soft, flight.vector) = (soft, None);
        // Lists are made of what the plan says now.
        flight.offered = None;
        let audits = flight.key.audits;
        flight.listed = plan.candidates.as_ref().filter(|_| !audits).map(|_| plan.serial);
        let may_upgrade = !audits && (!soft || plan.upgrade_above_soft);
        let unsure = if audits { None } else { unsure.get(&flight.keys.of_answer()) };
        if flight.first.is_none() {
            let is_strong = !plan.strong.is_empty() && (audits || may_upgrade && unsure.is_some());
            (flight.grade, flight.straight) = (if is_strong { Grade::Strong } else { Grade::Cheap }, false);
            if let Some(Unsure { answer, cost }) = unsure {
                flight.first = Some(First { reply: known(answer.clone()) });
                // Who paid that has heard of it.
                flight.spent = Spent { all: *cost, told: *cost };
            }
        }
        if flight.waiters.is_empty() {
            self.flights.forget(id);
            return None;
        }
        if let Some(answer) = answer {
            self.flights.give(id, &known(answer), mail);
            return None;
        }
        if unsure.is_some() && flight.grade == Grade::Cheap {
            // No strong model is to decide any more.
            self.flights.refuse(id, &Refusal::new(Reason::BudgetExceeded), mail);
            return None;
        }
        match self.flights.halt_of(id, plan.serial) {
            Some(Halt::Before(step)) => self.flights.get_mut(id)?.step = step,
            Some(Halt::InVain) => {
                self.flights.refuse(id, &Refusal::new(Reason::InvalidAnswer), mail);
                return None;
            }
            Some(Halt::Nowhere) => {
                self.flights.give(id, &Reply::Unanswered { reason: Reason::NoneOfThese, detail: None }, mail);
                return None;
            }
            None => {}
        }
        let flight = self.flights.get_mut(id)?;
        let too_sure = soft && flight.first.is_none() && (audits || flight.best_confidence >= plan.soft_confidence);
        let refusal = if let Some(stopped) = stopped {
            Some(stopped.clone())
        } else if plan.routes_of(flight.grade).is_empty() {
            Some(Refusal::new(Reason::NoProvider))
        } else if too_sure {
            let detail = "The budget is above its soft ratio, and a free tier has a fair guess at this input.";
            Some(Refusal::because(Reason::BudgetExceeded, detail))
        } else {
            None
        };
        if let Some(refusal) = refusal {
            self.flights.refuse(id, &refusal, mail);
            return None;
        }
        if flight.grade == Grade::Cheap && may_upgrade && plan.goes_straight(&flight.text, flight.best_confidence) {
            (flight.grade, flight.straight) = (Grade::Strong, true);
        }
        let (tenant, grade) = (flight.key.tenant.clone(), flight.grade);
        // Words beside an image do not tell what it shows.
        if plan.near_duplicates
            && !audits
            && flight.image.is_none()
            && let Some(words) = near::key(&flight.text)
        {
            let key = NearKey { serial: plan.serial, tenant: tenant.clone(), words: words.into() };
            if let Some(reply) = self.near.get(&key, now) {
                self.flights.give(id, reply, mail);
                return None;
            }
            if let Some(leader) = self.flights.near(key, id) {
                self.join(id, leader, mail);
                return None;
            }
        }
        let flight = self.flights.get_mut(id)?;
        let reach = plan.reach_of(flight.step);
        flight.comparable = comparable.filter(|_| !audits && flight.is_comparable());
        let grade = if flight.comparable.is_some() { Grade::Vectors } else { grade };
        Some(LaneKey { serial: plan.serial, tenant, grade, reach })
    }

    /// Those who wait for a near-duplicate wait for the one that is under way.
    fn join(&mut self, id: FlightId, leader: FlightId, mail: &mut Mail) {
        let Some(flight) = self.flights.forget(id) else { return };
        let Some(leading) = self.flights.get_mut(leader) else { return };
        for waiter in flight.waiters {
            if let Stage::Landed(reply) = &leading.stage {
                mail.add(waiter.ask, waiter.position, reply.clone());
            } else {
                waiter.ask.joined(leader);
                leading.waiters.push(waiter);
            }
        }
    }
}

fn known(answer: KnownAnswer) -> Reply {
    Reply::Answered(Box::new(Answered {
        category: answer.category,
        confidence: answer.confidence,
        known: true,
        provider: answer.provider,
        model: answer.model,
        cost: 0,
        alternatives: Vec::new(),
        upgraded: answer.upgraded,
        provisional: false,
        grounds: answer.grounds,
        nearness: answer.is_similar.then(|| Nearness { origin: Origin::Similarity, similar: Similar::default() }),
        request: None,
    }))
}
