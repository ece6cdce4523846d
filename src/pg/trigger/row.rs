//! The row that a trigger was given, and its columns.

use crate::pg::{error, unguarded};
use pg_categorize_core::error::Error;
use pgrx::callconv::{BoxRet, FcInfo};
use pgrx::pg_sys;
use pgrx::pgrx_sql_entity_graph::metadata::{ArgumentError, ReturnsError, ReturnsRef, SqlMappingRef, SqlTranslatable};
use pgrx::prelude::*;
use std::borrow::Cow;
use std::ffi::{CStr, CString};

/// The row that Postgres goes on with.
pub struct Filled(pg_sys::HeapTuple);

/// A row that has the shape of the trigger's table.
pub(super) fn filled(tuple: pg_sys::HeapTuple) -> Filled {
    Filled(tuple)
}

/// The new row and, on UPDATE, the old one.
pub(super) struct Row {
    table: pg_sys::Oid,
    descriptor: pg_sys::TupleDesc,
    fresh: pg_sys::HeapTuple,
    old: Option<pg_sys::HeapTuple>,
    /// The new row taken apart, on INSERT.
    slot: Option<*mut pg_sys::TupleTableSlot>,
}

/// Where the columns are that a trigger reads and fills.
pub(super) struct Columns {
    table: pg_sys::Oid,
    inputs: Vec<i32>,
    output: i32,
    /// Whether all of them are of type text.
    text: bool,
    /// Where the columns of a new row are put together.
    values: Vec<pg_sys::Datum>,
    nulls: Vec<bool>,
}

impl Row {
    pub(super) fn of(trigger: &PgTrigger<'_>) -> Self {
        let data = trigger.trigger_data();
        // SAFETY: Postgres passes valid trigger data; the tuples have the relation's descriptor.
        unsafe {
            let relation = data.tg_relation;
            let (table, descriptor) = ((*relation).rd_id, (*relation).rd_att);
            if trigger.event().fired_by_update() {
                let (fresh, old) = (data.tg_newtuple, Some(data.tg_trigtuple));
                return Self { table, descriptor, fresh, old, slot: None };
            }
            let slot = data.tg_trigslot;
            let is_row = !slot.is_null() && (*(*slot).tts_tupleDescriptor).natts == (*descriptor).natts;
            // All columns at once: the new row is made of them.
            if is_row {
                unguarded::take_apart(slot, (*descriptor).natts);
            }
            Self { table, descriptor, fresh: data.tg_trigtuple, old: None, slot: is_row.then_some(slot) }
        }
    }

    /// Its table.
    pub(super) fn table(&self) -> pg_sys::Oid {
        self.table
    }

    /// A column of one of its tuples, as its output function writes it; `None` for NULL.
    ///
    /// # Errors
    /// 22023 where there is no such column.
    pub(super) fn value(&self, tuple: pg_sys::HeapTuple, column: &str) -> Option<String> {
        self.written(tuple, number(self, column))
    }

    /// As it came.
    pub(super) fn fresh(&self) -> pg_sys::HeapTuple {
        self.fresh
    }

    /// A column of type text.
    fn text(&self, tuple: pg_sys::HeapTuple, number: i32) -> Option<&str> {
        let mut null = false;
        // SAFETY: the tuple has this descriptor, and `number` is a column of it of type text; the value is in the tuple or, out of
        // line before, in the memory of the row. The slot has the columns of the new row.
        unsafe {
            let value = match self.slot {
                Some(slot) if tuple == self.fresh => {
                    let at = number as usize - 1;
                    null = *(*slot).tts_isnull.add(at);
                    *(*slot).tts_values.add(at)
                }
                _ => pg_sys::heap_getattr(tuple, number, self.descriptor, &mut null),
            };
            if null {
                return None;
            }
            let text = value.cast_mut_ptr::<pg_sys::varlena>();
            // What a client has just sent is.
            if let Some(bytes) = unguarded::plain_bytes(text) {
                return std::str::from_utf8(bytes).ok();
            }
            <&str>::from_datum(value, null)
        }
    }

    /// A column of any type, as its output function writes it.
    fn written(&self, tuple: pg_sys::HeapTuple, number: i32) -> Option<String> {
        // SAFETY: the tuple has this descriptor, `number` is one of its columns, and the C string is ours to free.
        unsafe {
            let value = pg_sys::SPI_getvalue(tuple, self.descriptor, number);
            if value.is_null() {
                return None;
            }
            let text = CStr::from_ptr(value).to_string_lossy().into_owned();
            pg_sys::pfree(value.cast());
            Some(text)
        }
    }
}

impl Columns {
    /// # Errors
    /// 22023 where one does not exist.
    pub(super) fn find(row: &Row, inputs: &[String], output: &str) -> Self {
        let inputs: Vec<i32> = inputs.iter().map(|column| number(row, column)).collect();
        let output = number(row, output);
        // SAFETY: the columns exist.
        let is_text = |column: &i32| unsafe { pg_sys::SPI_gettypeid(row.descriptor, *column) } == pg_sys::TEXTOID;
        let text = inputs.iter().chain([&output]).all(is_text);
        Self { table: row.table, inputs, output, text, values: Vec::new(), nulls: Vec::new() }
    }

    /// Whether they are those of the row's table; a statement's table keeps its columns.
    pub(super) fn are_of(&self, row: &Row) -> bool {
        self.table == row.table
    }

    /// Whether reading and setting them calls nothing that could fail.
    pub(super) fn are_text(&self) -> bool {
        self.text
    }

    /// What is to be done: set NULL where there is no input (`None`), leave the row as it is (`Some(None)`), or set the category of
    /// the text.
    pub(super) fn wanted<'a>(&self, row: &'a Row) -> Option<Option<Cow<'a, str>>> {
        let text = self.input(row, row.fresh);
        let output = self.read(row, row.fresh, self.output);
        let wanted = match row.old {
            None => output.is_none(),
            Some(old) => {
                let theirs = output != self.read(row, old, self.output);
                !theirs && (output.is_none() || text != self.input(row, old))
            }
        };
        if wanted { text.map(Some) } else { Some(None) }
    }

    fn read<'a>(&self, row: &'a Row, tuple: pg_sys::HeapTuple, number: i32) -> Option<Cow<'a, str>> {
        if self.text { row.text(tuple, number).map(Cow::Borrowed) } else { row.written(tuple, number).map(Cow::Owned) }
    }

    fn input<'a>(&self, row: &'a Row, tuple: pg_sys::HeapTuple) -> Option<Cow<'a, str>> {
        if let [only] = self.inputs[..] {
            return self.read(row, tuple, only);
        }
        let parts: Vec<_> = self.inputs.iter().filter_map(|number| self.read(row, tuple, *number)).collect();
        (!parts.is_empty()).then(|| Cow::Owned(parts.join(" ")))
    }

    /// The new row with the output column, which is of type text, set to a value of it.
    pub(super) fn with_text(&mut self, row: &Row, value: &Value) -> pg_sys::HeapTuple {
        let mut number = self.output;
        let mut datum = pg_sys::Datum::from(value.0.as_ptr());
        let Some(slot) = row.slot else {
            let mut null = false;
            // SAFETY: the column exists and is of type text; the modified copy has the same descriptor, and its own copy of the value.
            return unsafe {
                pg_sys::heap_modify_tuple_by_cols(row.fresh, row.descriptor, 1, &mut number, &mut datum, &mut null)
            };
        };
        // SAFETY: as above; the slot has all columns of the row, and what is made of them copies their values. Where the row is stored is
        // kept, as in any modified copy.
        unsafe {
            let (columns, at) = ((*row.descriptor).natts as usize, number as usize - 1);
            self.values.clear();
            self.values.extend_from_slice(std::slice::from_raw_parts((*slot).tts_values, columns));
            self.nulls.clear();
            self.nulls.extend_from_slice(std::slice::from_raw_parts((*slot).tts_isnull, columns));
            (self.values[at], self.nulls[at]) = (datum, false);
            let made = pg_sys::heap_form_tuple(row.descriptor, self.values.as_mut_ptr(), self.nulls.as_mut_ptr());
            (*(*made).t_data).t_ctid = (*(*row.fresh).t_data).t_ctid;
            (*made).t_self = (*row.fresh).t_self;
            (*made).t_tableOid = (*row.fresh).t_tableOid;
            made
        }
    }

    /// The new row with the output column set from text, through the type's input function.
    pub(super) fn with(&self, row: &Row, value: Option<&str>) -> pg_sys::HeapTuple {
        let mut number = self.output;
        let mut null = value.is_none();
        // SAFETY: the column exists; the type's input function is called as COPY calls it; the modified copy has the same
        // descriptor.
        unsafe {
            let mut datum = match value {
                Some(text) if self.text => {
                    pg_sys::Datum::from(pg_sys::cstring_to_text_with_len(text.as_ptr().cast(), text.len() as i32))
                }
                None if self.text => pg_sys::Datum::null(),
                _ => self.read_in(row, value),
            };
            pg_sys::heap_modify_tuple_by_cols(row.fresh, row.descriptor, 1, &mut number, &mut datum, &mut null)
        }
    }

    /// A value of the output column's type.
    ///
    /// # Safety
    /// The row has these columns.
    unsafe fn read_in(&self, row: &Row, value: Option<&str>) -> pg_sys::Datum {
        let text = value.map(|v| CString::new(v).expect("paths have no NUL"));
        // SAFETY: promised by the caller; the C string outlives the call.
        unsafe {
            let type_oid = pg_sys::SPI_gettypeid(row.descriptor, self.output);
            let modifier = crate::pg::compat::type_modifier(row.descriptor, self.output);
            let (mut function, mut parameter) = (pg_sys::InvalidOid, pg_sys::InvalidOid);
            pg_sys::getTypeInputInfo(type_oid, &mut function, &mut parameter);
            let value = text.as_ref().map_or(std::ptr::null_mut(), |text| text.as_ptr().cast_mut());
            pg_sys::OidInputFunctionCall(function, value, parameter, modifier)
        }
    }
}

/// A value of type text that is written again and again.
pub(super) struct Value(Box<[u32]>);

impl Value {
    pub(super) fn new(text: &str) -> Self {
        let bytes = pg_sys::VARHDRSZ + text.len();
        let mut words = vec![0_u32; bytes.div_ceil(4)].into_boxed_slice();
        // SAFETY: there is room for the header and the bytes, and the words are aligned as values are.
        unsafe {
            let value = words.as_mut_ptr().cast::<u8>();
            pgrx::set_varsize_4b(value.cast(), bytes as i32);
            value.add(pg_sys::VARHDRSZ).copy_from_nonoverlapping(text.as_ptr(), text.len());
        }
        Self(words)
    }
}

fn number(row: &Row, column: &str) -> i32 {
    let name = CString::new(column).unwrap_or_default();
    // SAFETY: a look-up by name in a valid descriptor.
    let number = unsafe { pg_sys::SPI_fnumber(row.descriptor, name.as_ptr()) };
    if number <= 0 {
        error::raise(
            Error::invalid(format!("column \"{column}\" does not exist"))
                .hint("Arguments are the input column, the output column and a taxonomy."),
        );
    }
    number
}

// SAFETY: a trigger's result is the address of a tuple, and never marked as NULL.
unsafe impl BoxRet for Filled {
    unsafe fn box_into<'fcx>(self, call: &mut FcInfo<'fcx>) -> pgrx::datum::Datum<'fcx> {
        // SAFETY: forwarded.
        unsafe { call.return_raw_datum(pg_sys::Datum::from(self.0)) }
    }
}

// SAFETY: `Filled` is what a trigger returns.
unsafe impl SqlTranslatable for Filled {
    const TYPE_IDENT: &'static str = pgrx::pgrx_resolved_type!(Filled);
    const TYPE_ORIGIN: pgrx::pgrx_sql_entity_graph::metadata::TypeOrigin =
        pgrx::pgrx_sql_entity_graph::metadata::TypeOrigin::External;
    const ARGUMENT_SQL: Result<SqlMappingRef, ArgumentError> = Ok(SqlMappingRef::literal("trigger"));
    const RETURN_SQL: Result<ReturnsRef, ReturnsError> = Ok(ReturnsRef::One(SqlMappingRef::literal("trigger")));
}
