//! A store in memory that keeps the promises of the real one, and counts.

use super::shelf::Shelf;
use crate::batches::{Agenda, Question};
use crate::plan::Plan;
use crate::store::{
    Alert, AttemptOutcome, Closing, Keys, Known, KnownAnswer, NewAudit, NotReserved, Refusal, Request, Reserved,
    Standing, Store, Unsure,
};
use hashbrown::HashMap;
use parking_lot::Mutex;
use pg_categorize_core::cascade::Reason;
use pg_categorize_core::fingerprint::Fingerprint;
use pg_categorize_core::money::Money;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

type MakePlan = Box<dyn Fn(&str) -> Arc<Plan> + Send>;

/// What is known of an input that was audited: nobody reads it.
static NOTHING: KnownAnswer = KnownAnswer {
    category: 0,
    confidence: 0.0,
    provider: None,
    model: None,
    upgraded: false,
    grounds: None,
    is_similar: false,
};

/// A tenant who has no money.
pub(super) const POOR: &str = "poor";

/// What the store holds.
pub(super) struct Ledger {
    plan_of: MakePlan,
    pub(super) budget: i64,
    pub(super) soft: bool,
    /// Until when nothing is answered.
    pub(super) slow: Option<Duration>,
    /// Worst cases of attempts that are not closed.
    pub(super) open: HashMap<i64, Money>,
    pub(super) in_doubt: HashMap<i64, Money>,
    pub(super) settled: Money,
    pub(super) adjusted: Money,
    pub(super) wasted: usize,
    /// Query ids of those who paid.
    pub(super) payers: Vec<i64>,
    pub(super) attempts: i64,
    pub(super) released: usize,
    pub(super) closings: usize,
    pub(super) look_ups: usize,
    pub(super) answers: HashMap<(String, Fingerprint), KnownAnswer>,
    /// Answers that a strong model is to decide about.
    pub(super) unsure: HashMap<Fingerprint, (String, Unsure)>,
    /// Payments of each stored answer.
    pub(super) paid: HashMap<(String, Fingerprint), usize>,
    pub(super) audits: Vec<NewAudit>,
    pub(super) alerts: Vec<Alert>,
    pub(super) shelf: Shelf,
    /// How often it was asked what is to be done of batches.
    pub(super) agendas: usize,
    /// What no store should see.
    pub(super) faults: Vec<String>,
}

impl Ledger {
    pub(super) fn new(plan_of: MakePlan) -> Self {
        Self {
            plan_of,
            budget: i64::MAX,
            soft: false,
            slow: None,
            open: HashMap::new(),
            in_doubt: HashMap::new(),
            settled: Money::ZERO,
            adjusted: Money::ZERO,
            wasted: 0,
            payers: Vec::new(),
            attempts: 0,
            released: 0,
            closings: 0,
            look_ups: 0,
            answers: HashMap::new(),
            unsure: HashMap::new(),
            paid: HashMap::new(),
            audits: Vec::new(),
            alerts: Vec::new(),
            shelf: Shelf::default(),
            agendas: 0,
            faults: Vec::new(),
        }
    }

    /// Serves a store, in the order of its inbox.
    pub(super) fn serve(self) -> (Arc<Mutex<Self>>, Store) {
        let woken = Arc::new(Notify::new());
        let wake = woken.clone();
        let (store, inbox) = Store::new(move || wake.notify_one());
        let ledger = Arc::new(Mutex::new(self));
        let served = ledger.clone();
        tokio::spawn(async move {
            loop {
                while let Ok(request) = inbox.try_recv() {
                    let slow = served.lock().slow;
                    if let Some(slow) = slow {
                        tokio::time::sleep(slow).await;
                    }
                    served.lock().handle(request);
                }
                woken.notified().await;
            }
        });
        (ledger, store)
    }

    fn handle(&mut self, request: Request) {
        match request {
            Request::LookUp(look_up, reply) => {
                self.look_ups += 1;
                let plan = (self.plan_of)(&look_up.tenant);
                let key = |keys: &Keys| (look_up.tenant.clone(), keys.of_answer());
                let audited = |keys: &Keys| self.audits.iter().any(|audit| audit.key == keys.of_answer());
                let known = |keys: &Keys| match look_up.audits {
                    true => audited(keys).then(|| NOTHING.clone()),
                    false => self.answers.get(&key(keys)).cloned(),
                };
                let answers = look_up.keys.iter().map(known).collect();
                let unsure = |key| self.unsure.get(&key).map(|(_, unsure)| (key, unsure.clone()));
                let unsure = look_up.keys.iter().map(Keys::of_answer).filter_map(unsure).collect();
                _ = reply.send(Ok(Known { plan, answers, unsure, soft: self.soft, comparable: self.shelf.comparable }));
            }
            Request::Reserve(attempt, reply) => {
                if attempt.inputs == 0 {
                    self.faults.push("an attempt without inputs".into());
                }
                let now = (self.plan_of)(&attempt.plan.tenant);
                let vectors = now.vectors.as_ref().filter(|_| attempt.plan.embeds.is_some());
                let reserved = if attempt.plan.serial != vectors.unwrap_or(&now).serial {
                    Err(NotReserved::Outdated)
                } else if attempt.plan.tenant == POOR || self.held() + attempt.worst_case.0 > self.budget {
                    Err(NotReserved::Refused(Refusal::new(Reason::BudgetExceeded)))
                } else {
                    self.attempts += 1;
                    self.open.insert(self.attempts, attempt.worst_case);
                    Ok(Reserved { attempt: self.attempts })
                };
                if reply.send(reserved).is_err() {
                    self.faults.push("nobody waits for a reservation".into());
                }
            }
            Request::Close(closing, reply) => {
                self.close(closing);
                _ = reply.send(());
            }
            Request::Compare(compare, reply) => _ = reply.send(self.compare(compare)),
            Request::Confirm(keys) => {
                for key in keys {
                    match self.unsure.remove(&key) {
                        Some((tenant, unsure)) => self.keep((tenant, key), unsure.answer),
                        None => self.faults.push("an answer is confirmed that nobody gave".into()),
                    }
                }
            }
            Request::Alert(alert) => self.alerts.push(alert),
            Request::LackVectors(without, reply) => _ = reply.send(self.lack_vectors(&without)),
            Request::KeepVectors(_, vectors, reply) => {
                self.shelf.vectors.extend(vectors.into_iter().map(|new| (new.key, new.vector)));
                _ = reply.send(true);
            }
            Request::HoldVectors(plan, refusal) => self.shelf.held.push((plan.tenant.clone(), refusal)),
            Request::NoVectors(_, keys) => self.shelf.unusable.extend(keys),
            Request::Batches(Question::Agenda(reply)) => {
                self.agendas += 1;
                _ = reply.send(Agenda::default());
            }
            Request::Batches(_) => self.faults.push("something is wanted of batches that nobody has".into()),
        }
    }

    pub(super) fn plan(&self, tenant: &str) -> Arc<Plan> {
        (self.plan_of)(tenant)
    }

    fn close(&mut self, closing: Closing) {
        self.closings += 1;
        let Some(worst) = self.open.remove(&closing.attempt) else {
            return self.faults.push(format!("attempt {} is closed twice, or was never reserved", closing.attempt));
        };
        let shares: Money = closing.shares.iter().map(|share| share.cost).sum();
        match closing.outcome {
            AttemptOutcome::Settled { cost, .. } => {
                if shares != cost {
                    self.faults.push(format!("shares of {shares} for a cost of {cost}"));
                }
                self.settled = self.settled.plus(cost).expect("a sum");
                self.adjusted.0 += (cost.0 - worst.0).max(0);
                self.payers.extend(closing.shares.iter().map(|share| share.asker.query_id));
                self.wasted += closing.shares.iter().map(|share| share.wasted).sum::<usize>();
            }
            AttemptOutcome::Released => self.released += 1,
            AttemptOutcome::InDoubt => _ = self.in_doubt.insert(closing.attempt, worst),
        }
        self.place(&closing);
        self.audits.extend(closing.audits);
        for key in &closing.decided {
            self.unsure.remove(key);
        }
        self.put(&closing.plan, closing.vectors);
        for answer in closing.answers {
            let key = (closing.plan.tenant.clone(), answer.key);
            let route = &closing.route;
            let known = KnownAnswer {
                category: answer.category,
                confidence: answer.confidence,
                provider: Some(route.provider.name.clone()),
                model: Some(route.model.name.clone()),
                upgraded: matches!(answer.standing, Standing::Upgraded(_)),
                grounds: Some(answer.grounds),
                is_similar: false,
            };
            match answer.standing {
                Standing::Unsure => {
                    let unsure = Unsure { answer: known, cost: answer.cost };
                    self.unsure.insert(key.1, (key.0, unsure));
                }
                Standing::Sure | Standing::Upgraded(_) => self.keep(key, known),
            }
        }
    }

    pub(super) fn keep(&mut self, key: (String, Fingerprint), answer: KnownAnswer) {
        *self.paid.entry(key.clone()).or_default() += 1;
        self.answers.insert(key, answer);
    }

    /// Money that cannot be spent any more.
    pub(super) fn held(&self) -> i64 {
        let sum = |amounts: &HashMap<i64, Money>| amounts.values().map(|money| money.0).sum::<i64>();
        self.settled.0 + sum(&self.open) + sum(&self.in_doubt)
    }
}
