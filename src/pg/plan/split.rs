//! A scan, a join or groups that compute a call of ours: they are left with plain columns, and a node above computes the rest.

use super::collect::Calls;
use super::demand::Demand;
use super::insert::Surgeon;
use super::tree::{self, Next, NodeTag, copy, items, list, tag};
use super::{layout, nature};
use pgrx::pg_sys;

impl Surgeon {
    /// Splits a scan, a join or groups: it gives plain columns, and a node above it computes the rest.
    ///
    /// # Safety
    /// `plan` is one of these, and belongs to the statement.
    pub(super) unsafe fn split(&mut self, plan: *mut pg_sys::Plan, demand: Demand) -> *mut pg_sys::Plan {
        // SAFETY: promised by the caller. What the plan loses is copied into the node before.
        unsafe {
            let over_groups = matches!(tag(plan), NodeTag::T_Agg | NodeTag::T_Group);
            let quals = items::<pg_sys::Node>((*plan).qual);
            let asks = |qual: &*mut pg_sys::Node| {
                let mut calls = self.calls(over_groups);
                calls.add(*qual, true);
                calls.any()
            };
            let first = quals.iter().position(asks).unwrap_or(quals.len());
            let (kept, moved) = quals.split_at(first);
            let mut calls = self.calls(over_groups);
            for (at, qual) in moved.iter().enumerate() {
                calls.add(*qual, at == 0);
            }
            calls.add((*plan).targetlist, moved.is_empty());
            if matches!(tag(plan), NodeTag::T_NestLoop | NodeTag::T_MergeJoin | NodeTag::T_HashJoin) {
                let mut joins = Calls::default();
                joins.add((*plan.cast::<pg_sys::Join>()).joinqual, false);
                if joins.any() {
                    self.refuse("it is part of a join's own condition");
                }
            }
            self.report.refusals.append(&mut calls.refusals);
            if calls.calls.is_empty() {
                return plan;
            }
            if tag(plan) == NodeTag::T_Agg && !(*plan.cast::<pg_sys::Agg>()).groupingSets.is_null() {
                self.refuse("it is computed over grouping sets");
                return plan;
            }
            let mut is_grouping =
                |node: *mut pg_sys::Node| if tag(node) == NodeTag::T_GroupingFunc { Next::Stop } else { Next::Below };
            if tree::walk((*plan).targetlist, &mut is_grouping) || tree::walk((*plan).qual, &mut is_grouping) {
                self.refuse("GROUPING belongs to its node");
                return plan;
            }
            let kept = list(kept.iter().copied());
            let mut columns: Vec<*mut pg_sys::Node> = Vec::new();
            let node_list: *mut pg_sys::List = copy((*plan).targetlist);
            let node_qual: *mut pg_sys::List = copy(list(moved.iter().copied()));
            let mut look = |node: *mut pg_sys::Node| {
                if !is_column(node) {
                    return Next::Below;
                }
                let same = |known: &*mut pg_sys::Node| pg_sys::equal(known.cast(), node.cast());
                if !columns.iter().any(same) {
                    columns.push(copy(node));
                }
                Next::Beside
            };
            tree::walk(node_list, &mut look);
            tree::walk(node_qual, &mut look);
            let mut calls = calls.calls;
            for call in &mut calls {
                call.input = copy(call.input);
                refer(call.input, &columns);
            }
            refer(node_list, &columns);
            refer(node_qual, &columns);
            let entry = |(at, column): (usize, &*mut pg_sys::Node)| {
                pg_sys::makeTargetEntry(column.cast(), at as i16 + 1, std::ptr::null_mut(), false)
            };
            let own_list = list(columns.iter().enumerate().map(entry));
            let below = self.nature_of_split(plan, own_list, kept);
            let Some(reads_ahead) = self.reads_ahead(below, demand) else { return plan };

            let node = self.node(plan, own_list);
            (*node).scan.plan.targetlist = node_list;
            (*node).scan.plan.qual = node_qual;
            layout::write(node, &calls, demand, reads_ahead);
            // Initial sub-selects go with the expressions that may use them; the plan then sees their results from outside.
            (*node).scan.plan.initPlan = (*plan).initPlan;
            (*node).scan.plan.extParam = pg_sys::bms_copy((*plan).extParam);
            (*node).scan.plan.allParam = pg_sys::bms_copy((*plan).allParam);
            if !(*plan).initPlan.is_null() {
                (*plan).initPlan = std::ptr::null_mut();
                (*plan).extParam = pg_sys::bms_copy((*plan).allParam);
            }
            (*plan).targetlist = own_list;
            (*plan).qual = kept;
            (*plan).async_capable = false;
            node.cast()
        }
    }

    /// The nature of a plan as it will be once it is split: what it gives, and the quals that it keeps.
    ///
    /// # Safety
    /// `plan` belongs to the statement.
    unsafe fn nature_of_split(
        &self,
        plan: *mut pg_sys::Plan,
        columns: *mut pg_sys::List,
        kept: *mut pg_sys::List,
    ) -> nature::Nature {
        // SAFETY: promised by the caller; the plan is put back as it was.
        unsafe {
            let whole = ((*plan).targetlist, (*plan).qual, (*plan).initPlan);
            ((*plan).targetlist, (*plan).qual, (*plan).initPlan) = (columns, kept, std::ptr::null_mut());
            let below = nature::of_plan(self.statement, plan);
            ((*plan).targetlist, (*plan).qual, (*plan).initPlan) = whole;
            below
        }
    }
}

/// Whether an expression is a column of the plan that computes it: a column of what is below, or an aggregate.
///
/// # Safety
/// `node` is an expression.
unsafe fn is_column(node: *mut pg_sys::Node) -> bool {
    // SAFETY: promised by the caller.
    unsafe { matches!(tag(node), NodeTag::T_Var | NodeTag::T_Aggref) }
}

/// Makes references to columns of a plan refer to those that it gives now, in place.
///
/// # Safety
/// `node` is an expression or a list of them that belongs to the caller.
unsafe fn refer<T>(node: *mut T, columns: &[*mut pg_sys::Node]) {
    // SAFETY: promised by the caller. A reference is smaller than an aggregate, and takes its place.
    unsafe {
        const { assert!(size_of::<pg_sys::Var>() <= size_of::<pg_sys::Aggref>()) };
        tree::walk(node, &mut |node| {
            if !is_column(node) {
                return Next::Below;
            }
            let same = |known: &*mut pg_sys::Node| pg_sys::equal(known.cast(), node.cast());
            if let Some(at) = columns.iter().position(same) {
                let column = columns[at];
                *node.cast::<pg_sys::Var>() = pg_sys::Var {
                    xpr: pg_sys::Expr { type_: NodeTag::T_Var },
                    varno: pg_sys::INDEX_VAR as _,
                    varattno: at as i16 + 1,
                    vartype: pg_sys::exprType(column),
                    vartypmod: pg_sys::exprTypmod(column),
                    varcollid: pg_sys::exprCollation(column),
                    location: -1,
                    ..pg_sys::Var::default()
                };
            }
            Next::Beside
        });
    }
}
