//! The node as the executor runs it: reads rows of its child ahead, has their inputs resolved together, and gives them one by
//! one, filtered and computed as its plan says.

use super::demand::Reader;
use super::layout::{self, Asked, Layout};
use super::question::Question;
use super::rows::Rows;
use super::{explain, run};
use crate::pg::{guard, guc, world};
use pgrx::pg_sys;
use pgrx::prelude::*;
use pgrx::{FromDatum, PgMemoryContexts};
use std::collections::VecDeque;
use std::ffi::c_int;
use std::ptr::null_mut;

/// Rows of the first window that is sure to be asked for; the later ones grow.
const FIRST: usize = 16;

/// A call whose input is evaluated for each row.
struct Input {
    asked: Asked,
    state: *mut pg_sys::ExprState,
    into: *mut pg_sys::ExprState,
    /// Which question it asks, once that is known; none where nothing can be known ahead.
    question: Option<usize>,
}

/// Whether a row will be asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Due {
    /// Yes.
    Surely,
    /// Nobody knows, and it may be paid for.
    Perhaps,
    /// Nobody knows.
    Unknown,
}

/// The state of a node. Postgres sees its first field only.
#[repr(C)]
pub struct Node {
    custom: pg_sys::CustomScanState,
    layout: Layout,
    inputs: Vec<Input>,
    questions: Option<Vec<Question>>,
    /// Count and offset of the limit above.
    limit: Option<[*mut pg_sys::ExprState; 2]>,
    /// Rows that the limit asks for in this scan, once it was evaluated.
    needed: Option<u64>,
    /// What was read and not given yet, window by window.
    windows: VecDeque<Rows>,
    spare: Vec<Rows>,
    /// Where a row is taken apart.
    tuple: *mut pg_sys::TupleTableSlot,
    /// Rows that were given in this scan.
    given: u64,
    /// Rows of the next window that nobody is sure to ask for.
    ramp: usize,
    is_done: bool,
    /// Windows so far.
    read: u64,
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
    EstimateDSMCustomScan: None,
    InitializeDSMCustomScan: None,
    ReInitializeDSMCustomScan: None,
    InitializeWorkerCustomScan: None,
    ShutdownCustomScan: None,
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
        custom.ss.ps.type_ = pg_sys::NodeTag::T_CustomScanState;
        let node = Node {
            custom,
            layout,
            inputs: Vec::new(),
            questions: None,
            limit: None,
            needed: None,
            windows: VecDeque::new(),
            spare: Vec::new(),
            tuple: null_mut(),
            given: 0,
            ramp: 1,
            is_done: false,
            read: 0,
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
            .map(|asked| Input { asked: *asked, state: init(asked.input), into: init(asked.into), question: None })
            .collect();
        let part = |part: Option<*mut pg_sys::Expr>| part.map_or(null_mut(), init);
        node.limit = node.layout.limit.map(|(count, offset)| [part(count), part(offset)]);
        let descriptor = (*node.custom.ss.ss_ScanTupleSlot).tts_tupleDescriptor;
        node.tuple = pg_sys::ExecInitExtraTupleSlot(state, descriptor, &raw const pg_sys::TTSOpsMinimalTuple);
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
            pg_sys::MemoryContextReset((*context).ecxt_per_tuple_memory);
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
        (node.given, node.ramp, node.needed, node.is_done) = (0, 1, None, false);
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
        if (*explained).analyze {
            let mut work = explain::Work { windows: node.read, ..explain::Work::default() };
            node.questions.iter().flatten().for_each(|question| work.add(question.work()));
            explain::work(&work, explained);
        }
    }
}

impl Node {
    /// Puts the next row into the slot of the scan; whether there is one.
    ///
    /// # Safety
    /// The node was begun.
    unsafe fn next_row(&mut self) -> bool {
        // SAFETY: promised by the caller.
        unsafe {
            if self.windows.front().is_some_and(Rows::is_given) {
                self.let_go_oldest();
            }
            if self.windows.is_empty() {
                if self.is_done {
                    return false;
                }
                if !self.may_look_ahead() {
                    return self.pass();
                }
                self.read();
            }
            while self.wants_more() {
                self.read();
            }
            let Some(rows) = self.windows.front_mut() else { return false };
            let row = rows.give();
            // Only what was bought has to be waited for.
            if let Some(questions) = &mut self.questions {
                rows.noted(row).for_each(|(question, number)| questions[question].settle(number));
            }
            rows.show(row, self.custom.ss.ss_ScanTupleSlot);
            true
        }
    }

    /// Whether more rows are read before the next is given: while answers are out, the next are asked for.
    unsafe fn wants_more(&mut self) -> bool {
        let under_way: usize = self.questions.iter().flatten().map(Question::under_way).sum();
        let (window, held) = (guc::prefetch_window(), self.held());
        let is_wanted = !self.is_done
            && under_way > 0
            && under_way + window / 4 <= 2 * window
            && held < 4 * window
            && self.windows.iter().map(Rows::bytes).sum::<usize>() < guc::work_memory();
        // SAFETY: the node was begun.
        is_wanted
            && unsafe { self.may_look_ahead() && self.certain_rows() > held as u64 }
            && self.questions.iter().flatten().all(|question| question.is_of(world::moment().horizon))
    }

    /// Rows that were read and not given yet.
    fn held(&self) -> usize {
        self.windows.iter().map(Rows::left).sum()
    }

    /// Whether rows may be read ahead at all: not where Postgres looks at one row anew.
    unsafe fn may_look_ahead(&self) -> bool {
        // SAFETY: the node was begun.
        unsafe { guc::prefetch() && (*self.custom.ss.ps.state).es_epq_active.is_null() && pg_sys::ActiveSnapshotSet() }
    }

    /// Puts the next row of the child into the slot of the scan, as it is.
    unsafe fn pass(&mut self) -> bool {
        // SAFETY: the node was begun; the values stay where they are until the child is asked again.
        unsafe {
            let slot = pg_sys::ExecProcNode(self.custom.ss.ps.lefttree);
            if slot.is_null() || (*slot).tts_flags as u32 & pg_sys::TTS_FLAG_EMPTY != 0 {
                self.is_done = true;
                return false;
            }
            pg_sys::slot_getallattrs(slot);
            let scan = self.custom.ss.ss_ScanTupleSlot;
            pg_sys::ExecClearTuple(scan);
            let columns = self.columns();
            std::ptr::copy_nonoverlapping((*slot).tts_values, (*scan).tts_values, columns);
            std::ptr::copy_nonoverlapping((*slot).tts_isnull, (*scan).tts_isnull, columns);
            pg_sys::ExecStoreVirtualTuple(scan);
            true
        }
    }

    /// Reads rows of the child, and has their inputs resolved together.
    unsafe fn read(&mut self) {
        // SAFETY: the node was begun. What is kept of a row lies in the memory of its window.
        unsafe {
            let horizon = world::moment().horizon;
            self.ask_questions();
            let mut questions = self.questions.take().unwrap_or_default();
            questions.iter_mut().for_each(|question| question.look(horizon));
            let certain = self.certain_rows().saturating_sub(self.held() as u64);
            // Where no row is sure to be asked for, the first call has to be made before anything is bought for others.
            let may_speculate = self.layout.reads_ahead && (certain > 0 || questions.iter().any(Question::is_asked));
            let bought = certain.saturating_add(if may_speculate { guc::speculation() } else { 0 });
            let size = self.size(bought, questions.iter().any(Question::buys));
            let memory = guc::work_memory();
            let mut rows = self.spare.pop().unwrap_or_else(|| {
                Rows::new((*self.custom.ss.ps.state).es_query_cxt, self.columns(), self.inputs.len())
            });
            while rows.left() < size && rows.bytes() < memory {
                let slot = pg_sys::ExecProcNode(self.custom.ss.ps.lefttree);
                if slot.is_null() || (*slot).tts_flags as u32 & pg_sys::TTS_FLAG_EMPTY != 0 {
                    self.is_done = true;
                    break;
                }
                let row = rows.left() as u64;
                let due = if row < certain {
                    Due::Surely
                } else if row < bought {
                    Due::Perhaps
                } else {
                    Due::Unknown
                };
                rows.keep(slot, self.tuple);
                rows.show(rows.left() - 1, self.custom.ss.ss_ScanTupleSlot);
                self.note_inputs(&mut rows, &mut questions, due);
            }
            if rows.left() > 0 {
                questions.iter_mut().for_each(Question::resolve);
                self.windows.push_back(rows);
                self.read += 1;
            } else {
                self.spare.push(rows);
            }
            self.questions = Some(questions);
        }
    }

    /// Evaluates the inputs of the row that is shown.
    unsafe fn note_inputs(&self, rows: &mut Rows, questions: &mut [Question], due: Due) {
        // SAFETY: the expressions are this node's; what they make lives as long as the rows of the window.
        unsafe {
            let context = self.custom.ss.ps.ps_ExprContext;
            (*context).ecxt_scantuple = self.custom.ss.ss_ScanTupleSlot;
            for input in &self.inputs {
                let Some(at) = input.question else { continue };
                let question = &mut questions[at];
                let Asked { is_certain, is_harmless, .. } = input.asked;
                // A call that was never made may never be made, and might fail.
                let is_looked_up = is_harmless && question.is_asked();
                let is_bought = is_certain && (due == Due::Surely || due == Due::Perhaps && is_harmless);
                if !is_bought && !is_looked_up {
                    continue;
                }
                let key = rows.in_memory(|| {
                    let mut is_null = false;
                    let value = pg_sys::ExecEvalExpr(input.state, context, &mut is_null);
                    (!is_null)
                        .then(|| pgrx::varlena_to_byte_slice(pg_sys::pg_detoast_datum_packed(value.cast_mut_ptr())))
                });
                if let Some(key) = key
                    && let Some(number) = question.note(key, is_bought)
                {
                    rows.note(at, number, key.len());
                }
            }
        }
    }

    /// Forgets the oldest rows at hand.
    unsafe fn let_go_oldest(&mut self) {
        // SAFETY: the node was begun; nobody refers to what the memory holds but the slots, which are cleared.
        unsafe {
            pg_sys::ExecClearTuple(self.custom.ss.ss_ScanTupleSlot);
            pg_sys::ExecClearTuple(self.tuple);
            if let Some(mut rows) = self.windows.pop_front() {
                rows.clear();
                self.spare.push(rows);
                self.questions.iter_mut().flatten().for_each(Question::forget_oldest);
            }
        }
    }

    /// Forgets all rows at hand.
    unsafe fn let_go(&mut self) {
        while !self.windows.is_empty() {
            // SAFETY: the node was begun.
            unsafe { self.let_go_oldest() };
        }
    }

    /// Finds out what the calls ask, once.
    unsafe fn ask_questions(&mut self) {
        if self.questions.is_some() {
            return;
        }
        let mut questions: Vec<Question> = Vec::new();
        for input in &mut self.inputs {
            // SAFETY: the expression is this node's; its type is that of the form's second argument.
            let question = unsafe {
                let mut is_null = false;
                let context = self.custom.ss.ps.ps_ExprContext;
                let value = pg_sys::ExecEvalExprSwitchContext(input.into, context, &mut is_null);
                Question::new(input.asked.form, value, is_null)
            };
            input.question = question.map(|question| {
                questions.iter().position(|known| known.is(&question)).unwrap_or_else(|| {
                    questions.push(question);
                    questions.len() - 1
                })
            });
        }
        self.questions = Some(questions);
    }

    /// How many of the next rows are sure to be asked for.
    unsafe fn certain_rows(&mut self) -> u64 {
        // SAFETY: the node was begun.
        unsafe {
            let all = match self.layout.reader {
                Reader::Drains => u64::MAX,
                Reader::Direct => run::rows_owed(self.custom.ss.ps.state),
                Reader::Indirect if run::rows_owed(self.custom.ss.ps.state) == u64::MAX => u64::MAX,
                Reader::Indirect | Reader::Sparse => 0,
            };
            all.min(self.rows_needed().saturating_sub(self.given))
        }
    }

    /// How many rows the limit above asks for in this scan.
    unsafe fn rows_needed(&mut self) -> u64 {
        let Some([count, offset]) = self.limit else { return u64::MAX };
        if let Some(needed) = self.needed {
            return needed;
        }
        // SAFETY: the expressions are this node's.
        let needed = unsafe {
            let context = self.custom.ss.ps.ps_ExprContext;
            let number = |state: *mut pg_sys::ExprState| {
                let mut is_null = true;
                let value = match state.is_null() {
                    true => pg_sys::Datum::from(0),
                    false => pg_sys::ExecEvalExprSwitchContext(state, context, &mut is_null),
                };
                i64::from_datum(value, is_null)
            };
            let skipped = number(offset).unwrap_or(0).max(0);
            let needed = number(count).map_or(u64::MAX, |count| count.max(0).saturating_add(skipped) as u64);
            // What Postgres tells a sort of the limit above it stops at a node that it does not know.
            if self.layout.is_bound && needed < i64::MAX as u64 && self.custom.ss.ps.qual.is_null() {
                pg_sys::ExecSetTupleBound(needed as i64, self.custom.ss.ps.lefttree);
            }
            needed
        };
        *self.needed.insert(needed)
    }

    /// Rows of the next window. Those of which something is bought are smaller: several are out at a time.
    fn size(&mut self, certain: u64, buys: bool) -> usize {
        let most = if buys { guc::prefetch_window().div_ceil(4) } else { guc::prefetch_window() };
        let certain = usize::try_from(certain).unwrap_or(usize::MAX);
        let sure = certain.min(self.ramp.saturating_mul(FIRST));
        let size = if self.layout.reads_ahead { sure.max(self.ramp) } else { sure.max(1) };
        self.ramp = (self.ramp * if certain > sure { 4 } else { 2 }).min(most);
        size.min(most)
    }

    /// Columns of the child.
    fn columns(&self) -> usize {
        // SAFETY: the slot of the scan has a descriptor from the start.
        unsafe { (*(*self.custom.ss.ss_ScanTupleSlot).tts_tupleDescriptor).natts as usize }
    }
}
