//! Setting money aside: every budget that an attempt falls under must admit its worst case, and the server's ceiling, too.

use super::cluster::Cluster;
use crate::pg::spi::{self, Budget, Counter, Reservation, Scope};
use crate::pg::{freshness, guard, guc};
use pg_categorize_core::budget::Movement;
use pg_categorize_core::cascade::Reason;
use pg_categorize_gateway::plan::Plan;
use pg_categorize_gateway::store::{Attempt, Refusal, Reserved};

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// The budgets that hold.
#[derive(Default)]
pub struct Books {
    generation: Option<u64>,
    budgets: Vec<Budget>,
    cluster: Cluster,
}

impl Books {
    /// Drops what was read of budgets.
    pub fn forget(&mut self) {
        self.generation = None;
    }

    /// Sets money aside for attempts, one after the other: what the first takes, the second cannot have.
    pub fn reserve(&mut self, attempts: &[&Attempt]) -> Vec<Result<Reserved, Refusal>> {
        spi::lock_books();
        let now = guard::clock();
        self.refresh(now);
        let mut scopes: Vec<Scope> = attempts.iter().flat_map(|a| scopes(a)).collect();
        scopes.sort_unstable();
        scopes.dedup();
        let mut counters = spi::counters(now, &scopes);
        let (mut new, mut moved, mut replies) = (Vec::new(), Vec::new(), Vec::new());
        for attempt in attempts {
            let verdict = self.admit(attempt, now, &mut counters).map(|price_id| {
                let reservation = reservation(attempt, now, price_id);
                let movement = Movement::reserve(attempt.worst_case);
                let of = spi::movements(&reservation, movement);
                for counter in counters.iter_mut().filter(|c| of.iter().any(|m| m.scope == c.scope)) {
                    counter.account = counter.account.after(movement);
                }
                moved.extend(of);
                new.push(reservation);
            });
            replies.push(verdict);
        }
        let mut numbers = Vec::new().into_iter();
        if !new.is_empty() {
            spi::move_counters(&moved);
            numbers = spi::insert_reservations(&new).into_iter();
        }
        let reply = |verdict: Result<(), Refusal>| {
            verdict.map(|()| Reserved { attempt: numbers.next().expect("each reservation has a number") })
        };
        replies.into_iter().map(reply).collect()
    }

    /// Whether a budget of these inputs is above its soft ratio, whoever is asked first.
    pub fn is_soft(&mut self, plan: &Plan) -> bool {
        let now = guard::clock();
        self.refresh(now);
        let provider = plan.routes.first().map_or(0, |route| route.provider.id);
        let scopes = spi::scopes(&plan.tenant, plan.taxonomy, provider);
        let mine = self.budgets.iter().filter(|budget| budget.limit.is_some() && scopes.contains(&budget.scope));
        let mine: Vec<&Budget> = mine.collect();
        if mine.is_empty() {
            return false;
        }
        let counters = spi::counters(now, &scopes);
        mine.iter().any(|budget| {
            let account = counters.iter().find(|c| is_of(c, budget)).map(|c| c.account).unwrap_or_default();
            budget.limit.is_some_and(|limit| account.is_soft(limit, budget.soft_ratio))
        })
    }

    /// The row of the price at which an attempt may be made.
    fn admit(&mut self, attempt: &Attempt, now: i64, counters: &mut Vec<Counter>) -> Result<i64, Refusal> {
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
            let counter = counter_of(budget, counters);
            if let Some(limit) = budget.limit.filter(|limit| !counter.account.admits(worst, *limit)) {
                let left = counter.account.left(limit);
                let detail = format!(
                    "{} has {left} dollars left of {limit}; the request may cost up to {worst}.",
                    capital(&name(budget))
                );
                return Err(Refusal::because(Reason::BudgetExceeded, detail));
            }
        }
        if let Some(limit) = guc::cluster_limit() {
            let counter = counter_of(&today(now), counters);
            self.cluster.admit(counter, worst, limit, now / DAY)?;
        }
        Ok(price.id)
    }

    /// Reads the budgets where they have changed, or where one of their periods is over. The clock may go back, too.
    fn refresh(&mut self, now: i64) {
        let generation = Some(freshness::plans());
        let holds = |budget: &Budget| budget.starts_at <= now && now < budget.ends_at;
        if self.generation != generation || !self.budgets.iter().all(holds) {
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

fn is_of(counter: &Counter, budget: &Budget) -> bool {
    (&counter.scope, &counter.period, counter.starts_at, counter.ends_at)
        == (&budget.scope, &budget.period, budget.starts_at, budget.ends_at)
}

/// The counter of a budget, made where it is absent. Movements of the same transaction are not in the tables yet.
fn counter_of<'a>(budget: &Budget, counters: &'a mut Vec<Counter>) -> &'a Counter {
    let at = counters.iter().position(|counter| is_of(counter, budget)).unwrap_or_else(|| {
        counters.push(spi::make_counter(budget));
        counters.len() - 1
    });
    &counters[at]
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
