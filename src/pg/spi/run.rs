//! A thin SPI: read-only where it reads, so that it also works in parallel workers and on standbys.
//!
//! (`pgrx::Spi` turns read-write as soon as the transaction has an id, which a parallel worker refuses.)

use pgrx::pg_sys;
use pgrx::{FromDatum, IntoDatum};
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

fn execute<T>(sql: &str, arguments: &[Arg], read_only: bool, mut row: impl FnMut(&Row) -> T) -> (Vec<T>, u64) {
    let sql = CString::new(sql).expect("statements are constants without NUL");
    let mut types: Vec<pg_sys::Oid> = arguments.iter().map(|a| a.oid).collect();
    let mut values: Vec<pg_sys::Datum> =
        arguments.iter().map(|a| a.datum.unwrap_or_else(pg_sys::Datum::null)).collect();
    let nulls: Vec<u8> = arguments.iter().map(|a| if a.datum.is_some() { b' ' } else { b'n' }).collect();
    // SAFETY: SPI is connected for the span of the call; the arrays have one entry an argument and outlive it. Rows are
    // read before SPI_finish frees them. An error unwinds past SPI_finish: the abort of the (sub)transaction cleans up.
    unsafe {
        connect();
        // Prepared, not executed at once: only that would let our own small reads be planned in parallel.
        let plan = pg_sys::SPI_prepare(sql.as_ptr(), arguments.len() as i32, types.as_mut_ptr());
        assert!(!plan.is_null(), "SPI refused to prepare a statement");
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
        pg_sys::SPI_finish();
        (rows, processed)
    }
}

/// Connects to SPI.
pub(super) fn connect() {
    // SAFETY: a plain call; every caller finishes or errors out.
    let outcome = unsafe { pg_sys::SPI_connect() };
    assert!(outcome == pg_sys::SPI_OK_CONNECT as i32, "SPI refused to connect: {outcome}");
}
