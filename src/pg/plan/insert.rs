//! Putting nodes into a finished plan.
//!
//! A plan that PostgreSQL has finished is walked from its leaves. Where a scan or a join computes a call of ours, it is split:
//! it gives its plain columns, and a node above it computes what it computed. Where a node with a child computes the call
//! from the child's columns, a node is put between the two, and only passes rows on. In doubt the plan is left alone.

use super::collect::Calls;
use super::demand::{Child, Demand, of_child};
use super::nature;
use super::tree::{self, NodeTag, items, list, tag};
use crate::pg::compat;
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

/// Who puts nodes into one statement.
pub(super) struct Surgeon {
    /// The statement.
    pub(super) statement: *mut pg_sys::PlannedStmt,
    next_id: i32,
    /// Whether the statement calls volatile functions of others.
    has_volatile: bool,
    /// The strongest demand of a reader of each common table expression, by the number of its plan.
    shared: HashMap<i32, Demand>,
    /// What became of it so far.
    pub(super) report: Report,
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
        let has_volatile = all.clone().any(|plan| nature::of_plan(statement, plan).is_volatile);
        let next_id = all.map(|plan| last_id(plan)).max().unwrap_or(0) + 1;
        let mut surgeon =
            Surgeon { statement, next_id, has_volatile, shared: HashMap::new(), report: Report::default() };
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
    unsafe { tree::children(plan).into_iter().map(|child| last_id(child)).fold((*plan).plan_node_id, i32::max) }
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

    /// Whether a node above something of this nature may read rows that nobody may ask for; `None` where it has no place there.
    pub(super) fn reads_ahead(&mut self, below: nature::Nature, demand: Demand) -> Option<bool> {
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
    pub(super) unsafe fn node(
        &mut self,
        child: *mut pg_sys::Plan,
        columns: *mut pg_sys::List,
    ) -> *mut pg_sys::CustomScan {
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
                // In each process of such a plan are a part of the rows and a node, which share something.
                parallel_aware: gives_parts(child),
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
            compat::inherit_disabled_nodes(node, child);
            self.next_id += 1;
            self.report.placed += 1;
            node
        }
    }

    /// No calls yet; `over_groups`: of expressions over groups.
    pub(super) fn calls(&self, over_groups: bool) -> Calls {
        Calls { over_groups, beside_volatile: self.has_volatile, ..Calls::default() }
    }

    pub(super) fn refuse(&mut self, why: &'static str) {
        self.report.refusals.push(why);
    }
}

/// Whether a plan gives each process of a parallel plan a part of its rows: something in it shares them out.
///
/// # Safety
/// `plan` is a plan or null.
unsafe fn gives_parts(plan: *mut pg_sys::Plan) -> bool {
    // SAFETY: promised by the caller.
    unsafe {
        let is_whole = plan.is_null() || matches!(tag(plan), NodeTag::T_Gather | NodeTag::T_GatherMerge);
        !is_whole && ((*plan).parallel_aware || gives_parts((*plan).lefttree) || gives_parts((*plan).righttree))
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
