//! How much may be spent, and what became of money that is in doubt.

use super::as_writer;
use crate::pg::spi::{self, BudgetScope, BudgetTerms};
use crate::pg::{due, error, guard, world};
use pg_categorize_core::dollars;
use pg_categorize_core::error::Error;
use pg_categorize_core::money::{Money, NANO};
use pgrx::prelude::PgSqlErrorCode;

/// More than anybody means.
const MOST: Money = Money(1_000_000_000 * NANO);

/// The terms of a budget as they are given; `None` keeps what was, but for the limit: there it is none.
pub struct Terms<'a> {
    /// Dollars of a period.
    pub limit: Option<&'a str>,
    /// Dollars of one request.
    pub per_request: Option<&'a str>,
    /// Share of the limit.
    pub soft_ratio: Option<f32>,
    /// Where its days begin.
    pub time_zone: Option<&'a str>,
}

/// Sets the budget of a scope and period.
///
/// # Errors
/// 22023 for an unknown scope, period or time zone, and for amounts that cannot be meant.
pub fn set(scope: &str, period: &str, terms: &Terms<'_>) {
    let amount = |text: &str, name| dollars::parse(text, name, MOST).unwrap_or_else(|e| error::raise(e));
    let limit = terms.limit.map(|text| amount(text, "limit_usd"));
    let per_request = terms.per_request.map(|text| amount(text, "per_request_usd"));
    if let Some(ratio) = terms.soft_ratio.filter(|ratio| !(0.0..=1.0).contains(ratio)) {
        error::raise(
            Error::invalid(format!("invalid value for \"soft_ratio\": {ratio}")).hint("Allowed: a number from 0 to 1."),
        );
    }
    as_writer(|caller| {
        let of = budget_scope(scope, period);
        let known = spi::budget(&of).unwrap_or_else(|| BudgetTerms {
            limit: None,
            per_request: None,
            soft_ratio: 0.8,
            time_zone: "UTC".to_owned(),
        });
        let terms = BudgetTerms {
            limit,
            per_request: per_request.or(known.per_request),
            soft_ratio: terms.soft_ratio.unwrap_or(known.soft_ratio),
            time_zone: terms.time_zone.map_or(known.time_zone, time_zone),
        };
        spi::upsert_budget(&of, &terms, &caller.name);
        due::affordable();
        if let Some(before) = known.limit.filter(|_| limit.is_none()) {
            tell_of_no_limit(scope, period, before);
        }
    });
}

/// Who means to change only the cap of a request leaves the limit out, and that is no limit.
fn tell_of_no_limit(scope: &str, period: &str, before: Money) {
    error::notice(
        &format!(
            "the {} budget \"{scope}\" has no limit any more",
            if period == "month" { "monthly" } else { "daily" }
        ),
        format!("limit_usd was left out or NULL. The limit was {before} dollars."),
        format!("Say limit_usd => {before} to keep it."),
    );
}

/// Takes back what was set for a scope and period; says whether there was anything.
///
/// # Errors
/// 22023 for an unknown scope or period.
pub fn drop(scope: &str, period: &str) -> bool {
    as_writer(|_| spi::delete_budget(&budget_scope(scope, period)))
}

/// Settles an attempt that is in doubt at what it cost.
///
/// # Errors
/// 22023 where it is not in doubt, or for an amount that cannot be meant.
pub fn settle(attempt: i64, cost: &str) {
    let cost = dollars::parse(cost, "cost_usd", MOST).unwrap_or_else(|e| error::raise(e));
    if guard::uses_transaction_snapshot() {
        // It would not see counters that were made since, nor change them.
        error::report(
            PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
            "settle_in_doubt() needs isolation level READ COMMITTED",
            None,
            None,
        );
    }
    if !as_writer(|caller| spi::settle_in_doubt(attempt, cost, &caller.name)) {
        error::raise(
            Error::invalid(format!("attempt {attempt} is not in doubt"))
                .hint("categorize.in_doubt lists the attempts that are."),
        );
    }
}

fn budget_scope(scope: &str, period: &str) -> BudgetScope {
    let period = match period {
        "day" => "day",
        "month" => "month",
        _ => error::raise(
            Error::invalid(format!("unknown period \"{period}\" of a budget")).hint("Periods are day and month."),
        ),
    };
    let of = |scope, key: String| BudgetScope { scope, key, period };
    match scope.split_once(':') {
        None if scope == "database" => of("database", String::new()),
        Some(("tenant", name)) => of("tenant", name.to_owned()),
        Some(("taxonomy", name)) => of("taxonomy", world::now().0.taxonomy(name).id.to_string()),
        Some(("provider", name)) => of("provider", super::provider::id(name).to_string()),
        _ => error::raise(
            Error::invalid(format!("unknown scope \"{scope}\" of a budget"))
                .hint("Scopes are database, tenant:NAME, taxonomy:NAME and provider:NAME."),
        ),
    }
}

fn time_zone(name: &str) -> String {
    spi::time_zone(name).unwrap_or_else(|| {
        error::raise(
            Error::invalid(format!("time zone \"{name}\" does not exist"))
                .hint("pg_timezone_names lists those there are, as Europe/Vienna."),
        )
    })
}
