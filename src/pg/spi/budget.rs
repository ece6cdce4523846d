//! Statements on budgets.

use super::run;
use pg_categorize_core::money::Money;

/// What a budget is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetScope {
    /// `database`, `tenant`, `taxonomy` or `provider`.
    pub scope: &'static str,
    /// Name of the tenant, or id of the taxonomy or provider; empty for the database.
    pub key: String,
    /// `day` or `month`.
    pub period: &'static str,
}

/// What a budget says.
#[derive(Debug, Clone, PartialEq)]
pub struct BudgetTerms {
    /// The most in a period; `None` is without limit.
    pub limit: Option<Money>,
    /// The most for one request.
    pub per_request: Option<Money>,
    /// Above this share of the limit only what is unsure goes out.
    pub soft_ratio: f32,
    /// Where its days begin.
    pub time_zone: String,
}

/// The budget that holds: the user's, else ours.
pub fn budget(of: &BudgetScope) -> Option<BudgetTerms> {
    let sql = "SELECT limit_nanousd, per_request_nanousd, soft_ratio, time_zone FROM categorize.budget
                WHERE scope = $1 AND scope_key = $2 AND period = $3 ORDER BY id >= 1000 DESC LIMIT 1";
    let row = |row: &run::Row| {
        Some(BudgetTerms {
            limit: row.get(1).map(Money),
            per_request: row.get(2).map(Money),
            soft_ratio: row.get(3)?,
            time_zone: row.get(4)?,
        })
    };
    run::write_returning(sql, &[of.scope.into(), of.key.as_str().into(), of.period.into()], row).pop()?
}

/// Stores the user's budget, in place of the one before.
pub fn upsert_budget(of: &BudgetScope, terms: &BudgetTerms, author: &str) {
    let sql = "INSERT INTO categorize.budget (scope, scope_key, period, limit_nanousd, per_request_nanousd, soft_ratio,
                                              time_zone, created_by)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8::name)
               ON CONFLICT (scope, scope_key, period) WHERE id >= 1000 DO UPDATE
                  SET limit_nanousd = excluded.limit_nanousd, per_request_nanousd = excluded.per_request_nanousd,
                      soft_ratio = excluded.soft_ratio, time_zone = excluded.time_zone,
                      created_by = excluded.created_by, created_at = pg_catalog.now()";
    let arguments = [
        of.scope.into(),
        of.key.as_str().into(),
        of.period.into(),
        terms.limit.map(|limit| limit.0).into(),
        terms.per_request.map(|limit| limit.0).into(),
        terms.soft_ratio.into(),
        terms.time_zone.as_str().into(),
        author.into(),
    ];
    run::write(sql, &arguments);
}

/// Deletes the user's budget; says whether there was one.
pub fn delete_budget(of: &BudgetScope) -> bool {
    let sql = "DELETE FROM categorize.budget WHERE scope = $1 AND scope_key = $2 AND period = $3 AND id >= 1000";
    run::write(sql, &[of.scope.into(), of.key.as_str().into(), of.period.into()]) > 0
}

/// The name of a time zone as Postgres writes it.
pub fn time_zone(name: &str) -> Option<String> {
    let sql = "SELECT z.name FROM pg_catalog.pg_timezone_names z
                WHERE pg_catalog.lower(z.name) OPERATOR(pg_catalog.=) pg_catalog.lower($1) LIMIT 1";
    run::read(sql, &[name.into()], |row| row.get(1)).pop()?
}
