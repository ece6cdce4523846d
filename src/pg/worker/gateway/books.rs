//! Setting money aside: every budget that an attempt falls under must admit its worst case, and the server's ceiling, too.

use super::cluster::Cluster;
use super::counters::Counters;
use crate::pg::spi::{self, Budget, Moved, Reservation, Scope};
use crate::pg::{freshness, guard, guc};
use pg_categorize_core::budget::Movement;
use pg_categorize_core::cascade::Reason;
use pg_categorize_core::money::Money;
use pg_categorize_gateway::plan::Plan;
use pg_categorize_gateway::store::{Attempt, Refusal, Reserved};
use std::collections::HashMap;

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// For how many microseconds it is believed whether a budget is above its soft ratio.
const SOFT_FOR: i64 = 200_000;

/// The budgets that hold.
#[derive(Default)]
pub struct Books {
    generation: Option<u64>,
    budgets: Vec<Budget>,
    counters: Counters,
    cluster: Cluster,
    /// By plan, whether a budget of its is above its soft ratio, and when that was asked.
    soft: HashMap<u64, (bool, i64)>,
}

impl Books {
    /// Drops what was read of budgets and counters.
    pub fn forget(&mut self) {
        self.generation = None;
        self.counters.forget();
    }

    /// Changes the counters that attempts fall under, which have ended. The caller holds the books.
    pub fn shift(&mut self, moved: &[Moved]) {
        self.counters.meet(moved.iter().map(|moved| moved.scope.clone()));
        self.counters.shift(moved);
        self.counters.write();
    }

    /// Sets money aside for attempts, one after the other: what the first takes, the second cannot have.
    pub fn reserve(&mut self, attempts: &[&Attempt]) -> Vec<Result<Reserved, Refusal>> {
        spi::lock_books();
        let now = guard::clock();
        self.refresh(now);
        let (mut new, mut replies) = self.admit_all(attempts, now);
        let is_out = |reply: &Result<(), Refusal>| reply.as_ref().is_err_and(|r| r.reason == Reason::BudgetExceeded);
        if replies.iter().any(is_out) {
            // Somebody may have settled by hand what was in doubt.
            self.counters.forget();
            (new, replies) = self.admit_all(attempts, now);
        }
        let mut numbers = Vec::new().into_iter();
        if !new.is_empty() {
            self.counters.write();
            numbers = spi::insert_reservations(&new, "open").into_iter();
        }
        let reply = |verdict: Result<(), Refusal>| {
            verdict.map(|()| Reserved { attempt: numbers.next().expect("each reservation has a number") })
        };
        replies.into_iter().map(reply).collect()
    }

    /// Sets money aside for as many of these attempts, which go in a batch, as the first that is refused leaves; their numbers, and why
    /// that one is.
    pub fn reserve_first(&mut self, attempts: &[Attempt]) -> (Vec<i64>, Option<Refusal>) {
        spi::lock_books();
        let now = guard::clock();
        self.refresh(now);
        // Somebody may have settled by hand what was in doubt.
        self.counters.forget();
        self.counters.meet(attempts.iter().flat_map(scopes));
        let (mut new, mut refusal) = (Vec::with_capacity(attempts.len()), None);
        for attempt in attempts {
            match self.admit(attempt, now) {
                Ok(price_id) => {
                    let reservation = reservation(attempt, now, price_id);
                    self.counters.shift(&spi::movements(&reservation, Movement::reserve(attempt.worst_case)));
                    new.push(reservation);
                }
                Err(refused) => {
                    refusal = Some(refused);
                    break;
                }
            }
        }
        if new.is_empty() {
            return (Vec::new(), refusal);
        }
        self.counters.write();
        (spi::insert_reservations(&new, "batched"), refusal)
    }

    fn admit_all(&mut self, attempts: &[&Attempt], now: i64) -> (Vec<Reservation>, Vec<Result<(), Refusal>>) {
        self.counters.meet(attempts.iter().flat_map(|attempt| scopes(attempt)));
        let (mut new, mut replies) = (Vec::new(), Vec::new());
        for attempt in attempts {
            replies.push(self.admit(attempt, now).map(|price_id| {
                let reservation = reservation(attempt, now, price_id);
                self.counters.shift(&spi::movements(&reservation, Movement::reserve(attempt.worst_case)));
                new.push(reservation);
            }));
        }
        (new, replies)
    }

    /// Whether a budget of these inputs is above its soft ratio, whoever is asked first.
    pub fn is_soft(&mut self, plan: &Plan) -> bool {
        let now = guard::clock();
        self.refresh(now);
        self.soft.retain(|_, (_, at)| (*at..*at + SOFT_FOR).contains(&now));
        if let Some((soft, _)) = self.soft.get(&plan.serial) {
            return *soft;
        }
        let soft = self.ask_whether_soft(plan);
        self.soft.insert(plan.serial, (soft, now));
        soft
    }

    fn ask_whether_soft(&self, plan: &Plan) -> bool {
        let provider = plan.routes.first().map_or(0, |route| route.provider.id);
        let scopes = spi::scopes(&plan.tenant, plan.taxonomy, provider);
        let holds = |budget: &&Budget| budget.limit.is_some() && scopes.contains(&budget.scope);
        let mine: Vec<Budget> = self.budgets.iter().filter(holds).cloned().collect();
        if mine.is_empty() {
            return false;
        }
        let accounts = self.counters.look_at(&scopes, &mine);
        mine.iter()
            .zip(accounts)
            .any(|(budget, account)| budget.limit.is_some_and(|limit| account.is_soft(limit, budget.soft_ratio)))
    }

    /// The row of the price at which an attempt may be made.
    fn admit(&mut self, attempt: &Attempt, now: i64) -> Result<i64, Refusal> {
        if !guc::external() {
            return Err(Refusal::new(Reason::ExternalOff));
        }
        let Some(price) = attempt.route.price else {
            let detail = format!("Nobody said what model {} costs.", attempt.route.model.name);
            return Err(Refusal::because(Reason::UnknownPrice, detail));
        };
        let (worst, scopes) = (attempt.worst_case, scopes(attempt));
        for budget in self.budgets.iter().filter(|budget| scopes.contains(&budget.scope)) {
            if let Some(cap) = budget.per_request.filter(|cap| worst > *cap) {
                let detail =
                    format!("The request may cost up to {worst} dollars; {} allows {cap} for one.", name(budget));
                return Err(Refusal::because(Reason::RequestTooExpensive, detail));
            }
            if !(budget.starts_at..budget.ends_at).contains(&now) {
                let detail = format!("It cannot be told in which period of {} this is.", name(budget));
                return Err(Refusal::because(Reason::BudgetExceeded, detail));
            }
            let account = self.counters.of(budget);
            if let Some(limit) = budget.limit.filter(|limit| !account.admits(worst, *limit)) {
                return Err(Refusal::because(
                    Reason::BudgetExceeded,
                    too_little(budget, account.left(limit), limit, worst),
                ));
            }
        }
        if let Some(limit) = guc::cluster_limit() {
            let account = self.counters.of(&today(now));
            self.cluster.admit(account, worst, limit, now / DAY)?;
        }
        Ok(price.id)
    }

    /// Reads the budgets where they have changed, or where one of their periods is over. The clock may go back, too.
    fn refresh(&mut self, now: i64) {
        let generation = Some(freshness::plans());
        let holds = |budget: &Budget| budget.starts_at <= now && now < budget.ends_at;
        if self.generation != generation || !self.budgets.iter().all(holds) {
            self.soft.clear();
            self.budgets = spi::budgets(now);
            self.generation = generation;
        }
    }
}

/// What all databases share a limit of, as a budget of this one: the day of UTC.
fn today(now: i64) -> Budget {
    let starts_at = now - now.rem_euclid(DAY);
    Budget {
        scope: ("database", String::new()),
        period: "day".to_owned(),
        starts_at,
        ends_at: starts_at + DAY,
        limit: None,
        per_request: None,
        soft_ratio: 1.0,
    }
}

fn scopes(attempt: &Attempt) -> Vec<Scope> {
    spi::scopes(&attempt.plan.tenant, attempt.plan.taxonomy, attempt.route.provider.id)
}

fn reservation(attempt: &Attempt, now: i64, price_id: i64) -> Reservation {
    Reservation {
        attempt: 0,
        reserved_at: now,
        amount: attempt.worst_case,
        provider_id: attempt.route.provider.id,
        provider: attempt.route.provider.name.clone(),
        model: attempt.route.model.name.clone(),
        price_id,
        tenant: attempt.plan.tenant.clone(),
        taxonomy: attempt.plan.taxonomy,
        asker: attempt.asker.clone(),
        inputs: i32::try_from(attempt.inputs).unwrap_or(i32::MAX),
    }
}

/// What is left of a tenant's own budget is the tenant's to know. That of a budget which others share tells what they spend.
fn too_little(budget: &Budget, left: Money, limit: Money, worst: Money) -> String {
    let name = capital(&name(budget));
    match budget.scope {
        ("tenant", _) => format!("{name} has {left} dollars left of {limit}; the request may cost up to {worst}."),
        _ => format!("{name} has too little left: the request may cost up to {worst} dollars."),
    }
}

fn name(budget: &Budget) -> String {
    let of = match budget.scope {
        ("tenant", ref tenant) => format!("tenant \"{tenant}\""),
        ("taxonomy", _) => "the taxonomy".to_owned(),
        ("provider", _) => "the provider".to_owned(),
        _ => "the database".to_owned(),
    };
    format!("the {} budget of {of}", if budget.period == "month" { "monthly" } else { "daily" })
}

fn capital(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
