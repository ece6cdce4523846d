//! What could not be booked or stored, until it can: a transaction failed, or somebody holds the keys of answers or audits
//! uncommitted.

use super::closing::Brought;
use pg_categorize_core::fingerprint::Fingerprint;
use pg_categorize_gateway::plan::{Plan, Route};
use pg_categorize_gateway::store::{Closing, KnownAnswer, NewAnswer, NewAudit, Standing};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long it waits before it tries again.
const RETRY: Duration = Duration::from_secs(1);

/// Answers and audits that are kept for another try; beyond, the oldest are given up.
const KEPT: usize = 50_000;

/// What one request brought and is not stored yet.
pub struct Late {
    plan: Arc<Plan>,
    route: Arc<Route>,
    answers: Vec<NewAnswer>,
    /// What a strong model decided with it.
    decided: Vec<Fingerprint>,
    audits: Vec<NewAudit>,
}

/// What is to be done again.
#[derive(Default)]
pub struct Backlog {
    money: Vec<Closing>,
    brought: Vec<Late>,
    known: HashMap<Fingerprint, KnownAnswer>,
    retry_at: Option<Instant>,
}

impl Backlog {
    /// An answer that is not stored yet, where the plan can give it.
    pub fn answer(&self, plan: &Plan, key: &Fingerprint) -> Option<KnownAnswer> {
        let answer = self.known.get(key)?;
        plan.choices.list().iter().any(|choice| choice.id == answer.category).then(|| answer.clone())
    }

    /// Whether an answer is not stored yet.
    pub fn has_answer(&self, key: &Fingerprint) -> bool {
        self.brought.iter().any(|late| late.answers.iter().any(|answer| answer.key == *key))
    }

    /// Whether an audit is not stored yet.
    pub fn is_audited(&self, key: &Fingerprint) -> bool {
        self.brought.iter().any(|late| late.audits.iter().any(|audit| audit.key == *key))
    }

    /// Keeps money that could not be booked, and what it was paid for.
    pub fn keep_money(&mut self, mut closing: Closing) {
        self.keep_brought(&mut closing);
        self.money.push(closing);
        self.later();
    }

    /// Keeps what a request brought and could not be stored.
    pub fn keep_brought(&mut self, closing: &mut Closing) {
        let (answers, decided) = (std::mem::take(&mut closing.answers), std::mem::take(&mut closing.decided));
        let audits = std::mem::take(&mut closing.audits);
        self.keep(Late { plan: closing.plan.clone(), route: closing.route.clone(), answers, decided, audits });
    }

    /// Keeps it for another try.
    pub fn keep(&mut self, late: Late) {
        if late.brought().is_empty() {
            return;
        }
        for answer in late.answers.iter().filter(|answer| answer.standing != Standing::Unsure) {
            self.known.insert(answer.key, known(&late.route, answer));
        }
        self.brought.push(late);
        let kept = |late: &Late| late.answers.len() + late.decided.len() + late.audits.len();
        while self.brought.len() > 1 && self.brought.iter().map(kept).sum::<usize>() > KEPT {
            for answer in self.brought.remove(0).answers {
                self.known.remove(&answer.key);
            }
        }
        self.later();
    }

    /// What a strong model decided, and what none did, of answers that are not stored yet.
    pub fn decide(&mut self, decided: &[Fingerprint], confirmed: &[Fingerprint]) {
        for late in &mut self.brought {
            late.answers.retain(|answer| answer.standing != Standing::Unsure || !decided.contains(&answer.key));
            let open = late.answers.iter_mut().filter(|answer| answer.standing == Standing::Unsure);
            for answer in open.filter(|answer| confirmed.contains(&answer.key)) {
                answer.standing = Standing::Sure;
                self.known.insert(answer.key, known(&late.route, answer));
            }
        }
    }

    fn later(&mut self) {
        self.retry_at.get_or_insert_with(|| Instant::now() + RETRY);
    }

    /// How long until the next try; `None` where nothing is to be done.
    pub fn rest(&self) -> Option<Duration> {
        self.retry_at.map(|at| at.saturating_duration_since(Instant::now()))
    }

    /// Takes what is to be done, if it is time or `now`.
    pub fn take(&mut self, now: bool) -> Option<(Vec<Closing>, Vec<Late>)> {
        if !(now && self.retry_at.is_some()) && self.rest()? > Duration::ZERO {
            return None;
        }
        self.retry_at = None;
        self.known.clear();
        Some((std::mem::take(&mut self.money), std::mem::take(&mut self.brought)))
    }
}

impl Late {
    /// What is to be stored.
    pub fn brought(&self) -> Brought<'_> {
        let Self { plan, route, answers, decided, audits } = self;
        Brought { plan, route, answers, decided, audits }
    }
}

fn known(route: &Route, answer: &NewAnswer) -> KnownAnswer {
    KnownAnswer {
        category: answer.category,
        confidence: answer.confidence,
        provider: Some(route.provider.name.clone()),
        model: Some(route.model.name.clone()),
        upgraded: matches!(answer.standing, Standing::Upgraded(_)),
        grounds: Some(answer.grounds.clone()),
        is_similar: false,
    }
}
