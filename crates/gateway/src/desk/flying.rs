//! The inputs of a request, from when it is packed until it has landed.

use super::Desk;
use crate::album::HeldImage;
use crate::ask;
use crate::flight::{First, FlightId, FlightKey, Payer, Spent, Stage, for_nothing};
use crate::lane::LaneKey;
use crate::mail::Mail;
use crate::piece::Piece;
use crate::plan::{Grade, Plan};
use crate::store::{Keys, LookUp, Refusal};
use hashbrown::HashMap;
use pg_categorize_core::audit::Claim;
use pg_categorize_core::candidates::{Offered, Sought, Step};
use pg_categorize_core::cascade::{CategoryId, Reason};
use pg_categorize_core::frame::{Reply, Target};
use pg_categorize_core::money::Money;
use std::sync::Arc;
use std::time::Duration;

/// An input as its request needs it.
pub(crate) struct Load {
    pub(crate) id: FlightId,
    pub(crate) key: FlightKey,
    pub(crate) keys: Keys,
    pub(crate) text: Arc<str>,
    pub(crate) image: Option<Arc<HeldImage>>,
    pub(crate) payer: Payer,
    pub(crate) target: Arc<Target>,
    /// What the cheap model said, where this request is for a strong one.
    pub(crate) first: Option<First>,
    /// Whether a strong model may decide after this.
    pub(crate) may_upgrade: bool,
    pub(crate) spent: Spent,
    /// What a free tier said, where that is audited.
    pub(crate) claim: Option<Claim>,
    pub(crate) hints: Arc<[CategoryId]>,
    pub(crate) step: Step,
    /// What it is offered, where there are lists.
    pub(crate) offered: Option<Arc<Offered>>,
    pub(crate) named: Option<CategoryId>,
    pub(crate) sure: f32,
    /// How long the vector is by which it is compared.
    pub(crate) comparable: Option<usize>,
    /// Its vector, to be stored with its answer.
    pub(crate) vector: Option<Arc<[f32]>>,
}

impl Load {
    /// It, as far as it matters for what it is offered.
    pub(crate) fn sought(&self) -> Sought<'_> {
        Sought { text: &self.text, hints: &self.hints }
    }
}

/// What a reply of a provider says of one input.
pub(crate) struct Landed {
    pub(crate) id: FlightId,
    pub(crate) landing: Landing,
    /// Its share of the cost.
    pub(crate) cost: Money,
    /// Whether a strong model may decide.
    pub(crate) may_upgrade: bool,
}

/// What an input's flight comes to.
pub(crate) enum Landing {
    /// Those who wait are told.
    Told(Reply),
    /// A strong model is to decide.
    Unsure(Reply),
    /// It is asked with another list.
    Further { offered: Arc<Offered>, sure: f32 },
    /// The answer is missing or invalid, but it may name a category that was not offered.
    Invalid { named: Option<CategoryId> },
}

/// What is to be done about the inputs of a reply.
#[derive(Default)]
pub(crate) struct Rest {
    /// They are asked again, alone.
    pub(crate) again: Vec<FlightId>,
    /// They go to a strong model.
    pub(crate) unsure: Vec<FlightId>,
    /// They are asked with another list.
    pub(crate) further: Vec<FlightId>,
    /// Those who waited have been told.
    pub(crate) told: Vec<FlightId>,
}

impl Desk {
    /// The inputs of a request for which somebody still waits, and how long the most patient one does; the others are
    /// forgotten.
    pub(crate) fn load(&self, piece: &mut Piece) -> (Vec<Load>, Duration) {
        let mut patience = Duration::ZERO;
        let now = self.clock.now();
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let mut loads = Vec::with_capacity(piece.ids.len());
        for id in std::mem::take(&mut piece.ids) {
            let Some(flight) = state.flights.get_mut(id) else { continue };
            if flight.waiters.is_empty() {
                state.flights.forget(id);
                continue;
            }
            for waiter in &flight.waiters {
                patience = patience.max(waiter.ask.deadline.saturating_sub(now));
            }
            flight.stage = Stage::Packed(piece.signal.clone());
            let can_upgrade = !flight.key.audits && piece.grade() == Grade::Cheap && !piece.plan.strong.is_empty();
            loads.push(Load {
                id,
                key: flight.key.clone(),
                keys: flight.keys,
                text: flight.text.clone(),
                image: flight.image.clone(),
                payer: flight.payer.clone(),
                target: flight.target.clone(),
                first: flight.first.clone(),
                may_upgrade: can_upgrade && (!flight.soft || piece.plan.upgrade_above_soft),
                spent: flight.spent,
                claim: flight.claim.clone(),
                hints: flight.hints.clone(),
                step: flight.step,
                offered: flight.offered.clone(),
                named: flight.named,
                sure: flight.sure,
                comparable: flight.comparable,
                vector: flight.vector.clone(),
            });
            piece.ids.push(id);
        }
        (loads, patience)
    }

    /// The plan of a request is outdated: its inputs are looked up again, as if they had just come in.
    pub(crate) fn look_up_again(self: &Arc<Self>, piece: &mut Piece) {
        let mut asks: HashMap<_, Vec<(FlightId, Keys)>> = HashMap::new();
        {
            let mut guard = self.state.lock();
            let state = &mut *guard;
            for id in std::mem::take(&mut piece.ids) {
                state.flights.part(id);
                let Some(flight) = state.flights.get_mut(id) else { continue };
                flight.stage = Stage::LookingUp;
                let of = (flight.key.tenant.clone(), flight.target.clone(), flight.key.audits);
                asks.entry(of).or_default().push((id, flight.keys));
            }
        }
        for ((tenant, target, audits), begun) in asks {
            let desk = self.clone();
            tokio::spawn(
                async move { ask::admit(&desk, (tenant.to_string(), audits), (*target).clone(), begun).await },
            );
        }
    }

    /// Whether the database would still have these asked about in this way.
    pub(crate) async fn still_holds(&self, plan: &Plan, loads: &[Load]) -> bool {
        let Some(load) = loads.first() else { return true };
        let (tenant, target) = (load.key.tenant.to_string(), (*load.target).clone());
        let known = self.store.look_up(LookUp { tenant, target, keys: Vec::new(), audits: false }).await;
        known.is_ok_and(|known| known.plan.is_like(plan))
    }

    /// Whether anybody waits for any of these.
    pub(crate) fn is_awaited(&self, ids: &[FlightId]) -> bool {
        let state = self.state.lock();
        ids.iter().any(|id| state.flights.is_awaited(*id))
    }

    /// These are about to be sent; `false` where nobody waits for any of them, and they must not be. From here on they go
    /// on to their end, and who waits first now pays.
    pub(crate) fn depart(&self, loads: &mut [Load]) -> bool {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        if !loads.iter().any(|load| state.flights.is_awaited(load.id)) {
            return false;
        }
        for load in loads {
            let Some(flight) = state.flights.get_mut(load.id) else { continue };
            flight.depart();
            load.payer = flight.payer.clone();
            load.first = flight.first.clone();
            load.spent = flight.spent;
        }
        true
    }

    /// What a reply of a provider says: who waits is told at once, unless a strong model is to decide.
    pub(crate) fn land(&self, piece: &mut Piece, landed: Vec<Landed>, refusal: &Refusal) -> Rest {
        let (mut mail, mut rest, now) = (Mail::default(), Rest::default(), self.clock.now());
        {
            let mut guard = self.state.lock();
            let state = &mut *guard;
            for Landed { id, landing, cost, may_upgrade } in landed {
                piece.ids.retain(|other| *other != id);
                if matches!(landing, Landing::Further { .. } | Landing::Invalid { .. }) {
                    state.flights.in_vain(id, piece.plan.serial);
                }
                let Some(flight) = state.flights.get_mut(id) else { continue };
                if !matches!(landing, Landing::Invalid { .. }) {
                    flight.spent.all = [flight.spent.all, cost].into_iter().sum();
                }
                // It is stored with what was said.
                if let Landing::Told(Reply::Answered(_)) | Landing::Unsure(Reply::Answered(_)) = landing
                    && flight.vector.take().is_some()
                {
                    state.vectors.forget(&piece.plan, &flight.key);
                }
                match landing {
                    Landing::Unsure(reply) => {
                        flight.first = Some(First { reply });
                        rest.unsure.push(id);
                    }
                    Landing::Further { offered, sure } => {
                        flight.goes_on(offered, sure);
                        rest.further.push(id);
                    }
                    Landing::Told(reply) => {
                        let fits_nowhere = matches!(reply, Reply::Unanswered { reason: Reason::NoneOfThese, .. });
                        flight.land(reply.clone(), &mut mail);
                        rest.told.push(id);
                        if let (Some(near), Reply::Answered(_)) = (&flight.near, &reply) {
                            state.near.keep(near.clone(), for_nothing(&reply, true), now);
                        }
                        if fits_nowhere {
                            state.flights.fits_nowhere(id);
                        }
                    }
                    Landing::Invalid { named } if !flight.again => {
                        flight.again = true;
                        flight.named = named;
                        rest.again.push(id);
                    }
                    Landing::Invalid { .. } if may_upgrade => rest.unsure.push(id),
                    Landing::Invalid { .. } => state.flights.refuse(id, refusal, &mut mail),
                }
            }
        }
        mail.post();
        rest
    }

    /// These may have been paid for, and nothing came of it.
    pub(crate) fn paid_in_vain(&self, plan: &Plan, loads: &[Load]) {
        let mut state = self.state.lock();
        loads.iter().for_each(|load| state.flights.in_vain(load.id, plan.serial));
    }

    /// Ends flights without an answer.
    pub(crate) fn refuse(&self, ids: &[FlightId], refusal: &Refusal) {
        let mut mail = Mail::default();
        {
            let mut state = self.state.lock();
            ids.iter().for_each(|id| state.flights.refuse(*id, refusal, &mut mail));
        }
        mail.post();
    }

    /// What was answered is stored.
    pub(crate) fn forget(&self, ids: &[FlightId]) {
        let mut state = self.state.lock();
        ids.iter().for_each(|id| _ = state.flights.forget(*id));
        state.last_work = self.clock.now();
    }

    /// A request is over, and hands back what has to go in requests of its own.
    pub(crate) fn hand_back(self: &Arc<Self>, key: &LaneKey, packs: Vec<Vec<FlightId>>) {
        let mut starts = Vec::new();
        {
            let mut guard = self.state.lock();
            let state = &mut *guard;
            let now = self.clock.now();
            state.last_work = now;
            if let Some(lane) = state.lanes.get_mut(key) {
                lane.in_flight = lane.in_flight.saturating_sub(1);
                for pack in packs {
                    for id in &pack {
                        if let Some(flight) = state.flights.get_mut(*id) {
                            flight.stage = Stage::Waiting(key.clone());
                        }
                    }
                    lane.add_ready(pack);
                }
            }
            state.pump(key, now, &mut starts);
            // Perhaps no more is to come into the lanes that this one feeds.
            for (other, feeds_this) in key.others() {
                if !feeds_this && state.lanes.contains_key(&other) {
                    state.pump(&other, now, &mut starts);
                }
            }
        }
        self.launch(starts);
    }

    /// A request begins or ends to wait for a limit only.
    pub(crate) fn count_limited(&self, key: &LaneKey, limited: bool) {
        if let Some(lane) = self.state.lock().lanes.get_mut(key) {
            lane.limited = if limited { lane.limited + 1 } else { lane.limited.saturating_sub(1) };
        }
    }
}
