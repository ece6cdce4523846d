//! The places of a plan that call us, and how often each will probably do.
//!
//! A finished plan is walked from its top, with the share of its rows that will be asked for. The planner's numbers of rows are
//! taken as they are, but for conditions on our answers: of these it knows nothing, and what it assumes is taken back.

use super::super::collect::{Call, Calls};
use super::super::function::Form;
use super::super::is_ours;
use super::super::nature;
use super::super::tree::{self, Next, NodeTag, items, tag};
use super::condition::tested;
use crate::pg::guc;
use pgrx::pg_sys;
use std::collections::HashMap;

/// A place that calls us.
#[derive(Debug, Clone, Copy)]
pub struct Site {
    /// The node of the plan that makes the calls.
    pub plan: *mut pg_sys::Plan,
    /// Which function.
    pub form: Form,
    /// The input, over the columns of the node.
    pub input: *mut pg_sys::Node,
    /// The second argument.
    pub into: *mut pg_sys::Node,
    /// Calls that are expected.
    pub calls: f64,
    /// Calls that are expected at the least: none where a row may do without.
    pub least: f64,
    /// Whether a node of ours looks ahead for it, and has them answered together.
    pub is_ahead: bool,
}

/// How much of a plan will be read.
#[derive(Debug, Clone, Copy)]
struct Reading {
    /// The share of its rows.
    share: f64,
    /// How often it runs.
    times: f64,
    /// Rows that suffice if each of them passes what is above.
    suffices: f64,
}

const WHOLE: Reading = Reading { share: 1.0, times: 1.0, suffices: f64::INFINITY };

/// The places of a statement that call us.
///
/// # Safety
/// The statement is a finished plan.
pub unsafe fn sites(statement: *mut pg_sys::PlannedStmt) -> Vec<Site> {
    let mut walk = Walk { statement, sites: Vec::new(), due: HashMap::new() };
    // SAFETY: promised by the caller.
    unsafe {
        walk.visit((*statement).planTree, WHOLE);
        // Sub-selects of sub-selects become due while these are visited; none is visited twice.
        let mut visited = Vec::new();
        while let Some(id) = walk.due.keys().copied().filter(|id| !visited.contains(id)).max() {
            visited.push(id);
            let reading = walk.due[&id];
            walk.visit(nature::subplan(statement, id), reading);
        }
    }
    walk.sites
}

struct Walk {
    statement: *mut pg_sys::PlannedStmt,
    sites: Vec<Site>,
    /// Sub-selects by their numbers, and how much of each will be read.
    due: HashMap<i32, Reading>,
}

impl Walk {
    /// # Safety
    /// `plan` belongs to the statement, or is null.
    unsafe fn visit(&mut self, plan: *mut pg_sys::Plan, reading: Reading) {
        if plan.is_null() {
            return;
        }
        // SAFETY: promised by the caller; each node is cast to what its tag says.
        unsafe {
            let rows = (*plan).plan_rows;
            let nature::Parts { expressions, .. } = nature::parts(self.statement, plan);
            // What our nodes evaluate ahead is what the calls beside them ask.
            let others = if is_ours(plan) { &[][..] } else { &expressions[2..] };
            self.note((plan, reading), (*plan).targetlist.cast(), rows, true);
            let quals = items::<pg_sys::Node>((*plan).qual);
            let first = quals.iter().position(|qual| asks(*qual)).unwrap_or(quals.len());
            if first < quals.len() {
                let tested = tested(self.statement, plan, first > 0, &quals[first..]);
                for (at, qual) in quals[first..].iter().enumerate() {
                    self.note((plan, reading), *qual, tested, at == 0);
                }
            }
            for other in others {
                // A join's own conditions come among these, as a list.
                let is_list = !other.is_null() && tag(*other) == NodeTag::T_List;
                let parts = if is_list { items::<pg_sys::Node>(other.cast()) } else { Vec::new() };
                let asking: Vec<_> = parts.into_iter().filter(|part| asks(*part)).collect();
                let tested = if asking.is_empty() { rows } else { tested(self.statement, plan, true, &asking) };
                self.note((plan, reading), *other, tested, false);
            }
            for expression in &expressions {
                self.note_sub_selects(*expression, Reading { times: rows * reading.share * reading.times, ..WHOLE });
            }
            for initial in items::<pg_sys::SubPlan>((*plan).initPlan) {
                self.note_sub_select(initial, WHOLE);
            }
            self.descend(plan, reading);
        }
    }

    /// # Safety
    /// As [`Self::visit`].
    unsafe fn descend(&mut self, plan: *mut pg_sys::Plan, reading: Reading) {
        use NodeTag::*;
        // SAFETY: as of the caller.
        unsafe {
            let below = match tag(plan) {
                // They read all, if they read at all.
                T_Sort | T_Hash | T_ModifyTable => Reading { share: 1.0, suffices: f64::INFINITY, ..reading },
                T_Agg if (*plan.cast::<pg_sys::Agg>()).aggstrategy != pg_sys::AggStrategy::AGG_SORTED => {
                    Reading { share: 1.0, suffices: f64::INFINITY, ..reading }
                }
                T_Limit => {
                    let limit = plan.cast::<pg_sys::Limit>();
                    let wanted = (*plan).plan_rows + constant((*limit).limitOffset);
                    let all = (*(*plan).lefttree).plan_rows.max(1.0);
                    let share = reading.share * (wanted / all).min(1.0);
                    Reading { share, suffices: reading.suffices.min(wanted), ..reading }
                }
                // Its children are planned by the rows that each process has.
                T_Gather => parallel(reading, (*plan.cast::<pg_sys::Gather>()).num_workers),
                T_GatherMerge => parallel(reading, (*plan.cast::<pg_sys::GatherMerge>()).num_workers),
                T_CteScan => {
                    let id = (*plan.cast::<pg_sys::CteScan>()).ctePlanId;
                    self.add_due(id, reading);
                    return;
                }
                _ => reading,
            };
            let inner = match tag(plan) {
                T_NestLoop => {
                    let outer = (*(*plan).lefttree).plan_rows.max(1.0);
                    Reading { times: reading.times * outer * reading.share, share: 1.0, ..reading }
                }
                _ => below,
            };
            let right = (*plan).righttree;
            for child in tree::children(plan) {
                self.visit(child, if std::ptr::eq(child, right) { inner } else { below });
            }
        }
    }

    /// # Safety
    /// `expression` belongs to the node `plan`.
    unsafe fn note(
        &mut self,
        (plan, reading): (*mut pg_sys::Plan, Reading),
        expression: *mut pg_sys::Node,
        rows: f64,
        is_certain: bool,
    ) {
        // SAFETY: promised by the caller.
        unsafe {
            let child = (*plan).lefttree;
            let mut calls = Calls::default();
            calls.add(expression, is_certain);
            if calls.seen.is_empty() {
                return;
            }
            let mut outside = Calls { over_groups: true, ..Calls::default() };
            outside.add(expression, is_certain);
            // A node in a plan that was kept does nothing where it is switched off.
            let is_ahead = guc::prefetch() && (is_ours(plan) || is_ours(child));
            for Call { form, input, into, is_certain, .. } in calls.seen {
                // What an aggregate is given is computed for each row, and not for each group.
                let is_within = !outside.seen.iter().any(|call| std::ptr::eq(call.input, input));
                let rows = if is_within && !child.is_null() { (*child).plan_rows } else { rows };
                let calls = rows * reading.share * reading.times;
                let least = if is_certain { calls.min(reading.suffices) } else { 0.0 };
                self.sites.push(Site { plan, form, input, into, calls, least, is_ahead });
            }
        }
    }

    /// # Safety
    /// `expression` belongs to a node of the statement.
    unsafe fn note_sub_selects(&mut self, expression: *mut pg_sys::Node, reading: Reading) {
        let mut found = Vec::new();
        // SAFETY: promised by the caller.
        unsafe {
            tree::walk(expression, &mut |node| {
                if tag(node) == NodeTag::T_SubPlan {
                    found.push(node.cast::<pg_sys::SubPlan>());
                }
                Next::Below
            });
            for sub_select in found {
                self.note_sub_select(sub_select, reading);
            }
        }
    }

    /// # Safety
    /// `sub_select` belongs to the statement.
    unsafe fn note_sub_select(&mut self, sub_select: *mut pg_sys::SubPlan, reading: Reading) {
        // SAFETY: promised by the caller.
        unsafe {
            let id = (*sub_select).plan_id;
            let rows = (*nature::subplan(self.statement, id)).plan_rows.max(1.0);
            let reading = match (*sub_select).subLinkType {
                // It is read by those who scan it.
                pg_sys::SubLinkType::CTE_SUBLINK => return,
                pg_sys::SubLinkType::EXISTS_SUBLINK if !(*sub_select).useHashTable => {
                    Reading { share: 1.0 / rows, suffices: 1.0, ..reading }
                }
                _ if (*sub_select).useHashTable => WHOLE,
                _ => reading,
            };
            self.add_due(id, reading);
        }
    }

    fn add_due(&mut self, id: i32, reading: Reading) {
        let more = |known: &mut Reading| {
            known.share = known.share.max(reading.share);
            known.times = known.times.max(reading.times);
            known.suffices = known.suffices.max(reading.suffices);
        };
        self.due.entry(id).and_modify(more).or_insert(reading);
    }
}

/// Whether an expression calls us.
///
/// # Safety
/// `expression` belongs to a finished plan.
unsafe fn asks(expression: *mut pg_sys::Node) -> bool {
    let mut calls = Calls::default();
    // SAFETY: promised by the caller.
    unsafe { calls.add(expression, true) };
    !calls.seen.is_empty()
}

/// The same where a plan is run by several processes, each of which has a part of the rows, as the planner divides them:
/// `get_parallel_divisor()`.
fn parallel(reading: Reading, workers: i32) -> Reading {
    // SAFETY: reads a setting of the main thread.
    let leads = unsafe { pg_sys::parallel_leader_participation };
    let workers = f64::from(workers);
    let own = if leads { (1.0 - 0.3 * workers).max(0.0) } else { 0.0 };
    Reading { times: reading.times * (workers + own).max(1.0), ..reading }
}

/// The value of an expression that is a constant of type bigint; 0 otherwise.
///
/// # Safety
/// `expression` is an expression or null.
unsafe fn constant(expression: *mut pg_sys::Node) -> f64 {
    // SAFETY: promised by the caller; limits are of type bigint.
    unsafe {
        if expression.is_null() || tag(expression) != NodeTag::T_Const {
            return 0.0;
        }
        let constant = &*expression.cast::<pg_sys::Const>();
        if constant.constisnull { 0.0 } else { (constant.constvalue.value() as i64).max(0) as f64 }
    }
}
