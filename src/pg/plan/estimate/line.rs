//! What is expected of a statement, as `categorize.estimate()` tells it: a line for each tier of each place.

use super::{Estimate, of_statement};
use pg_categorize_core::cascade::TierName;
use pg_categorize_core::money::Money;
use pgrx::pg_sys;

/// What is expected of one of those who answer the calls of a place.
pub struct Line {
    /// Number of the place, from 1.
    pub call: i32,
    /// The taxonomy; `None` for ad-hoc labels.
    pub taxonomy: Option<String>,
    /// A tier, or `unresolved`.
    pub tier: &'static str,
    /// Calls.
    pub rows: i64,
    /// Distinct inputs.
    pub inputs: i64,
    /// What is paid, if all goes well for who pays.
    pub low: Money,
    /// What is paid at most, unless requests fail.
    pub high: Money,
    /// On what it rests.
    pub basis: String,
}

/// What is expected of a statement without parameters, line by line.
pub fn lines(statement: *mut pg_sys::PlannedStmt) -> Vec<Line> {
    // SAFETY: called with a plan that was made just now, whose tables are locked since then.
    let estimates = unsafe { of_statement(statement, std::ptr::null_mut()) };
    let of = |(at, estimate): (usize, Estimate)| {
        let is_paid = |tier: &str| tier == TierName::Llm.as_str();
        let line = |(tier, calls, inputs): (&'static str, f64, f64)| Line {
            call: i32::try_from(at + 1).unwrap_or(i32::MAX),
            taxonomy: estimate.taxonomy.clone(),
            tier,
            rows: calls.round() as i64,
            inputs: inputs.round() as i64,
            low: if is_paid(tier) { estimate.low } else { Money::ZERO },
            high: if is_paid(tier) { estimate.high } else { Money::ZERO },
            basis: estimate.basis.told(),
        };
        let mut lines: Vec<Line> = estimate.answerers().map(line).collect();
        // What may be paid is told also where a sample found nobody who would be.
        if !lines.iter().any(|line| is_paid(line.tier)) && estimate.high > Money::ZERO {
            lines.push(line((TierName::Llm.as_str(), 0.0, 0.0)));
        }
        lines
    };
    estimates.into_iter().enumerate().flat_map(of).collect()
}
