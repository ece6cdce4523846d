//! Refusing statements that would cost more than `categorize.max_query_cost`, before they begin.

use super::{Estimate, of_statement};
use crate::pg::{compat, error, guard, guc};
use pg_categorize_core::money::Money;
use pgrx::pg_sys;
use pgrx::prelude::*;

/// Installs the hook; called once, when the library is loaded.
pub fn init() {
    compat::before_executor_start(check);
}

/// Refuses a statement that is about to run and whose low estimate is above the limit.
///
/// # Errors
/// 53400 where it is.
fn check(query: *mut pg_sys::QueryDesc, is_explained: bool) {
    let Some(limit) = guc::max_query_cost() else { return };
    if is_explained || guard::is_parallel_worker() {
        return;
    }
    // SAFETY: Postgres is about to run the query; its plan is finished, and its tables are locked.
    unsafe {
        let statement = (*query).plannedstmt;
        if !super::super::may_call_us(statement) {
            return;
        }
        // Who may not read a table is told that, and nothing of its statistics.
        compat::check_rights(statement);
        let estimates = of_statement(statement, (*query).params);
        let Some(sum) = Estimate::sum(&estimates).filter(|sum| sum.low > limit) else { return };
        let (low, high) = (rounded(sum.low), rounded(sum.high));
        error::report(
            PgSqlErrorCode::ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
            "statement would cost more than categorize.max_query_cost",
            Some(format!(
                "It is estimated to cost {low} to {high} dollars for {:.0} distinct inputs that a language model would be asked about; the limit is {limit}.",
                sum.bought(),
            )),
            Some("Ask for fewer rows, teach the free tiers, or raise the limit; categorize.estimate() shows the estimate by call.".to_owned()),
        );
    }
}

/// An amount as it is told of an estimate: to a hundredth of a cent, and no more exactly than it is known.
fn rounded(amount: Money) -> Money {
    const HUNDREDTH: i64 = 100_000;
    if amount.0 < HUNDREDTH { amount } else { Money(amount.0 / HUNDREDTH * HUNDREDTH) }
}
