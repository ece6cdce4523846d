//! Putting nodes into a finished plan.
//!
//! A plan that PostgreSQL has finished is walked from its leaves. Where a scan or a join computes a call of ours, it is split:
//! it gives its plain columns, and a node above it computes what it computed. Where a node with a child computes the call
//! from the child's columns, a node is put between the two, and only passes rows on. In doubt the plan is left alone.

use super::collect::Calls;
use super::demand::{Child, Demand, of_child};
use super::tree::{self, Next, NodeTag, copy, items, list, tag};
use super::{layout, nature};
use pgrx::pg_sys;
use std::collections::HashMap;

/// What became of a statement.
#[derive(Debug, Default)]
pub struct Report {
    /// Nodes that were put in.
    pub placed: usize,
    /// Why calls were left alone.
    pub refusals: Vec<&'static str>,
}

struct Surgeon {
    statement: *mut pg_sys::PlannedStmt,
    next_id: i32,
    /// The strongest demand of a reader of each common table expression, by the number of its plan.
    shared: HashMap<i32, Demand>,
    report: Report,
}

/// Puts nodes into a plan.
///
/// # Safety
/// The statement is a finished plan that nobody runs yet.
pub unsafe fn into(statement: *mut pg_sys::PlannedStmt) -> Report {
    // SAFETY: promised by the caller.
    unsafe {
        let subplans = (*statement).subplans;
        let all = std::iter::once((*statement).planTree).chain(items(subplans));
        let next_id = all.map(|plan| last_id(plan)).max().unwrap_or(0) + 1;
        let mut surgeon = Surgeon { statement, next_id, shared: HashMap::new(), report: Report::default() };
        let top = if (*statement).commandType == pg_sys::CmdType::CMD_SELECT { Demand::TOP } else { Demand::DRAINED };
        (*statement).planTree = surgeon.visit((*statement).planTree, top);
        // A common table expression comes before those that read it.
        for at in (0..pg_sys::list_length(subplans)).rev() {
            let demand = surgeon.shared.get(&(at + 1)).copied().unwrap_or(Demand::SPARSE);
            let cell = pg_sys::list_nth_cell(subplans, at);
            (*cell).ptr_value = surgeon.visit((*cell).ptr_value.cast(), demand).cast();
        }
        surgeon.report
    }
}

/// The largest number of a node in a plan.
///
/// # Safety
/// `plan` is a plan or null.
unsafe fn last_id(plan: *mut pg_sys::Plan) -> i32 {
    if plan.is_null() {
        return 0;
    }
    // SAFETY: promised by the caller.
    unsafe {
        let mut last = (*plan).plan_node_id.max(last_id((*plan).lefttree)).max(last_id((*plan).righttree));
        for member in members(plan) {
            last = last.max(last_id(member));
        }
        last
    }
}

/// The plans below a node that are neither its left nor its right one.
///
/// # Safety
/// `plan` is a plan.
unsafe fn members(plan: *mut pg_sys::Plan) -> Vec<*mut pg_sys::Plan> {
    // SAFETY: promised by the caller; each node is cast to what its tag says.
    unsafe {
        match tag(plan) {
            NodeTag::T_Append => items((*plan.cast::<pg_sys::Append>()).appendplans),
            NodeTag::T_MergeAppend => items((*plan.cast::<pg_sys::MergeAppend>()).mergeplans),
            NodeTag::T_BitmapAnd => items((*plan.cast::<pg_sys::BitmapAnd>()).bitmapplans),
            NodeTag::T_BitmapOr => items((*plan.cast::<pg_sys::BitmapOr>()).bitmapplans),
            NodeTag::T_SubqueryScan => vec![(*plan.cast::<pg_sys::SubqueryScan>()).subplan],
            NodeTag::T_CustomScan => items((*plan.cast::<pg_sys::CustomScan>()).custom_plans),
            _ => Vec::new(),
        }
    }
}

impl Surgeon {
    /// Puts nodes into a plan from its leaves on; what takes its place.
    ///
    /// # Safety
    /// `plan` belongs to the statement, or is null.
    unsafe fn visit(&mut self, plan: *mut pg_sys::Plan, demand: Demand) -> *mut pg_sys::Plan {
        if plan.is_null() {
            return plan;
        }
        // SAFETY: promised by the caller; each node is cast to what its tag says.
        unsafe {
            match tag(plan) {
                NodeTag::T_Append => {
                    let demand = of_child(plan, Child::Member, demand);
                    let append = plan.cast::<pg_sys::Append>();
                    tree::replace((*append).appendplans, |_, member| self.visit(member, demand));
                }
                NodeTag::T_MergeAppend => {
                    let demand = of_child(plan, Child::Member, demand);
                    let append = plan.cast::<pg_sys::MergeAppend>();
                    tree::replace((*append).mergeplans, |_, member| self.visit(member, demand));
                }
                NodeTag::T_SubqueryScan => {
                    let scan = plan.cast::<pg_sys::SubqueryScan>();
                    (*scan).subplan = self.visit((*scan).subplan, of_child(plan, Child::Left, demand));
                }
                NodeTag::T_CteScan => self.note_reader(plan.cast(), of_child(plan, Child::Left, demand)),
                // Trees of bitmaps have no rows; what others planned is theirs.
                NodeTag::T_BitmapHeapScan | NodeTag::T_CustomScan | NodeTag::T_ForeignScan => {}
                kind => {
                    (*plan).lefttree = self.visit((*plan).lefttree, of_child(plan, Child::Left, demand));
                    if !(kind == NodeTag::T_MergeJoin && rewinds((*plan).righttree)) {
                        (*plan).righttree = self.visit((*plan).righttree, of_child(plan, Child::Right, demand));
                    }
                }
            }
            self.place(plan, demand)
        }
    }

    /// # Safety
    /// The scan belongs to the statement.
    unsafe fn note_reader(&mut self, scan: *mut pg_sys::CteScan, demand: Demand) {
        // SAFETY: promised by the caller.
        let id = unsafe { (*scan).ctePlanId };
        // Its rows are bounded by no single reader; and of several, one that stops may be the only one that reads.
        let demand = Demand { is_bound: false, ..demand };
        let both = |known: &mut Demand| {
            if *known != Demand::DRAINED || demand != Demand::DRAINED {
                *known = Demand::SPARSE;
            }
        };
        self.shared.entry(id).and_modify(both).or_insert(demand);
    }

    /// # Safety
    /// `plan` belongs to the statement.
    unsafe fn place(&mut self, plan: *mut pg_sys::Plan, demand: Demand) -> *mut pg_sys::Plan {
        use NodeTag::*;
        // SAFETY: promised by the caller.
        unsafe {
            match tag(plan) {
                T_SeqScan
                | T_SampleScan
                | T_IndexScan
                | T_IndexOnlyScan
                | T_BitmapHeapScan
                | T_TidScan
                | T_TidRangeScan
                | T_SubqueryScan
                | T_FunctionScan
                | T_ValuesScan
                | T_TableFuncScan
                | T_CteScan
                | T_NamedTuplestoreScan
                | T_WorkTableScan
                | T_Group
                | T_MergeJoin
                | T_HashJoin => self.split(plan, demand),
                T_Result | T_ProjectSet | T_WindowAgg if !(*plan).lefttree.is_null() => {
                    self.feed(plan, of_child(plan, Child::Left, demand));
                    plan
                }
                T_NestLoop => {
                    self.feed(plan, of_child(plan, Child::Left, demand));
                    self.split(plan, demand)
                }
                T_Agg => {
                    self.feed(plan, of_child(plan, Child::Left, demand));
                    self.split(plan, demand)
                }
                _ => {
                    let mut calls = Calls::default();
                    calls.add((*plan).targetlist, false);
                    calls.add((*plan).qual, false);
                    if calls.any() {
                        self.refuse("its place in the plan is not one that a node can serve");
                    }
                    plan
                }
            }
        }
    }

    /// Splits a scan, a join or groups: it gives plain columns, and a node above it computes the rest.
    ///
    /// # Safety
    /// `plan` is one of these, and belongs to the statement.
    unsafe fn split(&mut self, plan: *mut pg_sys::Plan, demand: Demand) -> *mut pg_sys::Plan {
        // SAFETY: promised by the caller. What the plan loses is copied into the node before.
        unsafe {
            let over_groups = matches!(tag(plan), NodeTag::T_Agg | NodeTag::T_Group);
            let quals = items::<pg_sys::Node>((*plan).qual);
            let asks = |qual: &*mut pg_sys::Node| {
                let mut calls = Calls { over_groups, ..Calls::default() };
                calls.add(*qual, true);
                calls.any()
            };
            let first = quals.iter().position(asks).unwrap_or(quals.len());
            let (kept, moved) = quals.split_at(first);
            let mut calls = Calls { over_groups, ..Calls::default() };
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

    /// Puts a node between a plan and its child, whose columns the plan's calls read.
    ///
    /// # Safety
    /// `plan` belongs to the statement and has a left child.
    unsafe fn feed(&mut self, plan: *mut pg_sys::Plan, demand: Demand) {
        // SAFETY: promised by the caller.
        unsafe {
            let mut calls = Calls::default();
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

    /// Whether a node above something of this nature may read rows that nobody may ask for; `None` where it has no place there.
    fn reads_ahead(&mut self, below: nature::Nature, demand: Demand) -> Option<bool> {
        if below.is_strange {
            self.refuse("something below locks, writes, or is not known");
        } else if below.is_volatile {
            self.refuse("something below calls a volatile function");
        } else if demand == Demand::SPARSE && (below.may_raise || below.asks) {
            self.refuse("reading on could raise an error or ask for what nobody needs");
        } else {
            return Some(!below.may_raise && !below.asks);
        }
        None
    }

    /// A node above `child`, which will give the columns of `columns`.
    ///
    /// # Safety
    /// `child` belongs to the statement.
    unsafe fn node(&mut self, child: *mut pg_sys::Plan, columns: *mut pg_sys::List) -> *mut pg_sys::CustomScan {
        // SAFETY: promised by the caller; the node is zeroed where nothing is written.
        unsafe {
            let node = pg_sys::palloc0(size_of::<pg_sys::CustomScan>()).cast::<pg_sys::CustomScan>();
            (*node).scan.plan = pg_sys::Plan {
                type_: NodeTag::T_CustomScan,
                startup_cost: (*child).startup_cost,
                total_cost: (*child).total_cost,
                plan_rows: (*child).plan_rows,
                plan_width: (*child).plan_width,
                parallel_safe: (*child).parallel_safe,
                plan_node_id: self.next_id,
                lefttree: child,
                ..pg_sys::Plan::default()
            };
            let entry = |(at, entry): (usize, *mut pg_sys::TargetEntry)| {
                let expression = (*entry).expr.cast::<pg_sys::Node>();
                let var = pg_sys::makeVar(
                    pg_sys::OUTER_VAR,
                    at as i16 + 1,
                    pg_sys::exprType(expression),
                    pg_sys::exprTypmod(expression),
                    pg_sys::exprCollation(expression),
                    0,
                );
                pg_sys::makeTargetEntry(var.cast(), at as i16 + 1, (*entry).resname, false)
            };
            (*node).custom_scan_tlist = list(items::<pg_sys::TargetEntry>(columns).into_iter().enumerate().map(entry));
            (*node).methods = super::node::methods();
            self.next_id += 1;
            self.report.placed += 1;
            node
        }
    }

    fn refuse(&mut self, why: &'static str) {
        self.report.refusals.push(why);
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

/// Whether a merge join would rewind this plan, which a node of ours cannot.
///
/// # Safety
/// `plan` is a plan or null.
unsafe fn rewinds(plan: *mut pg_sys::Plan) -> bool {
    // SAFETY: promised by the caller.
    unsafe { !plan.is_null() && !matches!(tag(plan), NodeTag::T_Sort | NodeTag::T_Material) }
}
