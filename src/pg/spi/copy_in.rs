//! Many rows into a table of ours by what COPY is made of: pages are filled by many rows at a time, and no statement takes rows
//! apart before. Defaults, constraints, indexes and triggers hold as for INSERT. What calls it holds a snapshot.

use pgrx::prelude::*;
use pgrx::{PgList, pg_sys};
use std::cell::RefCell;
use std::ffi::{CStr, c_int, c_void};

/// Rows from which on this is worth its begin; fewer go by a statement.
pub(super) const MANY: usize = 64;

/// What a file of COPY in binary begins with: the signature, no flags, and no more of a header. As in
/// <https://www.postgresql.org/docs/current/sql-copy.html>, "Binary Format".
const HEADER: [u8; 19] = *b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// Whether texts come in as they are: COPY in binary takes them for those of the client.
pub(super) fn takes_our_texts() -> bool {
    // SAFETY: plain calls.
    unsafe { pg_sys::pg_get_client_encoding() == pg_sys::GetDatabaseEncoding() }
}

/// Rows as COPY reads them in binary.
pub(super) struct Rows {
    bytes: Vec<u8>,
    columns: &'static [&'static CStr],
}

impl Rows {
    /// None yet; each will have these columns, in this order.
    pub(super) fn of(columns: &'static [&'static CStr]) -> Self {
        Self { bytes: HEADER.to_vec(), columns }
    }

    /// Adds a row.
    ///
    /// # Panics
    /// Where it has another number of columns.
    pub(super) fn push(&mut self, values: &[&dyn Value]) {
        assert!(values.len() == self.columns.len(), "a row of {} columns has as many values", self.columns.len());
        self.bytes.extend((values.len() as i16).to_be_bytes());
        values.iter().for_each(|value| value.put(&mut self.bytes));
    }
}

/// A value as the type of its column reads it in binary: its bytes after their number.
pub(super) trait Value {
    /// Appends it.
    fn put(&self, bytes: &mut Vec<u8>);
}

fn put(value: &[u8], bytes: &mut Vec<u8>) {
    bytes.extend((value.len() as i32).to_be_bytes());
    bytes.extend(value);
}

macro_rules! by_its_bytes {
    ($($kind:ty),*) => { $(
        impl Value for $kind {
            fn put(&self, bytes: &mut Vec<u8>) {
                put(&self.to_be_bytes(), bytes);
            }
        }
    )* };
}

// `bigint` and `timestamptz`, `int`, `real`.
by_its_bytes!(i64, i32, f32);

impl Value for bool {
    fn put(&self, bytes: &mut Vec<u8>) {
        put(&[u8::from(*self)], bytes);
    }
}

impl Value for &str {
    fn put(&self, bytes: &mut Vec<u8>) {
        put(self.as_bytes(), bytes);
    }
}

impl Value for [u8; 32] {
    fn put(&self, bytes: &mut Vec<u8>) {
        put(self, bytes);
    }
}

impl<T: Value> Value for Option<T> {
    fn put(&self, bytes: &mut Vec<u8>) {
        match self {
            Some(value) => value.put(bytes),
            None => bytes.extend((-1_i32).to_be_bytes()),
        }
    }
}

thread_local! {
    /// What is being read, and how far it is.
    static READ: RefCell<(Vec<u8>, usize)> = RefCell::default();
}

/// Lets go of what was to be read, also after an error: texts of users stay nowhere.
struct Reading;

impl Drop for Reading {
    fn drop(&mut self) {
        READ.take();
    }
}

/// Gives COPY what comes next, as much as it has room for; nothing at the end.
#[pg_guard]
unsafe extern "C-unwind" fn feed(to: *mut c_void, _least: c_int, most: c_int) -> c_int {
    READ.with_borrow_mut(|(bytes, at)| {
        let rest = &bytes[*at..];
        let taken = rest.len().min(usize::try_from(most).unwrap_or(0));
        // SAFETY: COPY has room for so many bytes there, and nothing of ours is in it.
        unsafe { std::ptr::copy_nonoverlapping(rest.as_ptr(), to.cast::<u8>(), taken) };
        *at += taken;
        taken as c_int
    })
}

/// Stores rows in a table of the schema `categorize`.
///
/// # Errors
/// As INSERT: 23505 where a key is there already, 23514 for what a constraint refuses. No message has a value in it.
pub(super) fn copy_in(table: &CStr, rows: Rows) {
    let Rows { mut bytes, columns } = rows;
    bytes.extend((-1_i16).to_be_bytes());
    READ.set((bytes, 0));
    let _reading = Reading;
    // SAFETY: calls as the initial copy of logical replication makes them, inside a transaction with a snapshot; nodes and names
    // are made in the memory context of the caller, and outlive the COPY. The lock stays until the transaction ends. An error
    // unwinds to an abort of the (sub)transaction, which closes the table.
    unsafe {
        let schema = pg_sys::get_namespace_oid(c"categorize".as_ptr(), false);
        let relation = pg_sys::table_open(pg_sys::get_relname_relid(table.as_ptr(), schema), ROW_EXCLUSIVE);
        let parse = pg_sys::make_parsestate(std::ptr::null_mut());
        pg_sys::addRangeTableEntryForRelation(parse, relation, ROW_EXCLUSIVE, std::ptr::null_mut(), false, false);
        let mut names = PgList::<pg_sys::Node>::new();
        for column in columns {
            names.push(pg_sys::makeString(pg_sys::pstrdup(column.as_ptr())).cast());
        }
        let mut options = PgList::<pg_sys::DefElem>::new();
        let binary = pg_sys::makeString(pg_sys::pstrdup(c"binary".as_ptr()));
        options.push(pg_sys::makeDefElem(pg_sys::pstrdup(c"format".as_ptr()), binary.cast(), -1));
        let copy = pg_sys::BeginCopyFrom(
            parse,
            relation,
            std::ptr::null_mut(),
            std::ptr::null(),
            false,
            Some(feed),
            names.as_ptr(),
            options.as_ptr(),
        );
        pg_sys::CopyFrom(copy);
        pg_sys::EndCopyFrom(copy);
        pg_sys::table_close(relation, pg_sys::NoLock as pg_sys::LOCKMODE);
        pg_sys::free_parsestate(parse);
        // What follows in the transaction sees them.
        pg_sys::CommandCounterIncrement();
    }
}

const ROW_EXCLUSIVE: pg_sys::LOCKMODE = pg_sys::RowExclusiveLock as pg_sys::LOCKMODE;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_its_values_with_their_lengths_and_nothing_is_of_length_minus_one() {
        let mut rows = Rows::of(&[c"a", c"b", c"c", c"d"]);
        rows.push(&[&1_i32, &Some("ab"), &None::<i64>, &true]);
        let row = [&[0, 4][..], &[0, 0, 0, 4, 0, 0, 0, 1], &[0, 0, 0, 2], b"ab", &[0xff; 4], &[0, 0, 0, 1, 1]].concat();
        assert_eq!(rows.bytes[..19], HEADER);
        assert_eq!(rows.bytes[19..], row);
    }

    #[test]
    #[should_panic(expected = "a row of 2 columns has as many values")]
    fn a_row_that_is_too_short_is_refused() {
        Rows::of(&[c"a", c"b"]).push(&[&1_i32]);
    }
}
