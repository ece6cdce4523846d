//! Budgets, and the counters that are kept beside the ledger.

use super::{Reservation, moments};
use crate::pg::spi::{run, time};
use pg_categorize_core::budget::{Account, Movement};
use pg_categorize_core::money::Money;

/// What a budget bounds: the kind, and its name or id.
pub type Scope = (&'static str, String);

/// A budget that holds now, in the period of now.
#[derive(Debug, Clone)]
pub struct Budget {
    /// What it bounds.
    pub scope: Scope,
    /// `day` or `month`.
    pub period: String,
    /// Where the period begins, in microseconds of the Postgres epoch.
    pub starts_at: i64,
    /// Where it has ended.
    pub ends_at: i64,
    /// How much may be spent in it; `None` is without limit.
    pub limit: Option<Money>,
    /// How much one request may cost.
    pub per_request: Option<Money>,
    /// From which part of the limit on only what needs it most is asked.
    pub soft_ratio: f32,
}

/// What a period of a scope holds.
#[derive(Debug, Clone)]
pub struct Counter {
    /// Of what.
    pub scope: Scope,
    /// `day` or `month`.
    pub period: String,
    /// Where the period begins.
    pub starts_at: i64,
    /// Where it has ended.
    pub ends_at: i64,
    /// What it holds.
    pub account: Account,
    /// Where its row is (`ctid`).
    place: String,
}

/// A change of all counters of a scope that hold a moment.
#[derive(Debug, Clone)]
pub struct Moved {
    /// Of what.
    pub scope: Scope,
    /// When the money was reserved.
    pub at: i64,
    /// The change.
    pub movement: Movement,
}

impl Counter {
    /// Whether a movement changes it.
    pub fn holds(&self, moved: &Moved) -> bool {
        self.scope == moved.scope && (self.starts_at..self.ends_at).contains(&moved.at)
    }
}

/// The budgets that hold at a moment; of two rows of one scope and period, that of the user.
pub fn budgets(at: i64) -> Vec<Budget> {
    let sql = "
        SELECT b.scope, b.scope_key, b.period, b.limit_nanousd, b.per_request_nanousd, b.soft_ratio,
               p.local AT TIME ZONE b.time_zone, (p.local + ('1 ' || b.period)::interval) AT TIME ZONE b.time_zone
          FROM (SELECT DISTINCT ON (scope, scope_key, period) * FROM categorize.budget
                 ORDER BY scope, scope_key, period, id >= 1000 DESC, id DESC) b
          CROSS JOIN LATERAL (SELECT date_trunc(b.period, $1 AT TIME ZONE b.time_zone) AS local) t
          -- Where clocks go back at midnight a day begins twice: it begins the second time.
          CROSS JOIN LATERAL (SELECT CASE WHEN t.local AT TIME ZONE b.time_zone > $1
                                          THEN t.local - ('1 ' || b.period)::interval ELSE t.local END AS local) p";
    let rows = run::kept(sql, &[time(at).into()], |row| {
        Some(Budget {
            scope: (scope(&row.get::<String>(1)?)?, row.get(2)?),
            period: row.get(3)?,
            limit: row.get(4).map(Money),
            per_request: row.get(5).map(Money),
            soft_ratio: row.get(6)?,
            starts_at: row.get(7)?,
            ends_at: row.get(8)?,
        })
    });
    rows.into_iter().flatten().collect()
}

/// All counters of these scopes. The caller holds the books.
pub fn counters(scopes: &[Scope]) -> Vec<Counter> {
    let sql = "
        SELECT scope, scope_key, period, starts_at, ends_at, settled_nanousd, reserved_nanousd, ctid::text
          FROM categorize.budget_counter
         WHERE (scope, scope_key) IN (SELECT * FROM ROWS FROM (unnest($1::text[]), unnest($2::text[])) AS s)";
    run::kept(sql, &[names(scopes.iter()).into(), keys(scopes.iter()).into()], counter).into_iter().flatten().collect()
}

/// Writes what a counter holds over what it held `before`, in the row where it was last seen: whether that row was there, and
/// held that. A statement that runs for long keeps all versions of the row in place, and who looked for the newest by its key
/// would come by every one of them. The caller holds the books.
pub fn write_counter(counter: &mut Counter, before: Account) -> bool {
    let sql = "
        UPDATE categorize.budget_counter SET settled_nanousd = $2, reserved_nanousd = $3
         WHERE ctid = $1::text::tid AND scope = $4 AND scope_key = $5 AND period = $6 AND starts_at = $7 AND ends_at = $8
           AND settled_nanousd = $9 AND reserved_nanousd = $10
        RETURNING ctid::text";
    let arguments = [
        counter.place.as_str().into(),
        counter.account.settled.0.into(),
        counter.account.reserved.0.into(),
        counter.scope.0.into(),
        counter.scope.1.as_str().into(),
        counter.period.as_str().into(),
        time(counter.starts_at).into(),
        time(counter.ends_at).into(),
        before.settled.0.into(),
        before.reserved.0.into(),
    ];
    let place: Option<String> = run::kept(sql, &arguments, |row| row.get(1)).pop().flatten();
    place.map(|place| counter.place = place).is_some()
}

/// Makes the counter of a budget from the ledger. Days that were rolled up count whole where they are in part in the
/// period: a counter holds too much rather than too little. The caller holds the books.
pub fn make_counter(budget: &Budget) -> Counter {
    let sql = "
        INSERT INTO categorize.budget_counter (scope, scope_key, period, starts_at, ends_at, settled_nanousd, reserved_nanousd)
        SELECT $1, $2, $3, $4, $5,
               coalesce((SELECT sum(l.amount_nanousd) FROM categorize.ledger l
                          WHERE l.kind IN ('settle', 'adjust') AND l.reserved_at >= $4 AND l.reserved_at < $5
                            AND ($1 = 'database' OR $1 = 'tenant' AND l.tenant = $2
                                 OR $1 = 'taxonomy' AND l.taxonomy_id::text = $2
                                 OR $1 = 'provider' AND l.provider_id::text = $2)), 0)
             + coalesce((SELECT sum(d.spent_nanousd) FROM categorize.ledger_day d
                          WHERE (d.day + 1)::timestamp AT TIME ZONE 'UTC' > $4 AND d.day::timestamp AT TIME ZONE 'UTC' < $5
                            AND ($1 = 'database' OR $1 = 'tenant' AND d.tenant = $2
                                 OR $1 = 'taxonomy' AND d.taxonomy_id::text = $2
                                 OR $1 = 'provider' AND d.provider_id::text = $2)), 0),
               coalesce((SELECT sum(r.amount_nanousd) FROM categorize.reservation r
                          WHERE r.reserved_at >= $4 AND r.reserved_at < $5
                            AND ($1 = 'database' OR $1 = 'tenant' AND r.tenant = $2
                                 OR $1 = 'taxonomy' AND r.taxonomy_id::text = $2
                                 OR $1 = 'provider' AND r.provider_id::text = $2)), 0)
        RETURNING scope, scope_key, period, starts_at, ends_at, settled_nanousd, reserved_nanousd, ctid::text";
    let arguments = [
        budget.scope.0.into(),
        budget.scope.1.as_str().into(),
        budget.period.as_str().into(),
        time(budget.starts_at).into(),
        time(budget.ends_at).into(),
    ];
    run::kept(sql, &arguments, counter).pop().flatten().expect("a row that was inserted is returned")
}

/// Changes counters, whatever they hold. One that is not there needs no change: it is made from the ledger.
pub fn move_counters(moved: &[Moved]) {
    let sql = "
        UPDATE categorize.budget_counter c
           SET settled_nanousd = c.settled_nanousd + d.settled, reserved_nanousd = c.reserved_nanousd + d.reserved
          FROM (SELECT k.scope, k.scope_key, k.period, k.starts_at, k.ends_at,
                       sum(m.settled)::bigint AS settled, sum(m.reserved)::bigint AS reserved
                  FROM ROWS FROM (unnest($1::text[]), unnest($2::text[]), unnest($3::timestamptz[]),
                                  unnest($4::bigint[]), unnest($5::bigint[])) AS m (scope, scope_key, at, settled, reserved)
                  JOIN categorize.budget_counter k
                    ON k.scope = m.scope AND k.scope_key = m.scope_key AND k.starts_at <= m.at AND m.at < k.ends_at
                 GROUP BY 1, 2, 3, 4, 5) d
         WHERE c.scope = d.scope AND c.scope_key = d.scope_key AND c.period = d.period AND c.starts_at = d.starts_at
           AND c.ends_at = d.ends_at";
    let arguments = [
        names(moved.iter().map(|m| &m.scope)).into(),
        keys(moved.iter().map(|m| &m.scope)).into(),
        moments(moved.iter().map(|m| m.at)).into(),
        moved.iter().map(|m| m.movement.settled.0).collect::<Vec<_>>().into(),
        moved.iter().map(|m| m.movement.reserved.0).collect::<Vec<_>>().into(),
    ];
    run::kept(sql, &arguments, |_| ());
}

/// What a movement of an attempt's money changes.
pub fn movements(of: &Reservation, movement: Movement) -> Vec<Moved> {
    let scopes = scopes(&of.tenant, of.taxonomy, of.provider_id);
    scopes.into_iter().map(|scope| Moved { scope, at: of.reserved_at, movement }).collect()
}

/// What bounds an attempt.
pub fn scopes(tenant: &str, taxonomy: Option<i32>, provider: i32) -> Vec<Scope> {
    let mut scopes =
        vec![("database", String::new()), ("tenant", tenant.to_owned()), ("provider", provider.to_string())];
    scopes.extend(taxonomy.map(|id| ("taxonomy", id.to_string())));
    scopes
}

fn counter(row: &run::Row) -> Option<Counter> {
    Some(Counter {
        scope: (scope(&row.get::<String>(1)?)?, row.get(2)?),
        period: row.get(3)?,
        starts_at: row.get(4)?,
        ends_at: row.get(5)?,
        account: Account { settled: Money(row.get(6)?), reserved: Money(row.get(7)?) },
        place: row.get(8)?,
    })
}

fn scope(name: &str) -> Option<&'static str> {
    ["database", "tenant", "taxonomy", "provider"].into_iter().find(|known| *known == name)
}

fn names<'a>(scopes: impl Iterator<Item = &'a Scope>) -> Vec<String> {
    scopes.map(|scope| scope.0.to_owned()).collect()
}

fn keys<'a>(scopes: impl Iterator<Item = &'a Scope>) -> Vec<String> {
    scopes.map(|scope| scope.1.clone()).collect()
}
