//! How many rows conditions on our answers are tested for. The planner's number of rows is what it takes them to keep, of which it
//! knows nothing.

use super::super::is_ours;
use super::super::tree::{self, NodeTag, items, tag};
use super::column;
use pgrx::pg_sys;

/// Rows that the conditions from the first that asks us on are tested for; `has_others` says that the plan has conditions before.
///
/// # Safety
/// `plan` belongs to the statement, and has the conditions.
pub(super) unsafe fn tested(
    statement: *mut pg_sys::PlannedStmt,
    plan: *mut pg_sys::Plan,
    has_others: bool,
    quals: &[*mut pg_sys::Node],
) -> f64 {
    // SAFETY: promised by the caller; each node is cast to what its tag says.
    unsafe {
        // A node of ours took the conditions from the plan below it, whose number of rows is as if it had them still.
        let (source, has_others) = match is_ours(plan) {
            true => ((*plan).lefttree, !(*(*plan).lefttree).qual.is_null()),
            false => (plan, has_others),
        };
        let kept: f64 = quals.iter().map(|qual| assumed(*qual)).product();
        let before = (*source).plan_rows / kept.clamp(1e-9, 1.0);
        match tag(source) {
            NodeTag::T_SeqScan if !has_others => column::rows_of_scan(statement, source.cast()).unwrap_or(before),
            NodeTag::T_SeqScan
            | NodeTag::T_SampleScan
            | NodeTag::T_IndexScan
            | NodeTag::T_IndexOnlyScan
            | NodeTag::T_BitmapHeapScan
            | NodeTag::T_TidScan
            | NodeTag::T_TidRangeScan => {
                column::rows_of_scan(statement, source.cast()).map_or(before, |all| before.min(all))
            }
            _ => {
                let children = tree::children(source).into_iter().filter(|child| !child.is_null());
                let most: f64 = children.map(|child| (*child).plan_rows.max(1.0)).product();
                if most > 1.0 { before.min(most) } else { before }
            }
        }
    }
}

/// The share of rows that the planner takes a condition to keep of which it knows nothing (`DEFAULT_EQ_SEL` and others in
/// `utils/selfuncs.h`).
///
/// # Safety
/// `qual` is a condition of a finished plan.
unsafe fn assumed(qual: *mut pg_sys::Node) -> f64 {
    const EQUAL: f64 = 0.005;
    const UNKNOWN: f64 = 1.0 / 3.0;
    // SAFETY: promised by the caller; each node is cast to what its tag says.
    unsafe {
        let operator = |number: pg_sys::Oid| match pg_sys::get_oprrest(number).to_u32() {
            pg_sys::F_EQSEL => EQUAL,
            pg_sys::F_NEQSEL => 1.0 - EQUAL,
            pg_sys::F_SCALARLTSEL | pg_sys::F_SCALARLESEL | pg_sys::F_SCALARGTSEL | pg_sys::F_SCALARGESEL => UNKNOWN,
            _ => EQUAL,
        };
        match tag(qual) {
            NodeTag::T_OpExpr => operator((*qual.cast::<pg_sys::OpExpr>()).opno),
            NodeTag::T_DistinctExpr => 1.0 - EQUAL,
            NodeTag::T_ScalarArrayOpExpr => {
                let one = operator((*qual.cast::<pg_sys::ScalarArrayOpExpr>()).opno);
                // As many elements as it assumes where it does not know.
                1.0 - (1.0 - one).powi(10)
            }
            NodeTag::T_NullTest => match (*qual.cast::<pg_sys::NullTest>()).nulltesttype {
                pg_sys::NullTestType::IS_NULL => EQUAL,
                _ => 1.0 - EQUAL,
            },
            NodeTag::T_BoolExpr => {
                let parts = items::<pg_sys::Node>((*qual.cast::<pg_sys::BoolExpr>()).args);
                let shares = parts.into_iter().map(|part| assumed(part));
                match (*qual.cast::<pg_sys::BoolExpr>()).boolop {
                    pg_sys::BoolExprType::AND_EXPR => shares.product(),
                    pg_sys::BoolExprType::OR_EXPR => 1.0 - shares.map(|share| 1.0 - share).product::<f64>(),
                    _ => 1.0 - shares.product::<f64>(),
                }
            }
            _ => UNKNOWN,
        }
    }
}
