//! A plan that computes a call of ours from its child's columns: a node between the two passes the rows on.

use super::demand::Demand;
use super::insert::Surgeon;
use super::tree::{self, Next, NodeTag, copy, items, list, tag};
use super::{layout, nature};
use pgrx::pg_sys;

impl Surgeon {
    /// Puts a node between a plan and its child, whose columns the plan's calls read.
    ///
    /// # Safety
    /// `plan` belongs to the statement and has a left child.
    pub(super) unsafe fn feed(&mut self, plan: *mut pg_sys::Plan, demand: Demand) {
        // SAFETY: promised by the caller.
        unsafe {
            let mut calls = self.calls(false);
            match tag(plan) {
                // Its aggregates' arguments are over rows of the child; what else it computes is over groups.
                NodeTag::T_Agg => {
                    for part in [(*plan).targetlist, (*plan).qual] {
                        tree::walk(part, &mut |node| {
                            if tag(node) != NodeTag::T_Aggref {
                                return Next::Below;
                            }
                            calls.add(node, true);
                            Next::Beside
                        });
                    }
                }
                NodeTag::T_NestLoop => calls.add(lateral_calls(plan.cast()), true),
                NodeTag::T_Result => {
                    let filters = !(*plan).qual.is_null();
                    calls.add((*plan).qual, false);
                    calls.add((*plan).targetlist, !filters);
                }
                NodeTag::T_WindowAgg => {
                    let filters =
                        !(*plan).qual.is_null() || !(*plan.cast::<pg_sys::WindowAgg>()).runCondition.is_null();
                    calls.add((*plan).targetlist, !filters);
                }
                _ => calls.add((*plan).targetlist, false),
            }
            self.report.refusals.append(&mut calls.refusals);
            if calls.calls.is_empty() {
                return;
            }
            let child = (*plan).lefttree;
            let Some(reads_ahead) = self.reads_ahead(nature::of_plan(self.statement, child), demand) else { return };
            let node = self.node(child, (*child).targetlist);
            for call in &mut calls.calls {
                call.input = copy(call.input);
                tree::walk(call.input, &mut |node| {
                    if tag(node) == NodeTag::T_Var {
                        let var = node.cast::<pg_sys::Var>();
                        (*var).varno = pg_sys::INDEX_VAR;
                        (*var).varnosyn = 0;
                    }
                    Next::Below
                });
            }
            let entries = items::<pg_sys::TargetEntry>((*node).custom_scan_tlist);
            let names = items::<pg_sys::TargetEntry>((*child).targetlist);
            let pass = |(entry, named): (*mut pg_sys::TargetEntry, *mut pg_sys::TargetEntry)| {
                let passed = copy(named);
                let var: *mut pg_sys::Var = copy((*entry).expr.cast());
                (*var).varno = pg_sys::INDEX_VAR;
                (*passed).expr = var.cast();
                passed
            };
            (*node).scan.plan.targetlist = list(entries.into_iter().zip(names).map(pass));
            layout::write(node, &calls.calls, demand, reads_ahead);
            (*node).scan.plan.extParam = pg_sys::bms_copy((*child).extParam);
            (*node).scan.plan.allParam = pg_sys::bms_copy((*child).allParam);
            (*child).async_capable = false;
            (*plan).lefttree = node.cast();
        }
    }
}

/// The calls in FROM that a nested loop makes for each row of its left side, over the columns of that side.
///
/// # Safety
/// The join belongs to the statement.
unsafe fn lateral_calls(join: *mut pg_sys::NestLoop) -> *mut pg_sys::List {
    // SAFETY: promised by the caller; what is changed is copied before.
    unsafe {
        let right = (*join).join.plan.righttree;
        if tag(right) != NodeTag::T_FunctionScan {
            return std::ptr::null_mut();
        }
        let given = items::<pg_sys::NestLoopParam>((*join).nestParams);
        let functions = items::<pg_sys::RangeTblFunction>((*right.cast::<pg_sys::FunctionScan>()).functions);
        let calls = functions.into_iter().filter(|function| tag((**function).funcexpr) == NodeTag::T_FuncExpr);
        list(calls.map(|function| {
            let call: *mut pg_sys::FuncExpr = copy((*function).funcexpr.cast());
            tree::replace((*call).args, |_, argument: *mut pg_sys::Node| {
                if tag(argument) != NodeTag::T_Param {
                    return argument;
                }
                let parameter = argument.cast::<pg_sys::Param>();
                let is_it = |given: &&*mut pg_sys::NestLoopParam| {
                    (*parameter).paramkind == pg_sys::ParamKind::PARAM_EXEC
                        && (***given).paramno == (*parameter).paramid
                };
                given.iter().find(is_it).map_or(argument, |given| copy((**given).paramval.cast()))
            });
            call
        }))
    }
}
