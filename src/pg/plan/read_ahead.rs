//! Reading ahead: rows of the child are read, their inputs resolved together, and what is known then is shown to the calls.

use super::demand::Reader;
use super::layout::Asked;
use super::node::Node;
use super::question::{Question, Sent};
use super::rows::Rows;
use super::run;
use super::tree::{NodeTag, tag};
use crate::pg::{guard, guc, unguarded, world};
use pgrx::pg_sys;
use pgrx::{FromDatum, PgMemoryContexts};

/// Rows of the first window that is sure to be asked for; the later ones grow.
const FIRST: usize = 16;

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

impl Node {
    /// Puts the next row into the slot of the scan; whether there is one.
    ///
    /// # Safety
    /// The node was begun.
    pub(super) unsafe fn next_row(&mut self) -> bool {
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
            self.held -= 1;
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
        let window = guc::prefetch_window();
        let is_wanted = !self.is_done
            && under_way > 0
            && under_way + window / 4 <= 2 * window
            && self.held_bytes < guc::hash_memory();
        // SAFETY: the node was begun.
        is_wanted
            && unsafe { self.may_look_ahead() && self.certain_rows() > self.held }
            && self.questions.iter().flatten().all(|question| question.is_of(world::moment().horizon))
    }

    /// Whether rows may be read ahead at all: not where Postgres looks at one row anew, nor in a serializable transaction, which
    /// must not be seen to have read what nobody asked it for.
    unsafe fn may_look_ahead(&self) -> bool {
        let may = guc::prefetch() && !guard::is_serializable();
        // SAFETY: the node was begun.
        unsafe { may && (*self.custom.ss.ps.state).es_epq_active.is_null() && unguarded::has_snapshot() }
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
            let mut questions = self.questions.take().unwrap_or_default();
            self.ask_where_known(&mut questions);
            questions.iter_mut().for_each(|question| question.look(horizon));
            let certain = self.certain_rows().saturating_sub(self.held);
            // Where no row is sure to be asked for, the first call has to be made before anything is bought for others.
            let may_speculate = self.layout.reads_ahead && (certain > 0 || questions.iter().any(Question::is_asked));
            let bought = certain.saturating_add(if may_speculate { guc::speculation() } else { 0 });
            let size = self.size(bought, questions.iter().any(Question::buys_many)).min(self.rows_within_bound());
            let memory = guc::work_memory();
            let mut rows = self.spare.pop().unwrap_or_else(|| {
                let descriptor = (*self.custom.ss.ss_ScanTupleSlot).tts_tupleDescriptor;
                Rows::new((*self.custom.ss.ps.state).es_query_cxt, descriptor, self.inputs.len())
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
                rows.keep(slot);
                self.note_inputs(&mut rows, &mut questions, due);
            }
            if rows.left() > 0 {
                self.rows += rows.left() as u64;
                let rest = self.rest().min(certain as f64) / rows.left() as f64;
                for at in 0..questions.len() {
                    let sent = Question::sent(&questions);
                    questions[at].resolve(rest, sent);
                }
                self.held += rows.left() as u64;
                self.held_bytes += rows.bytes();
                self.windows.push_back(rows);
                self.read += 1;
            } else {
                self.spare.push(rows);
            }
            self.questions = Some(questions);
        }
    }

    /// Rows that are still to come, if the planner is right.
    fn rest(&self) -> f64 {
        // SAFETY: the state has a plan as long as it lives.
        let planned = unsafe { (*self.custom.ss.ps.plan).plan_rows };
        (planned - self.rows as f64).max(0.0)
    }

    /// Evaluates the inputs of the row that was kept last.
    unsafe fn note_inputs(&mut self, rows: &mut Rows, questions: &mut Vec<Question>, due: Due) {
        // SAFETY: the expressions are this node's. What they make lives until the next row is read: a question copies it.
        unsafe {
            let (context, slot) = (self.custom.ss.ps.ps_ExprContext, self.custom.ss.ss_ScanTupleSlot);
            let mut is_shown = false;
            // What is only a column needs no more than its value.
            let mut show = |rows: &Rows| {
                if !std::mem::replace(&mut is_shown, true) {
                    unguarded::reset((*context).ecxt_per_tuple_memory);
                    rows.show(rows.left() - 1, slot);
                    (*context).ecxt_scantuple = slot;
                }
            };
            for call in 0..self.inputs.len() {
                let Asked { is_certain, is_harmless, .. } = self.inputs[call].asked;
                if is_certain && due == Due::Surely && self.inputs[call].question.is_none() {
                    show(rows);
                    self.ask(call, questions);
                }
                let input = &self.inputs[call];
                let Some(Some(at)) = input.question else { continue };
                let question = &mut questions[at];
                // A call that was never made may never be made, and might fail.
                let is_looked_up = is_harmless && question.is_asked();
                let is_bought = is_certain && (due == Due::Surely || due == Due::Perhaps && is_harmless);
                if !is_bought && !is_looked_up {
                    continue;
                }
                let value = match input.column {
                    Some(column) => rows.last(column),
                    None => {
                        show(rows);
                        let mut is_null = false;
                        let value = pg_sys::ExecEvalExprSwitchContext(input.state, context, &mut is_null);
                        (!is_null).then_some(value)
                    }
                };
                let key = value.map(|value| {
                    let text = value.cast_mut_ptr::<pg_sys::varlena>();
                    // As most are.
                    if let Some(bytes) = unguarded::plain_bytes(text) {
                        return bytes;
                    }
                    show(rows);
                    let unpack = |_: &mut _| pg_sys::pg_detoast_datum_packed(text);
                    let memory = (*context).ecxt_per_tuple_memory;
                    pgrx::varlena_to_byte_slice(PgMemoryContexts::For(memory).switch_to(unpack))
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
            if let Some(mut rows) = self.windows.pop_front() {
                self.held -= rows.left() as u64;
                self.held_bytes -= rows.bytes();
                rows.clear();
                self.spare.push(rows);
                self.questions.iter_mut().flatten().for_each(Question::forget_oldest);
            }
        }
    }

    /// Forgets all rows at hand.
    pub(super) unsafe fn let_go(&mut self) {
        while !self.windows.is_empty() {
            // SAFETY: the node was begun.
            unsafe { self.let_go_oldest() };
        }
    }

    /// Finds out what the calls ask whose second argument is known without evaluating anything.
    unsafe fn ask_where_known(&mut self, questions: &mut Vec<Question>) {
        for call in 0..self.inputs.len() {
            // SAFETY: the node was begun; its plan and parameters live as long as its state.
            unsafe {
                let parameters = (*self.custom.ss.ps.state).es_param_list_info;
                // Variables of PL/pgSQL are evaluated when they are fetched, and may fail.
                let is_plain = !parameters.is_null() && (*parameters).paramFetch.is_none();
                if is_plain || tag(self.inputs[call].asked.into) == NodeTag::T_Const {
                    self.ask(call, questions);
                }
            }
        }
    }

    /// Finds out what a call asks, where that is not known yet.
    ///
    /// # Errors
    /// What its second argument raises, as the call itself would.
    unsafe fn ask(&mut self, call: usize, questions: &mut Vec<Question>) {
        let input = &mut self.inputs[call];
        if input.question.is_some() {
            return;
        }
        // SAFETY: the expression is this node's; its type is that of the form's second argument.
        let question = unsafe {
            let mut is_null = false;
            let context = self.custom.ss.ps.ps_ExprContext;
            let value = pg_sys::ExecEvalExprSwitchContext(input.into, context, &mut is_null);
            Question::new(input.asked.form, value, is_null, self.shared.clone())
        };
        input.question = Some(question.map(|mut question| {
            questions.iter().position(|known| known.is(&question)).unwrap_or_else(|| {
                question.look(world::moment().horizon);
                // It asked nothing about the rows at hand.
                self.windows.iter().for_each(|_| question.resolve(0.0, Sent::default()));
                questions.push(question);
                questions.len() - 1
            })
        }));
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

    /// How many more rows the child may be asked for: a sort that was told a bound fails beyond it.
    unsafe fn rows_within_bound(&mut self) -> usize {
        if !self.layout.is_bound || !self.custom.ss.ps.qual.is_null() {
            return usize::MAX;
        }
        let asked = self.given.saturating_add(self.held);
        // SAFETY: the node was begun.
        let left = unsafe { self.rows_needed() }.saturating_sub(asked);
        usize::try_from(left).unwrap_or(usize::MAX)
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
