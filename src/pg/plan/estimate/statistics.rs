//! What ANALYZE has found of the columns of an input: how many distinct values, and some of them.

use super::super::nature;
use super::super::tree::{self, Next, NodeTag, copy, tag};
use super::column::{self, Column, Input};
use pgrx::pg_sys;

/// Values of a column that are looked at, of the most common ones and of the others each.
const MOST: usize = 100;

/// What is known of the inputs of a place.
#[derive(Debug, Clone, Default)]
pub struct Statistics {
    /// Rows of the tables that have an input.
    pub rows: f64,
    /// Distinct inputs in them.
    pub distinct: f64,
    /// The share of all rows that have none.
    pub nulls: f64,
    /// Inputs that are common, each with its share of the rows.
    pub common: Vec<(String, f64)>,
    /// Others, drawn evenly.
    pub drawn: Vec<String>,
}

/// What ANALYZE found; `None` where it found nothing, or the role may not know it.
///
/// # Safety
/// The input is of the statement.
pub unsafe fn of_input(statement: *mut pg_sys::PlannedStmt, input: &Input) -> Option<Statistics> {
    let mut known = Statistics { rows: 1.0, distinct: 1.0, nulls: 0.0, ..Statistics::default() };
    let mut tables = Vec::new();
    for column in &input.columns {
        // SAFETY: promised by the caller.
        if !unsafe { column::is_readable(statement, column) } {
            return None;
        }
        let rows = column::rows(column.table)?;
        if !tables.contains(&column.table) {
            tables.push(column.table);
            known.rows *= rows.max(1.0);
        }
        let row = StatisticsRow::find(column)?;
        known.distinct *= row.distinct(rows);
        known.nulls = 1.0 - (1.0 - known.nulls) * (1.0 - row.nulls());
        if let [_] = input.columns[..] {
            // SAFETY: the input is over this column alone.
            unsafe { row.values_into(input, &mut known) };
        }
    }
    known.rows = (known.rows * (1.0 - known.nulls)).max(1.0);
    known.distinct = known.distinct.clamp(1.0, known.rows);
    Some(known)
}

/// A row of `pg_statistic`, held until it is dropped.
struct StatisticsRow(pg_sys::HeapTuple);

impl Drop for StatisticsRow {
    fn drop(&mut self) {
        // An error that unwinds releases it by itself.
        if !std::thread::panicking() {
            // SAFETY: the row was found in the cache, and is released once.
            unsafe { pg_sys::ReleaseSysCache(self.0) };
        }
    }
}

impl StatisticsRow {
    fn find(column: &Column) -> Option<Self> {
        // SAFETY: a look-up in the system cache inside a transaction: of the table by itself, without those that inherit from it.
        let row = unsafe {
            pg_sys::SearchSysCache3(
                pg_sys::SysCacheIdentifier::STATRELATTINH as i32,
                pg_sys::Datum::from(column.table),
                pg_sys::Datum::from(column.number),
                pg_sys::Datum::from(false),
            )
        };
        (!row.is_null()).then(|| Self(row))
    }

    fn form(&self) -> &pg_sys::FormData_pg_statistic {
        // SAFETY: the row is of `pg_statistic`, and is held.
        unsafe { &*pg_sys::heap_tuple_get_struct::<pg_sys::FormData_pg_statistic>(self.0) }
    }

    fn nulls(&self) -> f64 {
        f64::from(self.form().stanullfrac)
    }

    /// A negative number of distinct values is a share of the rows, and 0 is unknown.
    fn distinct(&self, rows: f64) -> f64 {
        let told = f64::from(self.form().stadistinct);
        let distinct = if told < 0.0 { -told * rows } else { told };
        if distinct > 0.0 { distinct } else { rows }
    }

    /// Notes the inputs that follow from the values of the column, where evaluating them can do no harm.
    ///
    /// # Safety
    /// The input is over this column alone.
    unsafe fn values_into(&self, input: &Input, known: &mut Statistics) {
        // SAFETY: promised by the caller; the values of a slot are used before it is freed.
        unsafe {
            let nature = nature::of_expression(input.expression);
            let does_harm = nature.may_raise || nature.is_volatile || nature.asks || nature.is_strange;
            if does_harm || pg_sys::contain_mutable_functions(input.expression) {
                return;
            }
            let mut evaluation: Option<Evaluation> = None;
            let mut each = |kind: u32, flags: u32, take: &mut dyn FnMut(f64, Option<String>)| {
                let mut slot = pg_sys::AttStatsSlot::default();
                if !pg_sys::get_attstatsslot(&mut slot, self.0, kind as i32, pg_sys::InvalidOid, flags as i32) {
                    return;
                }
                let evaluation = evaluation.get_or_insert_with(|| Evaluation::new(input.expression, slot.valuetype));
                let count = usize::try_from(slot.nvalues).unwrap_or(0);
                for at in chosen(count) {
                    let share = if at < slot.nnumbers as usize { f64::from(*slot.numbers.add(at)) } else { 0.0 };
                    take(share, evaluation.of(*slot.values.add(at)));
                }
                pg_sys::free_attstatsslot(&mut slot);
            };
            let both = pg_sys::ATTSTATSSLOT_VALUES | pg_sys::ATTSTATSSLOT_NUMBERS;
            each(pg_sys::STATISTIC_KIND_MCV, both, &mut |share, text| {
                known.common.extend(text.map(|text| (text, share)));
            });
            each(pg_sys::STATISTIC_KIND_HISTOGRAM, pg_sys::ATTSTATSSLOT_VALUES, &mut |_, text| {
                known.drawn.extend(text);
            });
            if let Some(evaluation) = evaluation {
                evaluation.end();
            }
        }
    }
}

/// Which of so many values are looked at.
fn chosen(count: usize) -> impl Iterator<Item = usize> {
    let taken = count.min(MOST);
    (0..taken).map(move |at| at * count / taken)
}

/// An expression over one column, as it is evaluated for values of it.
struct Evaluation {
    state: *mut pg_sys::ExprState,
    context: *mut pg_sys::ExprContext,
    slot: *mut pg_sys::TupleTableSlot,
}

impl Evaluation {
    /// # Safety
    /// The expression has references to one column only, of this type, and is immutable.
    unsafe fn new(expression: *mut pg_sys::Node, of: pg_sys::Oid) -> Self {
        // SAFETY: promised by the caller; all is allocated in the current memory context.
        unsafe {
            let expression: *mut pg_sys::Node = copy(expression);
            tree::walk(expression, &mut |node| {
                if tag(node) == NodeTag::T_Var {
                    let var = node.cast::<pg_sys::Var>();
                    ((*var).varno, (*var).varattno) = (1, 1);
                }
                Next::Below
            });
            let descriptor = pg_sys::CreateTemplateTupleDesc(1);
            pg_sys::TupleDescInitEntry(descriptor, 1, c"value".as_ptr(), of, -1, 0);
            let slot = pg_sys::MakeSingleTupleTableSlot(descriptor, &raw const pg_sys::TTSOpsVirtual);
            let context = pg_sys::CreateStandaloneExprContext();
            (*context).ecxt_scantuple = slot;
            Self { state: pg_sys::ExecInitExpr(expression.cast(), std::ptr::null_mut()), context, slot }
        }
    }

    /// The input of a value; `None` for NULL, and for what is no valid text.
    ///
    /// # Safety
    /// The value is of the column's type.
    unsafe fn of(&mut self, value: pg_sys::Datum) -> Option<String> {
        // SAFETY: promised by the caller; the text is copied before the context is reset.
        unsafe {
            pg_sys::ExecClearTuple(self.slot);
            (*self.slot).tts_values.write(value);
            (*self.slot).tts_isnull.write(false);
            pg_sys::ExecStoreVirtualTuple(self.slot);
            let mut is_null = false;
            let datum = pg_sys::ExecEvalExprSwitchContext(self.state, self.context, &mut is_null);
            let text = (!is_null).then(|| {
                let text = pg_sys::pg_detoast_datum_packed(datum.cast_mut_ptr());
                String::from_utf8(pgrx::varlena_to_byte_slice(text).to_vec()).ok()
            });
            pg_sys::MemoryContextReset((*self.context).ecxt_per_tuple_memory);
            text.flatten()
        }
    }

    /// # Safety
    /// It is not used any more.
    unsafe fn end(self) {
        // SAFETY: both were made by `new`.
        unsafe {
            pg_sys::ExecDropSingleTupleTableSlot(self.slot);
            pg_sys::FreeExprContext(self.context, false);
        }
    }
}
