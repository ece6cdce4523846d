//! The node as the executor runs it: it reads ahead (`read_ahead`), and gives its rows one by one, filtered and computed as its
//! plan says.

use super::layout::{self, Asked, Layout};
use super::question::Question;
use super::rows::Rows;
use super::tree::{NodeTag, tag};
use super::{estimate, explain, parallel};
use crate::pg::shared_answers::{self, SharedAnswers};
use crate::pg::{guard, unguarded};
use pgrx::PgMemoryContexts;
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::collections::VecDeque;
use std::ffi::c_int;
use std::ptr::null_mut;
use std::rc::Rc;

/// A call whose input is evaluated for each row.
pub(super) struct Input {
    pub(super) asked: Asked,
    pub(super) state: *mut pg_sys::ExprState,
    pub(super) into: *mut pg_sys::ExprState,
    /// The column of the child that it is, where it is nothing else.
    pub(super) column: Option<usize>,
    /// Which question it asks, once that is known; none in it where nothing can be known ahead.
    pub(super) question: Option<Option<usize>>,
}

/// The state of a node. Postgres sees its first field only.
#[repr(C)]
pub struct Node {
    pub(super) custom: pg_sys::CustomScanState,
    pub(super) layout: Layout,
    pub(super) inputs: Vec<Input>,
    pub(super) questions: Option<Vec<Question>>,
    /// Count and offset of the limit above.
    pub(super) limit: Option<[*mut pg_sys::ExprState; 2]>,
    /// Rows that the limit asks for in this scan, once it was evaluated.
    pub(super) needed: Option<u64>,
    /// What was read and not given yet, window by window.
    pub(super) windows: VecDeque<Rows>,
    /// Rows in them that were not given, and the bytes of all.
    pub(super) held: u64,
    pub(super) held_bytes: usize,
    pub(super) spare: Vec<Rows>,
    /// Rows that were given in this scan.
    pub(super) given: u64,
    /// Rows of the next window that nobody is sure to ask for.
    pub(super) ramp: usize,
    pub(super) is_done: bool,
    /// Windows so far.
    pub(super) read: u64,
    /// Rows that were read in this scan.
    pub(super) rows: u64,
    /// What the processes of a parallel plan are to share, as far as it was planned here, and what they share.
    pub(super) sharing: shared_answers::Plan,
    pub(super) shared: Option<Rc<SharedAnswers>>,
}

#[repr(transparent)]
struct Methods<T>(T);

// SAFETY: tables of functions that nobody writes.
unsafe impl<T> Sync for Methods<T> {}

static SCAN: Methods<pg_sys::CustomScanMethods> =
    Methods(pg_sys::CustomScanMethods { CustomName: c"Categorize".as_ptr(), CreateCustomScanState: Some(create) });

static EXECUTION: Methods<pg_sys::CustomExecMethods> = Methods(pg_sys::CustomExecMethods {
    CustomName: c"Categorize".as_ptr(),
    BeginCustomScan: Some(begin),
    ExecCustomScan: Some(execute),
    EndCustomScan: Some(end),
    ReScanCustomScan: Some(rescan),
    MarkPosCustomScan: None,
    RestrPosCustomScan: None,
    EstimateDSMCustomScan: Some(parallel::estimate),
    InitializeDSMCustomScan: Some(parallel::initialize),
    ReInitializeDSMCustomScan: Some(parallel::initialize_again),
    InitializeWorkerCustomScan: Some(parallel::initialize_worker),
    ShutdownCustomScan: Some(parallel::shut_down),
    ExplainCustomScan: Some(explain_node),
});

/// Makes the node known to those who read plans of others, such as parallel workers; called once a process.
pub fn register() {
    // SAFETY: the table lives as long as the library.
    unsafe { pg_sys::RegisterCustomScanMethods(methods()) };
}

/// By what a plan's node is known as ours.
pub fn methods() -> *const pg_sys::CustomScanMethods {
    &raw const SCAN.0
}

#[pg_guard]
unsafe extern "C-unwind" fn create(plan: *mut pg_sys::CustomScan) -> *mut pg_sys::Node {
    // SAFETY: Postgres passes a plan of ours; the state is dropped with the memory of the query.
    unsafe {
        let layout = layout::read(plan);
        let mut custom = pg_sys::CustomScanState { methods: &raw const EXECUTION.0, ..Default::default() };
        custom.ss.ps.type_ = NodeTag::T_CustomScanState;
        let node = Node {
            custom,
            layout,
            inputs: Vec::new(),
            questions: None,
            limit: None,
            needed: None,
            windows: VecDeque::new(),
            held: 0,
            held_bytes: 0,
            spare: Vec::new(),
            given: 0,
            ramp: 1,
            is_done: false,
            read: 0,
            rows: 0,
            sharing: shared_answers::Plan::NOTHING,
            shared: None,
        };
        PgMemoryContexts::CurrentMemoryContext.leak_and_drop_on_delete(node).cast()
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn begin(custom: *mut pg_sys::CustomScanState, state: *mut pg_sys::EState, flags: c_int) {
    // SAFETY: Postgres passes the state that `create` made, inside the memory of the query.
    unsafe {
        let node = &mut *custom.cast::<Node>();
        let parent = &raw mut node.custom.ss.ps;
        let plan = (*parent).plan;
        (*parent).lefttree = pg_sys::ExecInitNode((*plan).lefttree, state, flags);
        let init = |expression: *mut pg_sys::Expr| pg_sys::ExecInitExpr(expression, parent);
        node.inputs = node
            .layout
            .calls
            .iter()
            .map(|asked| Input {
                asked: *asked,
                state: init(asked.input),
                into: init(asked.into),
                column: column(asked.input),
                question: None,
            })
            .collect();
        let part = |part: Option<*mut pg_sys::Expr>| part.map_or(null_mut(), init);
        node.limit = node.layout.limit.map(|(count, offset)| [part(count), part(offset)]);
    }
}

/// The column of the child that an input is, if it is one and nothing else.
///
/// # Safety
/// It is an expression over the columns of the node.
unsafe fn column(input: *mut pg_sys::Expr) -> Option<usize> {
    // SAFETY: promised by the caller; the node is cast to what its tag says.
    unsafe {
        if tag(input) != NodeTag::T_Var {
            return None;
        }
        let var = input.cast::<pg_sys::Var>();
        let is_plain = (*var).varno == pg_sys::INDEX_VAR && (*var).varattno > 0;
        is_plain.then(|| (*var).varattno as usize - 1)
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn execute(custom: *mut pg_sys::CustomScanState) -> *mut pg_sys::TupleTableSlot {
    // SAFETY: as in `begin`; slots, contexts and expressions are those of this node.
    unsafe {
        let node = &mut *custom.cast::<Node>();
        let state = &raw mut node.custom.ss.ps;
        let (context, scan) = ((*state).ps_ExprContext, node.custom.ss.ss_ScanTupleSlot);
        loop {
            guard::check_for_interrupts();
            unguarded::reset((*context).ecxt_per_tuple_memory);
            if !node.next_row() {
                let projection = (*state).ps_ProjInfo;
                let slot = if projection.is_null() { scan } else { (*projection).pi_state.resultslot };
                return pg_sys::ExecClearTuple(slot);
            }
            (*context).ecxt_scantuple = scan;
            if !(*state).qual.is_null() && !pg_sys::ExecQual((*state).qual, context) {
                if !(*state).instrument.is_null() {
                    (*(*state).instrument).nfiltered1 += 1.0;
                }
                continue;
            }
            node.given += 1;
            return match (*state).ps_ProjInfo.is_null() {
                true => scan,
                false => pg_sys::ExecProject((*state).ps_ProjInfo),
            };
        }
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn rescan(custom: *mut pg_sys::CustomScanState) {
    // SAFETY: as in `begin`.
    unsafe {
        let node = &mut *custom.cast::<Node>();
        node.let_go();
        (node.given, node.rows, node.ramp, node.needed, node.is_done) = (0, 0, 1, None, false);
        let child = node.custom.ss.ps.lefttree;
        // The first read sets a bound of this scan; that of the one before must not be left, whose rows a sort may give again.
        if node.layout.is_bound && node.custom.ss.ps.qual.is_null() {
            pg_sys::ExecSetTupleBound(-1, child);
        }
        // A child whose parameters changed does so by itself.
        if (*child).chgParam.is_null() {
            pg_sys::ExecReScan(child);
        }
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn end(custom: *mut pg_sys::CustomScanState) {
    // SAFETY: as in `begin`.
    unsafe {
        let node = &mut *custom.cast::<Node>();
        node.let_go();
        pg_sys::ExecClearTuple(node.custom.ss.ss_ScanTupleSlot);
        pg_sys::ExecEndNode(node.custom.ss.ps.lefttree);
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn explain_node(
    custom: *mut pg_sys::CustomScanState,
    ancestors: *mut pg_sys::List,
    explained: *mut pg_sys::ExplainState,
) {
    // SAFETY: as in `begin`.
    unsafe {
        let node = &*custom.cast::<Node>();
        let plan = node.custom.ss.ps.plan;
        explain::inputs(&node.layout.calls, plan, ancestors, explained);
        // What is expected stands where costs do: both are estimates.
        if (*explained).costs {
            let (statement, state) = ((*explained).pstmt, node.custom.ss.ps.state);
            explain::expected(&estimate::of_node(statement, (*state).es_param_list_info, plan), explained);
        }
        if (*explained).analyze {
            let mut work = explain::Work { windows: node.read, ..explain::Work::default() };
            node.questions.iter().flatten().for_each(|question| work.add(question.work()));
            explain::work(&work, explained);
        }
    }
}
