//! Flights: one for each input that is being answered, whoever asks for it. It is forgotten when its answer is stored.

use crate::album::HeldImage;
use crate::ask::Asked;
use crate::halted::{Halt, Halted};
use crate::lane::{LaneKey, Size};
use crate::mail::{Mail, unanswered};
use crate::near_answers::NearKey;
use crate::piece::Signal;
use crate::plan::Grade;
use crate::store::{Keys, Refusal, Store};
use hashbrown::HashMap;
use pg_categorize_core::audit::Claim;
use pg_categorize_core::candidates::{Offered, Step};
use pg_categorize_core::cascade::{CategoryId, Reason};
use pg_categorize_core::fingerprint::Fingerprint;
use pg_categorize_core::frame::{Answered, Asker, Reply, Target};
use pg_categorize_core::money::Money;
use std::sync::Arc;

/// Tells flights apart, for ever.
pub(crate) type FlightId = u64;

/// What a flight is found by: tenants never share one, also where they share answers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct FlightKey {
    pub(crate) tenant: Arc<str>,
    pub(crate) answer: Fingerprint,
    /// An audit is no answer: who asks the same does not wait for it.
    pub(crate) audits: bool,
}

/// How far a flight is.
pub(crate) enum Stage {
    /// The database is asked what it knows.
    LookingUp,
    /// It waits for company, and for its turn.
    Waiting(LaneKey),
    /// It belongs to a request that is not sent.
    Packed(Arc<Signal>),
    /// It is at the provider.
    Sent,
    /// All who waited have their reply, which is about to be stored.
    Landed(Reply),
}

/// Somebody who waits.
pub(crate) struct Waiter {
    pub(crate) ask: Arc<Asked>,
    pub(crate) position: u32,
}

/// Who pays for a request that is sent.
#[derive(Clone)]
pub(crate) struct Payer {
    pub(crate) asker: Asker,
    pub(crate) ask: u64,
    pub(crate) position: u32,
}

/// What a cheap model said that was not sure enough. It counts where no strong one decides.
#[derive(Clone)]
pub(crate) struct First {
    pub(crate) reply: Reply,
}

/// What was paid for an input in requests that are over and brought what is built upon.
#[derive(Clone, Copy)]
pub(crate) struct Spent {
    pub(crate) all: Money,
    /// As much of it as one who paid has heard of, and has gone.
    pub(crate) told: Money,
}

impl Spent {
    pub(crate) const NOTHING: Self = Self { all: Money::ZERO, told: Money::ZERO };

    /// What nobody has heard of yet, with what is paid now.
    pub(crate) fn untold(&self, cost: Money) -> i64 {
        self.all.0.saturating_add(cost.0).saturating_sub(self.told.0)
    }
}

/// An input that is being answered.
pub(crate) struct Flight {
    pub(crate) key: FlightKey,
    /// How it was looked up, and is again where its plan is outdated.
    pub(crate) keys: Keys,
    pub(crate) target: Arc<Target>,
    pub(crate) text: Arc<str>,
    /// The image, beside or instead of the text, until it has landed.
    pub(crate) image: Option<Arc<HeldImage>>,
    /// How sure the free tiers were, at the least.
    pub(crate) best_confidence: f32,
    /// The connection that began it.
    pub(crate) connection: u64,
    pub(crate) stage: Stage,
    pub(crate) waiters: Vec<Waiter>,
    /// Who began it, or, once it is sent, who waited first then.
    pub(crate) payer: Payer,
    /// Whether it is the second time that it is asked, alone.
    pub(crate) again: bool,
    /// Which models are asked.
    pub(crate) grade: Grade,
    /// Whether it went to the strong ones at once, and the cheap ones were not asked.
    pub(crate) straight: bool,
    /// What the cheap model said, where the strong one is to decide.
    pub(crate) first: Option<First>,
    pub(crate) spent: Spent,
    /// What a free tier said, where a strong model is to check that.
    pub(crate) claim: Option<Claim>,
    /// The plan whose lists it is asked with, where there are lists.
    pub(crate) listed: Option<u64>,
    /// What the free tiers guess.
    pub(crate) hints: Arc<[CategoryId]>,
    /// Which list it is asked with next, where there are lists.
    pub(crate) step: Step,
    /// That list, once it is made.
    pub(crate) offered: Option<Arc<Offered>>,
    /// A category that is to be on the list, since a model named it.
    pub(crate) named: Option<CategoryId>,
    /// How sure its way down the tree is so far, 0 to 1.
    pub(crate) sure: f32,
    /// Whether a budget was above its soft ratio when it came in.
    pub(crate) soft: bool,
    pub(crate) near: Option<NearKey>,
    /// How long the vectors are that it is to be compared with before a model is asked; none where it is not, or was.
    pub(crate) comparable: Option<usize>,
    /// Its vector, once that is bought, until an answer is stored with it.
    pub(crate) vector: Option<Arc<[f32]>>,
}

/// All flights.
pub(crate) struct Flights {
    store: Store,
    by_id: HashMap<FlightId, Flight>,
    by_key: HashMap<FlightKey, FlightId>,
    by_near: HashMap<NearKey, FlightId>,
    of_connection: HashMap<u64, usize>,
    last: FlightId,
    pub(crate) halted: Halted,
}

impl Flights {
    pub(crate) fn new(store: Store) -> Self {
        Self {
            store,
            by_id: HashMap::new(),
            by_key: HashMap::new(),
            by_near: HashMap::new(),
            of_connection: HashMap::new(),
            last: 0,
            halted: Halted::default(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether nothing is left, in none of the maps.
    #[cfg(test)]
    pub(crate) fn are_gone(&self) -> bool {
        self.by_id.is_empty() && self.by_key.is_empty() && self.by_near.is_empty() && self.of_connection.is_empty()
    }

    /// Whether anybody waits for it.
    pub(crate) fn is_awaited(&self, id: FlightId) -> bool {
        self.by_id.get(&id).is_some_and(|flight| !flight.waiters.is_empty())
    }

    pub(crate) fn begun_by(&self, connection: u64) -> usize {
        self.of_connection.get(&connection).copied().unwrap_or(0)
    }

    pub(crate) fn find(&mut self, key: &FlightKey) -> Option<(FlightId, &mut Flight)> {
        let id = *self.by_key.get(key)?;
        Some((id, self.by_id.get_mut(&id)?))
    }

    pub(crate) fn get(&self, id: FlightId) -> Option<&Flight> {
        self.by_id.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: FlightId) -> Option<&mut Flight> {
        self.by_id.get_mut(&id)
    }

    pub(crate) fn ids(&self) -> Vec<FlightId> {
        self.by_id.keys().copied().collect()
    }

    pub(crate) fn begin(&mut self, flight: Flight) -> FlightId {
        self.last += 1;
        *self.of_connection.entry(flight.connection).or_default() += 1;
        self.by_key.insert(flight.key.clone(), self.last);
        self.by_id.insert(self.last, flight);
        self.last
    }

    /// The flight under way for a near-duplicate, or from now on this one.
    pub(crate) fn near(&mut self, key: NearKey, id: FlightId) -> Option<FlightId> {
        if let Some(leader) = self.by_near.get(&key) {
            return Some(*leader);
        }
        self.by_near.insert(key.clone(), id);
        if let Some(flight) = self.by_id.get_mut(&id) {
            flight.near = Some(key);
        }
        None
    }

    /// From now on near-duplicates do not wait for this one.
    pub(crate) fn part(&mut self, id: FlightId) {
        if let Some(near) = self.by_id.get_mut(&id).and_then(|flight| flight.near.take()) {
            self.by_near.remove(&near);
        }
    }

    /// Ends a flight. What a cheap model said of it counts, unless it has landed.
    pub(crate) fn forget(&mut self, id: FlightId) -> Option<Flight> {
        let flight = self.remove(id)?;
        let has_landed = matches!(flight.stage, Stage::Landed(_));
        if let Some(First { reply: Reply::Answered(_), .. }) = flight.first.as_ref().filter(|_| !has_landed) {
            // Before anybody can ask for it anew: the database hears of it first.
            self.store.confirm(vec![flight.key.answer]);
        }
        if let Some(serial) =
            flight.listed.filter(|_| !has_landed && flight.first.is_none() && flight.step != Step::Short)
        {
            self.halted.note(serial, &flight.key, Halt::Before(flight.step));
        }
        Some(flight)
    }

    fn remove(&mut self, id: FlightId) -> Option<Flight> {
        let flight = self.by_id.remove(&id)?;
        self.by_key.remove(&flight.key);
        if let Some(near) = &flight.near {
            self.by_near.remove(near);
        }
        if let Some(count) = self.of_connection.get_mut(&flight.connection) {
            *count -= 1;
            if *count == 0 {
                self.of_connection.remove(&flight.connection);
            }
        }
        Some(flight)
    }

    /// How far the input of a flight came before under the plan of this serial, where it has not been asked since.
    pub(crate) fn halt_of(&self, id: FlightId, serial: u64) -> Option<Halt> {
        let flight = self.by_id.get(&id).filter(|flight| flight.first.is_none() && flight.step == Step::Short)?;
        self.halted.get(serial, &flight.key)
    }

    /// Nothing fits what a flight is about.
    pub(crate) fn fits_nowhere(&mut self, id: FlightId) {
        let Some(flight) = self.by_id.get(&id) else { return };
        if let Some(serial) = flight.listed {
            self.halted.note(serial, &flight.key, Halt::Nowhere);
        }
    }

    /// What a flight may have been paid for is no verdict so far: one that audits is not begun again for it.
    pub(crate) fn in_vain(&mut self, id: FlightId, serial: u64) {
        if let Some(flight) = self.by_id.get(&id).filter(|flight| flight.key.audits) {
            self.halted.note(serial, &flight.key, Halt::InVain);
        }
    }

    /// Ends a flight without an answer, or with what the cheap model said.
    pub(crate) fn refuse(&mut self, id: FlightId, refusal: &Refusal, mail: &mut Mail) {
        if let Some(mut flight) = self.forget(id) {
            for waiter in std::mem::take(&mut flight.waiters) {
                let word = flight.last_word(&waiter, refusal, true);
                mail.add(waiter.ask, waiter.position, word);
            }
        }
    }

    /// Ends a flight with an answer that costs nothing.
    pub(crate) fn give(&mut self, id: FlightId, reply: &Reply, mail: &mut Mail) {
        if let Some(flight) = self.remove(id) {
            flight.waiters.into_iter().for_each(|w| mail.add(w.ask, w.position, reply.clone()));
        }
    }
}

impl Flight {
    /// How it goes into a request.
    pub(crate) fn size(&self) -> Size {
        match self.image {
            Some(_) => Size::Alone,
            None => Size::Bytes(self.text.len()),
        }
    }

    /// It is sent from here on, and who waits first now pays.
    pub(crate) fn depart(&mut self) {
        self.stage = Stage::Sent;
        if let Some(first) = self.waiters.first() {
            let (asker, ask) = (first.ask.asker.clone(), first.ask.id);
            self.payer = Payer { asker, ask, position: first.position };
        }
    }

    /// Tells all who wait. The cost stands in the reply to the one who pays; it is not spent twice.
    pub(crate) fn land(&mut self, reply: Reply, mail: &mut Mail) {
        for waiter in std::mem::take(&mut self.waiters) {
            let word = self.word(&waiter, &reply);
            mail.add(waiter.ask, waiter.position, word);
        }
        self.stage = Stage::Landed(for_nothing(&reply, true));
        self.image = None;
    }

    /// What somebody hears who goes now: what the cheap model said, or why there is nothing.
    /// `is_over` says whether it counts from now on, or a strong model may still decide otherwise.
    pub(crate) fn last_word(&mut self, waiter: &Waiter, refusal: &Refusal, is_over: bool) -> Reply {
        let Some(first) = &self.first else { return unanswered(refusal) };
        let word = match &first.reply {
            Reply::Answered(answer) => {
                let cost = self.spent.untold(Money::ZERO);
                Reply::Answered(Box::new(Answered { provisional: !is_over, cost, ..(**answer).clone() }))
            }
            reply => reply.clone(),
        };
        let word = self.word(waiter, &word);
        if self.pays(waiter) {
            self.spent.told = self.spent.all;
        }
        word
    }

    fn pays(&self, waiter: &Waiter) -> bool {
        waiter.ask.id == self.payer.ask && waiter.position == self.payer.position
    }

    fn word(&self, waiter: &Waiter, reply: &Reply) -> Reply {
        if self.pays(waiter) { reply.clone() } else { for_nothing(reply, false) }
    }

    /// Why nobody has answered yet, for those whose patience is over.
    pub(crate) fn why_late(&self, limited: impl FnOnce(&LaneKey) -> bool) -> Refusal {
        match &self.stage {
            Stage::Packed(signal) => signal.obstacle().unwrap_or_else(|| Refusal::new(Reason::Timeout)),
            Stage::Waiting(lane) if limited(lane) => Refusal::new(Reason::RateLimited),
            _ => Refusal::new(Reason::Timeout),
        }
    }
}

/// The same reply for somebody who does not pay.
pub(crate) fn for_nothing(reply: &Reply, known: bool) -> Reply {
    match reply {
        Reply::Answered(answer) => {
            Reply::Answered(Box::new(Answered { cost: 0, known: known || answer.known, ..(**answer).clone() }))
        }
        Reply::Unanswered { .. } => reply.clone(),
    }
}
