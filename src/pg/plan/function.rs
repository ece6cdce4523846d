//! Which functions in a plan are ours: by the library and symbol that their definition names, not by their own names, which
//! anybody may give to anything.

use pgrx::pg_sys;
use pgrx::prelude::*;

/// A function that asks about one text, and how it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `(input text, taxonomy text)`; may ask outside the database.
    Taxonomy,
    /// `(input text, categories text[])`; may ask outside the database.
    Labels,
    /// `(input text, taxonomy text)`; never asks outside the database.
    Cached,
}

impl Form {
    /// All, in the order of their numbers in a plan.
    pub const ALL: [Self; 3] = [Self::Taxonomy, Self::Labels, Self::Cached];

    /// Its number in a plan.
    pub fn number(self) -> i32 {
        Self::ALL.iter().position(|form| *form == self).unwrap_or_default() as i32
    }
}

/// What a function is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ours {
    /// A node can look ahead for it.
    Text(Form),
    /// Ours, and answered row by row: images, and what returns sets.
    Other,
}

/// The language of functions in libraries, which has the same OID in every database.
const C: pg_sys::Oid = pg_sys::Oid::from_u32(13);

/// What a function is to us; `None` where it is another's.
pub fn ours(function: pg_sys::Oid) -> Option<Ours> {
    if function.to_u32() < pg_sys::FirstNormalObjectId {
        return None;
    }
    // SAFETY: a look-up in the system cache inside a transaction; the row is released before the function returns.
    unsafe {
        let row = pg_sys::SearchSysCache1(pg_sys::SysCacheIdentifier::PROCOID as i32, pg_sys::Datum::from(function));
        if row.is_null() {
            return None;
        }
        let definition: *mut pg_sys::FormData_pg_proc = pg_sys::heap_tuple_get_struct(row);
        let found = ((*definition).prolang == C)
            .then(|| (text(row, pg_sys::Anum_pg_proc_probin as i16), text(row, pg_sys::Anum_pg_proc_prosrc as i16)));
        pg_sys::ReleaseSysCache(row);
        let (Some(library), Some(symbol)) = found? else { return None };
        let file = library.rsplit('/').next().unwrap_or_default();
        if !matches!(file, "pg_categorize" | "pg_categorize.so") {
            return None;
        }
        match symbol.as_str() {
            "categorize_wrapper" | "categorize_detail_wrapper" => Some(Ours::Text(Form::Taxonomy)),
            "categorize_labels_wrapper" => Some(Ours::Text(Form::Labels)),
            "categorize_cached_wrapper" => Some(Ours::Text(Form::Cached)),
            symbol => symbol.starts_with("categorize_").then_some(Ours::Other),
        }
    }
}

/// A text column of a row of `pg_proc`.
///
/// # Safety
/// The row is valid, and the column is one of its texts.
unsafe fn text(row: pg_sys::HeapTuple, column: i16) -> Option<String> {
    let mut null = false;
    // SAFETY: promised by the caller; the value is copied.
    unsafe {
        let value = pg_sys::SysCacheGetAttr(pg_sys::SysCacheIdentifier::PROCOID as i32, row, column, &mut null);
        String::from_datum(value, null)
    }
}
