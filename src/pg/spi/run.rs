//! A thin SPI: read-only where it reads, so that it also works in parallel workers and on standbys.
//!
//! (`pgrx::Spi` turns read-write as soon as the transaction has an id, which a parallel worker refuses.)

use crate::pg::guard;
use pgrx::pg_sys;
use pgrx::{FromDatum, IntoDatum, PgMemoryContexts};
use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::CString;

/// An argument of a statement: its type and value.
pub struct Arg {
    oid: pg_sys::Oid,
    datum: Option<pg_sys::Datum>,
}

impl<T: IntoDatum> From<T> for Arg {
    fn from(value: T) -> Self {
        Self { oid: T::type_oid(), datum: value.into_datum() }
    }
}

/// One row of a result.
pub struct Row {
    tuple: pg_sys::HeapTuple,
    descriptor: pg_sys::TupleDesc,
}

impl Row {
    /// Column `number`, from 1, as an owned value.
    pub fn get<T: FromDatum>(&self, number: i32) -> Option<T> {
        let mut null = false;
        // SAFETY: tuple and descriptor belong to the result that is being read, and `number` is a column of it.
        unsafe {
            let datum = pg_sys::SPI_getbinval(self.tuple, self.descriptor, number, &mut null);
            T::from_datum(datum, null)
        }
    }

    /// Bytes of column `number`, which is of variable length, as they will be when it is read; 0 where it is null. Nothing is
    /// decompressed or fetched for it.
    pub fn bytes(&self, number: i32) -> usize {
        let mut null = false;
        // SAFETY: as in `get`; a value of variable length that is not null has a header, which is all that is looked at.
        unsafe {
            let datum = pg_sys::SPI_getbinval(self.tuple, self.descriptor, number, &mut null);
            if null { 0 } else { pg_sys::toast_raw_datum_size(datum) }
        }
    }
}

/// Reads rows under the statement's snapshot.
pub fn read<T>(sql: &str, arguments: &[Arg], row: impl FnMut(&Row) -> T) -> Vec<T> {
    execute(sql, arguments, true, row).0
}

/// Writes, and returns how many rows were touched.
pub fn write(sql: &str, arguments: &[Arg]) -> u64 {
    execute(sql, arguments, false, |_| ()).1
}

/// Writes with RETURNING.
pub fn write_returning<T>(sql: &str, arguments: &[Arg], row: impl FnMut(&Row) -> T) -> Vec<T> {
    execute(sql, arguments, false, row).0
}

/// Rows fetched at once by [`each`]: long values stay in their table until they are asked for.
const PORTION: i64 = 5000;

/// Reads rows as they are committed now, one after the other, in bounded memory. A cancel is served between them.
pub fn each(sql: &str, arguments: &[Arg], mut row: impl FnMut(&Row)) {
    let (mut types, mut values, nulls) = arrays(arguments);
    // SAFETY: as in `execute`; plan and portal live until SPI_finish. What a row's values take is freed after it: they are
    // owned by then. An error in `row` leaves the memory context of the row the current one; dropping `context` while
    // it unwinds makes the one before it current again, and deletes it.
    unsafe {
        connect();
        let plan = prepare(sql, &mut types);
        let portal = pg_sys::SPI_cursor_open(std::ptr::null(), plan, values.as_mut_ptr(), nulls.as_ptr().cast(), false);
        let mut context = PgMemoryContexts::new("pg_categorize row");
        loop {
            pg_sys::SPI_cursor_fetch(portal, true, PORTION);
            let table = pg_sys::SPI_tuptable;
            let count = pg_sys::SPI_processed as usize;
            if count == 0 {
                break;
            }
            for i in 0..count {
                guard::check_for_interrupts();
                let tuple = *(*table).vals.add(i);
                context.switch_to(|_| row(&Row { tuple, descriptor: (*table).tupdesc }));
                context.reset();
            }
            pg_sys::SPI_freetuptable(table);
        }
        drop(context);
        pg_sys::SPI_cursor_close(portal);
        pg_sys::SPI_finish();
    }
}

fn execute<T>(sql: &str, arguments: &[Arg], read_only: bool, row: impl FnMut(&Row) -> T) -> (Vec<T>, u64) {
    let (mut types, values, nulls) = arrays(arguments);
    // SAFETY: SPI is connected for the span of the call. An error unwinds past SPI_finish: the abort of the (sub)transaction
    // cleans up.
    unsafe {
        connect();
        // Prepared, not executed at once: only that would let our own small reads be planned in parallel.
        let done = carry_out(prepare(sql, &mut types), (values, nulls), read_only, row);
        pg_sys::SPI_finish();
        done
    }
}

/// Executes a plan; its rows, and how many there were.
///
/// # Safety
/// SPI is connected, and the plan takes arguments of these types.
unsafe fn carry_out<T>(
    plan: pg_sys::SPIPlanPtr,
    (mut values, nulls): (Vec<pg_sys::Datum>, Vec<u8>),
    read_only: bool,
    mut row: impl FnMut(&Row) -> T,
) -> (Vec<T>, u64) {
    // SAFETY: the arrays have one entry an argument and outlive the execution. Rows are read before SPI_finish frees them.
    unsafe {
        let outcome = pg_sys::SPI_execute_plan(plan, values.as_mut_ptr(), nulls.as_ptr().cast(), read_only, 0);
        assert!(outcome >= 0, "SPI refused a statement: {outcome}");
        let processed = pg_sys::SPI_processed;
        let mut rows = Vec::new();
        if !pg_sys::SPI_tuptable.is_null() {
            let table = &*pg_sys::SPI_tuptable;
            rows.reserve_exact(processed as usize);
            for i in 0..processed as usize {
                rows.push(row(&Row { tuple: *table.vals.add(i), descriptor: table.tupdesc }));
            }
        }
        (rows, processed)
    }
}

thread_local! {
    /// Statements that this process keeps, by the address of their text.
    static KEPT: RefCell<HashMap<usize, pg_sys::SPIPlanPtr>> = RefCell::default();
}

/// Runs a statement that is prepared once for the life of the process: for the gateway, which runs few of them very often.
/// It reads what is committed now, and may write.
pub fn kept<T>(sql: &'static str, arguments: &[Arg], row: impl FnMut(&Row) -> T) -> Vec<T> {
    let (mut types, values, nulls) = arrays(arguments);
    // SAFETY: as in `execute`. A kept plan lives as long as the process.
    unsafe {
        connect();
        let known = KEPT.with_borrow(|kept| kept.get(&sql.as_ptr().addr()).copied());
        let plan = known.unwrap_or_else(|| {
            let plan = prepare_to_keep(sql, &mut types);
            KEPT.with_borrow_mut(|kept| kept.insert(sql.as_ptr().addr(), plan));
            plan
        });
        let done = carry_out(plan, (values, nulls), false, row);
        pg_sys::SPI_finish();
        done.0
    }
}

/// Statements that are kept by their text.
const KEPT_TEXTS: usize = 64;

thread_local! {
    /// Statements whose text is made as it runs, by their text.
    static KEPT_BY_TEXT: RefCell<HashMap<String, pg_sys::SPIPlanPtr>> = RefCell::default();
}

/// Reads rows under the statement's snapshot with a statement that is kept by its text, for the life of the process or until
/// too many others have come. It calls none of our functions.
pub fn read_kept<T>(sql: &str, arguments: &[Arg], row: impl FnMut(&Row) -> T) -> Vec<T> {
    execute_kept(sql, arguments, true, row).0
}

/// Writes with a statement that is kept as in [`read_kept`]; returns how many rows were touched.
pub fn write_kept(sql: &str, arguments: &[Arg]) -> u64 {
    execute_kept(sql, arguments, false, |_| ()).1
}

fn execute_kept<T>(sql: &str, arguments: &[Arg], read_only: bool, row: impl FnMut(&Row) -> T) -> (Vec<T>, u64) {
    let (mut types, values, nulls) = arrays(arguments);
    // SAFETY: as in `execute` and `kept`. None of the plans that are freed is running: those that run call nothing of ours.
    unsafe {
        connect();
        let known = KEPT_BY_TEXT.with_borrow(|kept| kept.get(sql).copied());
        let plan = known.unwrap_or_else(|| {
            let plan = prepare_to_keep(sql, &mut types);
            KEPT_BY_TEXT.with_borrow_mut(|kept| {
                if kept.len() >= KEPT_TEXTS {
                    kept.drain().for_each(|(_, old)| _ = pg_sys::SPI_freeplan(old));
                }
                kept.insert(sql.to_owned(), plan);
            });
            plan
        });
        let done = carry_out(plan, (values, nulls), read_only, row);
        pg_sys::SPI_finish();
        done
    }
}

/// Prepares a statement with parameters of these types.
///
/// # Safety
/// SPI is connected.
unsafe fn prepare(sql: &str, types: &mut [pg_sys::Oid]) -> pg_sys::SPIPlanPtr {
    let sql = CString::new(sql).expect("statements are constants without NUL");
    // SAFETY: promised by the caller; SPI copies the text and the types.
    let plan = unsafe { pg_sys::SPI_prepare(sql.as_ptr(), types.len() as i32, types.as_mut_ptr()) };
    assert!(!plan.is_null(), "SPI refused to prepare a statement");
    plan
}

/// Prepares a statement that outlives this call; it is kept once it is complete.
///
/// # Safety
/// SPI is connected.
unsafe fn prepare_to_keep(sql: &str, types: &mut [pg_sys::Oid]) -> pg_sys::SPIPlanPtr {
    // SAFETY: promised by the caller; the plan is one that was prepared just now.
    unsafe {
        let plan = prepare(sql, types);
        let outcome = pg_sys::SPI_keepplan(plan);
        assert!(outcome == 0, "SPI refused to keep a statement: {outcome}");
        plan
    }
}

/// Types, values and null flags, as SPI wants them.
pub(super) fn arrays(arguments: &[Arg]) -> (Vec<pg_sys::Oid>, Vec<pg_sys::Datum>, Vec<u8>) {
    let each = |a: &Arg| {
        let null = if a.datum.is_some() { b' ' } else { b'n' };
        (a.oid, a.datum.unwrap_or_else(pg_sys::Datum::null), null)
    };
    arguments.iter().map(each).collect()
}

/// Connects to SPI.
pub(super) fn connect() {
    // SAFETY: a plain call; every caller finishes or errors out.
    let outcome = unsafe { pg_sys::SPI_connect() };
    assert!(outcome == pg_sys::SPI_OK_CONNECT as i32, "SPI refused to connect: {outcome}");
}
