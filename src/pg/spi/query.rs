//! A query that the caller wrote: one SELECT, with the caller's rights, unable to write.

use super::run;
use crate::pg::{compat, error, guc};
use pg_categorize_core::error::Error;
use pg_categorize_core::normalise::is_blank;
use pgrx::pg_sys;
use std::ffi::CString;

/// Rows fetched at once.
const CHUNK: i64 = 5000;

/// Runs `query` and hands over its rows in chunks as (input, category), rows with a NULL or a blank input left out.
///
/// The transaction is read-only while the query's functions run, so that also a volatile one cannot write.
///
/// # Errors
/// 22023 for anything but one SELECT of two columns; 25006 when the query tries to write; its own errors as they come.
pub fn for_each_pair(query: &str, mut take: impl FnMut(Vec<(String, String)>)) {
    for_each_row(query, ["SELECT title, category FROM labelled", "two columns"], |rows: Vec<[Option<String>; 2]>| {
        // Real tables have blanks: like NULLs, they teach nothing.
        let pair = |[input, category]: [Option<String>; 2]| Some((input.filter(|i| !is_blank(i))?, category?));
        take(rows.into_iter().filter_map(pair).collect());
    });
}

/// Runs `query` and hands over its one column in chunks, NULLs left out. As [`for_each_pair`] otherwise.
pub fn for_each_text(query: &str, mut take: impl FnMut(Vec<String>)) {
    for_each_row(query, ["SELECT path FROM categories", "one column"], |rows: Vec<[Option<String>; 1]>| {
        take(rows.into_iter().filter_map(|[text]| text).collect());
    });
}

/// Runs `query` and hands over its one column in chunks, the inputs of a taxonomy, NULLs left out. As [`for_each_pair`] otherwise.
pub fn for_each_input(query: &str, mut take: impl FnMut(Vec<String>)) {
    for_each_row(query, ["SELECT title FROM products", "one column"], |rows: Vec<[Option<String>; 1]>| {
        take(rows.into_iter().filter_map(|[text]| text).collect());
    });
}

/// Runs `query` and hands over its rows in chunks as they are, with the names of their columns; first an empty one, so that the columns
/// are known of a query without rows. Values are texts, as any session reads them. As [`for_each_pair`] otherwise.
pub fn for_each_record(query: &str, take: impl FnMut(&[String], Vec<Vec<Option<String>>>)) {
    for_each_chunk(query, &[], ["SELECT id, title FROM products", "columns of the table"], None, take);
}

fn for_each_row<const N: usize>(query: &str, says: [&str; 2], mut take: impl FnMut(Vec<[Option<String>; N]>)) {
    let row = |row: Vec<Option<String>>| <[Option<String>; N]>::try_from(row).ok();
    for_each_chunk(query, &[], says, Some(N), |_, rows| take(rows.into_iter().filter_map(row).collect()));
}

/// Runs a query of ours with a condition that the caller wrote over these arguments; the numbers that are its first column. As
/// [`for_each_pair`] otherwise.
pub fn numbers_where(query: &str, arguments: &[run::Arg]) -> Vec<usize> {
    let mut numbers = Vec::new();
    for_each_chunk(query, arguments, ["SELECT number", "one column"], Some(1), |_, rows| {
        numbers.extend(rows.into_iter().filter_map(|row| row.into_iter().next()??.parse::<usize>().ok()));
    });
    numbers
}

fn for_each_chunk(
    query: &str,
    arguments: &[run::Arg],
    [example, shape]: [&str; 2],
    width: Option<usize>,
    mut take: impl FnMut(&[String], Vec<Vec<Option<String>>>),
) {
    let Ok(text) = CString::new(query) else { error::raise(Error::invalid("query contains a NUL byte")) };
    let _cached = SavedSettings::with_mode_cached();
    if width.is_none() {
        // SAFETY: inside the level of settings that was begun just now.
        unsafe { guc::date_plainly() };
    }
    let (mut types, mut values, nulls) = run::arrays(arguments);
    run::connect();
    // SAFETY: SPI is connected until the end; the plan and the portal live as long, and there is a value for each argument. An error
    // unwinds to an abort.
    unsafe {
        let read_only = ReadOnly::begin();
        let plan = pg_sys::SPI_prepare(text.as_ptr(), types.len() as i32, types.as_mut_ptr());
        if plan.is_null() || !pg_sys::SPI_is_cursor_plan(plan) || !is_select(plan) {
            error::raise(
                Error::invalid("query must be one SELECT")
                    .hint(format!("Pass the text of a SELECT with {shape}, as in '{example}'.")),
            );
        }
        let portal = pg_sys::SPI_cursor_open(std::ptr::null(), plan, values.as_mut_ptr(), nulls.as_ptr().cast(), true);
        drop(read_only);
        let columns = (*(*portal).tupDesc).natts;
        if width.is_some_and(|width| columns as usize != width) {
            error::raise(
                Error::invalid(format!("query must return {shape}"))
                    .detail(format!("It returns {columns}."))
                    .hint(format!("Write it as in '{example}'.")),
            );
        }
        let names: Vec<String> = (1..=columns).map(|number| column_name((*portal).tupDesc, number)).collect();
        if width.is_none() {
            take(&names, Vec::new());
        }
        loop {
            let read_only = ReadOnly::begin();
            pg_sys::SPI_cursor_fetch(portal, true, CHUNK);
            drop(read_only);
            let table = pg_sys::SPI_tuptable;
            let count = pg_sys::SPI_processed as usize;
            if count == 0 {
                break;
            }
            let row = |i: usize| {
                let tuple = *(*table).vals.add(i);
                (1..=columns).map(|column| text_column(tuple, (*table).tupdesc, column)).collect()
            };
            let rows = (0..count).map(row).collect();
            pg_sys::SPI_freetuptable(table);
            take(&names, rows);
        }
        pg_sys::SPI_cursor_close(portal);
        pg_sys::SPI_finish();
    }
}

/// The name of a column.
///
/// # Safety
/// The descriptor is valid and has this column.
unsafe fn column_name(descriptor: pg_sys::TupleDesc, number: i32) -> String {
    // SAFETY: forwarded; the C string is ours to free.
    unsafe {
        let name = pg_sys::SPI_fname(descriptor, number);
        let text = std::ffi::CStr::from_ptr(name).to_string_lossy().into_owned();
        pg_sys::pfree(name.cast());
        text
    }
}

/// Plans a query that the caller wrote as EXPLAIN would, with his rights, and shows its plan; nothing of it runs.
///
/// # Errors
/// 22023 for anything but one statement that EXPLAIN takes; 42501 for tables that the caller may not use so; its own errors as
/// they come.
pub fn with_plan_of<T>(query: &str, look: impl FnOnce(*mut pg_sys::PlannedStmt) -> T) -> T {
    let Ok(text) = CString::new(query) else { error::raise(Error::invalid("query contains a NUL byte")) };
    run::connect();
    // SAFETY: SPI is connected until the end, and the plan lives as long. An error unwinds to an abort.
    unsafe {
        let statement = {
            // The planner may evaluate stable functions of others.
            let (_cached, _read_only) = (SavedSettings::with_mode_cached(), ReadOnly::begin());
            let plan = pg_sys::SPI_prepare(text.as_ptr(), 0, std::ptr::null_mut());
            let Some(query) = (if plan.is_null() { None } else { explainable(plan) }) else {
                error::raise(
                    Error::invalid("query must be one statement that EXPLAIN takes")
                        .hint("Pass the text of a SELECT, INSERT, UPDATE, DELETE, MERGE, CREATE TABLE AS or the like, as in 'SELECT categorize(title) FROM products'."),
                );
            };
            let options = pg_sys::CURSOR_OPT_PARALLEL_OK as i32;
            pg_sys::pg_plan_query(query, text.as_ptr(), options, std::ptr::null_mut())
        };
        compat::check_rights(statement);
        let seen = look(statement);
        pg_sys::SPI_finish();
        seen
    }
}

/// The query of a plan, rewritten, where it is one that can be planned.
///
/// # Safety
/// The plan is valid.
unsafe fn explainable(plan: pg_sys::SPIPlanPtr) -> Option<*mut pg_sys::Query> {
    // SAFETY: as below; what is planned is a copy.
    unsafe {
        let sources = pgrx::PgList::<pg_sys::CachedPlanSource>::from_pg(pg_sys::SPI_plan_get_plan_sources(plan));
        let source = sources.get_ptr(0).filter(|_| sources.len() == 1)?;
        let queries = pgrx::PgList::<pg_sys::Query>::from_pg((*source).query_list);
        let query = queries.get_ptr(0).filter(|_| queries.len() == 1)?;
        let query: *mut pg_sys::Query = pg_sys::copyObjectImpl(query.cast()).cast();
        if (*query).commandType != pg_sys::CmdType::CMD_UTILITY {
            return Some(query);
        }
        let utility = (*query).utilityStmt;
        let inner = match (*utility).type_ {
            pg_sys::NodeTag::T_CreateTableAsStmt => (*utility.cast::<pg_sys::CreateTableAsStmt>()).query,
            pg_sys::NodeTag::T_DeclareCursorStmt => (*utility.cast::<pg_sys::DeclareCursorStmt>()).query,
            _ => return None,
        };
        // That of EXECUTE is none.
        if inner.is_null() || (*inner).type_ != pg_sys::NodeTag::T_Query {
            return None;
        }
        let rewritten = pgrx::PgList::<pg_sys::Query>::from_pg(pg_sys::QueryRewrite(inner.cast()));
        let query = rewritten.get_ptr(0).filter(|_| rewritten.len() == 1)?;
        ((*query).commandType != pg_sys::CmdType::CMD_UTILITY).then_some(query)
    }
}

/// Whether a plan of one statement is a SELECT that neither writes nor locks.
///
/// # Safety
/// The plan is valid and has one statement.
unsafe fn is_select(plan: pg_sys::SPIPlanPtr) -> bool {
    // SAFETY: a saved or fresh plan keeps its sources and their analysed queries as long as it lives.
    unsafe {
        let sources = pgrx::PgList::<pg_sys::CachedPlanSource>::from_pg(pg_sys::SPI_plan_get_plan_sources(plan));
        let Some(source) = sources.get_ptr(0) else { return false };
        let queries = pgrx::PgList::<pg_sys::Query>::from_pg((*source).query_list);
        queries.get_ptr(0).is_some_and(|query| {
            (*query).commandType == pg_sys::CmdType::CMD_SELECT
                && !(*query).hasModifyingCTE
                && (*query).rowMarks.is_null()
        })
    }
}

/// A column as text, whatever its type.
///
/// # Safety
/// The tuple has the descriptor's shape.
unsafe fn text_column(tuple: pg_sys::HeapTuple, descriptor: pg_sys::TupleDesc, number: i32) -> Option<String> {
    // SAFETY: forwarded; the C string is ours to free.
    unsafe {
        let value = pg_sys::SPI_getvalue(tuple, descriptor, number);
        if value.is_null() {
            return None;
        }
        let text = std::ffi::CStr::from_ptr(value).to_string_lossy().into_owned();
        pg_sys::pfree(value.cast());
        Some(text)
    }
}

/// Settings as they were, put back when dropped: the query can neither spend nor leave a setting behind.
struct SavedSettings {
    level: i32,
    forced: bool,
}

impl SavedSettings {
    fn with_mode_cached() -> Self {
        // SAFETY: plain calls inside a transaction, with static strings.
        unsafe {
            let level = pg_sys::NewGUCNestLevel();
            guc::set_until_level_ends(c"categorize.mode", c"cached");
            Self { level, forced: guc::force_cached(true) }
        }
    }
}

impl Drop for SavedSettings {
    fn drop(&mut self) {
        guc::force_cached(self.forced);
        if !std::thread::panicking() {
            // SAFETY: ends the level begun above; after an error the abort does it.
            unsafe { pg_sys::AtEOXact_GUC(false, self.level) };
        }
    }
}

/// Makes the transaction read-only while it lives.
struct ReadOnly(bool);

impl ReadOnly {
    fn begin() -> Self {
        // SAFETY: reads and sets a global of the main thread that an abort resets.
        unsafe {
            let before = pg_sys::XactReadOnly;
            pg_sys::XactReadOnly = true;
            Self(before)
        }
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        // SAFETY: puts back what was.
        unsafe { pg_sys::XactReadOnly = self.0 };
    }
}

/// Name of a role.
pub fn role_name(role: pg_sys::Oid) -> String {
    let sql = "SELECT pg_catalog.pg_get_userbyid($1)::text";
    run::read(sql, &[role.into()], |row| row.get::<String>(1)).pop().flatten().unwrap_or_default()
}

/// Whether a role has the rights of a role of this name; false where there is none.
pub fn is_member(role: pg_sys::Oid, of: &str) -> bool {
    let sql = "SELECT pg_catalog.pg_has_role($1, r.oid, 'USAGE') FROM pg_catalog.pg_roles r
                WHERE r.rolname OPERATOR(pg_catalog.=) $2::pg_catalog.name";
    run::read(sql, &[role.into(), of.into()], |row| row.get::<bool>(1)).pop().flatten().unwrap_or(false)
}
