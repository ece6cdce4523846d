//! Tier 6: a language model, asked by the gateway. What it said in a statement it says again in it, and is not asked twice.

use crate::pg::freshness::Horizon;
use crate::pg::scope::Scope;
use crate::pg::statement_memory::{self, StatementMemory};
use crate::pg::{client, error, guard, guc, spi, world};
use pg_categorize_core::cascade::{Answer, Guess, Origin, Outcome, Provenance, Query, Reason, Tier, TierName};
use pg_categorize_core::fingerprint::Fingerprint;
use pg_categorize_core::frame::{Answered, HINTS, Input, Reply};
use pg_categorize_core::image::Picture;
use pg_categorize_core::money::Money;
use std::cell::{OnceCell, RefCell};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::time::Instant;

/// Replies that are kept for the rest of a statement; beyond them an input may be asked about again.
const KEPT: usize = 250_000;

/// How many times as long as a call the gateway has patience with what is asked ahead of calls.
const PATIENCE: u32 = 10;

/// What was said in the current statement.
#[derive(Default)]
struct Said {
    replies: HashMap<Fingerprint, Rc<Reply>>,
    warned: bool,
}

thread_local! {
    static SAID: StatementMemory<Said> = const { RefCell::new(None) };
}

pub(super) struct LlmTier {
    scope: Rc<Scope>,
    has_providers: OnceCell<bool>,
    /// When the present call waits no more; it begins to wait when it first asks.
    deadline: Option<Instant>,
}

impl LlmTier {
    pub(super) fn new(scope: Rc<Scope>) -> Self {
        Self { scope, has_providers: OnceCell::new(), deadline: None }
    }

    /// Why nothing can be asked now.
    fn obstacle(&self) -> Option<Reason> {
        if !guc::external() || !self.scope.settings.allow_external {
            Some(Reason::ExternalOff)
        } else if guard::on_standby() {
            Some(Reason::Standby)
        } else if !guard::preloaded() {
            Some(Reason::GatewayDown)
        } else if !self.has_providers.get_or_init(|| world::as_owner(spi::has_providers)) {
            Some(Reason::NoProvider)
        } else {
            None
        }
    }

    /// The replies to open queries, in their order: those of this statement, and new ones.
    fn ask(&mut self, open: &[(&Query<'_>, Vec<Guess>)]) -> Vec<Rc<Reply>> {
        let horizon = world::moment().horizon;
        let mut known = said(horizon, |said| {
            let reply = |(query, _): &(&Query<'_>, Vec<Guess>)| said.replies.get(&query.fingerprint).cloned();
            open.iter().filter_map(|q| Some((q.0.fingerprint, reply(q)?))).collect::<HashMap<_, _>>()
        });
        // Texts that differ only in what their normal form leaves out are one question.
        let mut places = HashMap::new();
        let mut inputs = Vec::new();
        for (query, guesses) in open.iter().filter(|(query, _)| !known.contains_key(&query.fingerprint)) {
            if let Entry::Vacant(place) = places.entry(query.fingerprint) {
                place.insert(inputs.len());
                inputs.push(Input {
                    key: query.fingerprint,
                    shared_key: query.shared_fingerprint,
                    text: query.raw.to_owned(),
                    image: query.picture.map(Picture::to_image),
                    best_confidence: guesses.first().map_or(0.0, |guess| guess.confidence),
                    audited: None,
                    hints: guesses.iter().take(HINTS).map(|guess| guess.category).collect(),
                });
            }
        }
        if !inputs.is_empty() {
            let deadline = *self.deadline.get_or_insert_with(|| Instant::now() + guc::timeout());
            let keys: Vec<_> = inputs.iter().map(|input| input.key).collect();
            let replies: Vec<_> = client::ask(&self.scope, inputs, deadline).into_iter().map(Rc::new).collect();
            known.extend(keys.iter().copied().zip(replies.iter().cloned()));
            said(horizon, |said| {
                let room = KEPT.saturating_sub(said.replies.len());
                said.replies.extend(keys.into_iter().zip(replies).take(room));
            });
        }
        open.iter().filter_map(|(query, _)| known.get(&query.fingerprint).cloned()).collect()
    }

    /// Writes what was replied into an outcome.
    fn take(&self, reply: &Reply, outcome: &mut Outcome) {
        match reply {
            Reply::Unanswered { reason, detail } => {
                outcome.reason = Some(*reason);
                outcome.detail.clone_from(detail);
            }
            Reply::Answered(answered) => match self.scope.answerable(answered.category) {
                Some(category) => {
                    if let Some(nearness) = answered.nearness.as_ref().filter(|_| !answered.known) {
                        outcome.similar = Some(Rc::new(nearness.similar.clone()));
                    }
                    let alternative = |(id, confidence): &(i32, f32)| {
                        Some(Guess { category: self.scope.answerable(*id)?, confidence: *confidence })
                    };
                    let alternatives: Vec<_> = answered.alternatives.iter().filter_map(alternative).collect();
                    if !alternatives.is_empty() {
                        outcome.alternatives = alternatives;
                        outcome.words.clear();
                    }
                    outcome.answer = Some(self.answer_of(category, answered));
                }
                None => {
                    outcome.reason = Some(Reason::Uncommitted);
                    outcome.detail = Some("The answer is a category that this statement does not see.".to_owned());
                }
            },
        }
    }

    fn answer_of(&self, category: i32, answered: &Answered) -> Answer {
        let paid = answered.model.is_some() || answered.provider.is_some();
        // What was known to the gateway and not to this statement's snapshot is an earlier answer, and costs nothing now.
        let (source, origin) = match (&answered.nearness, answered.known) {
            (Some(nearness), false) => (TierName::Similarity, nearness.origin),
            (Some(_), true) => (TierName::Cache, Origin::Similarity),
            (None, false) => (TierName::Llm, Origin::Llm),
            (None, true) if paid => (TierName::Cache, Origin::Llm),
            (None, true) => (TierName::Cache, Origin::Label),
        };
        let mut answer = Answer::new(category, answered.confidence, source, origin);
        if paid && origin != Origin::Similarity {
            answer.provenance = Some(Box::new(Provenance {
                provider: answered.provider.clone(),
                model: answered.model.clone(),
                grounds: answered.grounds.clone(),
                request: answered.request,
            }));
            answer.upgraded = answered.upgraded;
        }
        if !answered.known {
            answer.cost = Money(answered.cost);
        }
        let lasts = !answered.provisional && answered.nearness.is_none();
        if !lasts || self.scope.settings.explicit().get("cache_ttl").is_some_and(|ttl| !ttl.is_null()) {
            // A strong model may decide otherwise, and so may other neighbours. Of the others the table knows when it expires; until then it counts for this statement.
            answer.expires_at = guard::statement_time() + 1;
        }
        answer
    }

    /// A refusal of the budget is told once a statement, where nothing else tells of it.
    fn warn_of_budget(&self, replies: &[Rc<Reply>]) {
        let refused = |reply: &Rc<Reply>| match &**reply {
            Reply::Unanswered { reason: Reason::BudgetExceeded, detail } => Some(detail.clone()),
            _ => None,
        };
        let Some(detail) = replies.iter().find_map(refused) else { return };
        if self.scope.on_unresolved() == guc::OnUnresolved::Error {
            return;
        }
        if said(world::moment().horizon, |said| !std::mem::replace(&mut said.warned, true)) {
            error::warn_in_full(
                "a budget for language models leaves inputs unresolved",
                detail.as_deref(),
                error::hint(Reason::BudgetExceeded),
            );
        }
    }
}

/// Whether a language model may be asked in a scope now.
pub fn may_buy(scope: &Rc<Scope>) -> bool {
    let is_tier = scope.settings.tiers.contains(&TierName::Llm);
    is_tier && guc::mode() == guc::Mode::Live && LlmTier::new(scope.clone()).obstacle().is_none()
}

/// Inputs that were sent ahead of the calls that need them.
pub struct Order {
    keys: Vec<Fingerprint>,
    /// Where each of them is in what was sent; none where it was sent or said before.
    places: Vec<Option<usize>>,
    flow: Option<client::Flow>,
}

/// Asks ahead of the calls, one set after the other, and takes in what is replied when a call needs it.
pub struct Buyer {
    tier: LlmTier,
    /// What was sent and not taken in yet.
    under_way: HashSet<Fingerprint>,
    /// Whether no gateway could be reached: who asks then is told so call by call.
    is_down: bool,
}

impl Buyer {
    /// One for a scope; `None` where the language model is not the last that is asked.
    pub fn new(scope: &Rc<Scope>) -> Option<Self> {
        let is_last = scope.settings.tiers.last() == Some(&TierName::Llm);
        is_last.then(|| Self { tier: LlmTier::new(scope.clone()), under_way: HashSet::new(), is_down: false })
    }

    /// Whether anything can be asked now.
    pub fn may_buy(&self) -> bool {
        !self.is_down && guc::mode() == guc::Mode::Live && self.tier.obstacle().is_none()
    }

    /// Sends a set, but for what was said or sent before.
    pub fn order(&mut self, due: Vec<Input>) -> Order {
        let mut order =
            Order { keys: Vec::with_capacity(due.len()), places: Vec::with_capacity(due.len()), flow: None };
        let mut inputs = Vec::new();
        let horizon = world::moment().horizon;
        for input in due {
            order.keys.push(input.key);
            let is_new =
                !said(horizon, |said| said.replies.contains_key(&input.key)) && self.under_way.insert(input.key);
            order.places.push(is_new.then(|| {
                inputs.push(input);
                inputs.len() - 1
            }));
        }
        if !inputs.is_empty() {
            // Each is waited for when its row is due; until then others are.
            let now = Instant::now();
            let (start_by, deadline) = (now + guc::timeout(), now + guc::timeout() * PATIENCE);
            let flow = client::Flow::begin(&self.tier.scope, inputs, start_by, deadline);
            self.is_down = !flow.is_open();
            order.flow = Some(flow);
        }
        order
    }

    /// Writes what was replied to one input of an order into its outcome; waits for it as a call would. Whether anything was
    /// replied that a call would not ask about again.
    ///
    /// # Errors
    /// What a cancel or a termination raises.
    pub fn take(&mut self, order: &mut Order, at: usize, outcome: &mut Outcome) -> bool {
        let (key, horizon) = (order.keys[at], world::moment().horizon);
        let mut reply = said(horizon, |said| said.replies.get(&key).cloned());
        if let (None, Some(place), Some(flow)) = (&reply, order.places[at], &mut order.flow) {
            let deadline = Instant::now() + guc::timeout();
            let told = flow.reply(place, deadline).filter(is_final);
            // A call that has waited for so long does not wait again.
            let late = || flow.is_open() && Instant::now() >= deadline;
            reply = match told {
                Some(told) => Some(told),
                None => late().then_some(Reply::Unanswered { reason: Reason::Timeout, detail: None }),
            }
            .map(Rc::new);
            if let Some(reply) = &reply {
                said(horizon, |said| {
                    if said.replies.len() < KEPT {
                        said.replies.insert(key, reply.clone());
                    }
                });
            }
        }
        self.under_way.remove(&key);
        let Some(reply) = reply else { return false };
        self.tier.take(&reply, outcome);
        true
    }

    /// Forgets an order: what was not taken in is not under way any more.
    pub fn forget(&mut self, order: &Order) {
        order.keys.iter().for_each(|key| _ = self.under_way.remove(key));
    }
}

/// Whether a call would not ask again: other replies say that nobody was asked, and that may change from one moment to the next.
/// So may a budget's, since what many requests at once reserve is more than they cost.
fn is_final(reply: &Reply) -> bool {
    use Reason::{BreakerOpen, BudgetExceeded, GatewayDown, RateLimited, Timeout};
    let passing =
        |reason: &Reason| matches!(reason, Timeout | GatewayDown | RateLimited | BreakerOpen | BudgetExceeded);
    !matches!(reply, Reply::Unanswered { reason, .. } if passing(reason))
}

impl Tier for LlmTier {
    fn name(&self) -> TierName {
        TierName::Llm
    }

    fn begin(&mut self) {
        self.deadline = None;
    }

    fn answer(&mut self, queries: &[Query<'_>], outcomes: &mut [Outcome]) {
        self.preview(queries, outcomes);
        if guc::mode() != guc::Mode::Live || self.obstacle().is_some() {
            return;
        }
        let open: Vec<usize> = (0..queries.len()).filter(|at| outcomes[*at].answer.is_none()).collect();
        let asked: Vec<_> = open.iter().map(|at| (&queries[*at], outcomes[*at].alternatives.clone())).collect();
        let replies = self.ask(&asked);
        for (at, reply) in open.into_iter().zip(&replies) {
            self.take(reply, &mut outcomes[at]);
        }
        self.warn_of_budget(&replies);
    }

    /// Why nothing can be asked, where that is so.
    fn preview(&mut self, _: &[Query<'_>], outcomes: &mut [Outcome]) {
        if guc::mode() != guc::Mode::Live {
            return;
        }
        if let Some(reason) = self.obstacle() {
            outcomes.iter_mut().filter(|o| o.answer.is_none()).for_each(|o| o.reason = Some(reason));
        }
    }
}

/// Runs `work` on what was said in the statement of this horizon.
fn said<T>(horizon: Horizon, work: impl FnOnce(&mut Said) -> T) -> T {
    statement_memory::recall(&SAID, horizon, work)
}
