//! Budgets, and money in doubt.

use crate::pg::error::given;
use crate::pg::manage;
use crate::pg::manage::budget::{self, Terms};
use pgrx::AnyNumeric;
use pgrx::prelude::*;

/// Sets how much may be spent in a day or month; takes effect with the next request.
///
/// * `scope`: `database`, `tenant:NAME`, `taxonomy:NAME` or `provider:NAME`.
/// * `limit_usd`: NULL is without limit. NULL for one of the others keeps what it was.
///
/// # Errors
/// 22023 unknown scope, period or time zone, or an amount that cannot be meant.
#[pg_extern(schema = "categorize")]
fn set_budget(
    scope: default!(Option<&str>, "'database'"),
    limit_usd: default!(Option<AnyNumeric>, "NULL"),
    period: default!(Option<&str>, "'day'"),
    per_request_usd: default!(Option<AnyNumeric>, "NULL"),
    soft_ratio: default!(Option<f32>, "NULL"),
    time_zone: default!(Option<&str>, "NULL"),
) {
    let limit = limit_usd.map(|amount| amount.to_string());
    let per_request = per_request_usd.map(|amount| amount.to_string());
    let terms = Terms { limit: limit.as_deref(), per_request: per_request.as_deref(), soft_ratio, time_zone };
    budget::set(given(scope, "scope"), given(period, "period"), &terms);
}

/// Takes back what `set_budget` set, and says whether there was anything: the shipped budget holds again, or none.
///
/// # Errors
/// 22023 unknown scope or period.
#[pg_extern(schema = "categorize")]
fn drop_budget(scope: Option<&str>, period: default!(Option<&str>, "'day'")) -> bool {
    budget::drop(given(scope, "scope"), given(period, "period"))
}

/// Settles an attempt that is in doubt at what the provider charged for it.
///
/// # Errors
/// 22023 where it is not in doubt, or for an amount that cannot be meant.
#[pg_extern(schema = "categorize")]
fn settle_in_doubt(attempt_id: Option<i64>, cost_usd: Option<AnyNumeric>) {
    budget::settle(given(attempt_id, "attempt_id"), &given(cost_usd, "cost_usd").to_string());
}

/// Whether the caller is a member of `categorize_admin`, who sees the money of all tenants.
#[pg_extern(schema = "categorize", stable, parallel_safe)]
fn sees_all_tenants() -> bool {
    manage::sees_all_tenants()
}
