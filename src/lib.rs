//! pg_categorize: `SELECT categorize(title) FROM products`.
//!
//! This crate is the Postgres side: `api` holds the SQL surface, `pg` all that touches the server. What a category, a
//! rule or a decision is lives in `pg_categorize_core`.
#![deny(ffi_unwind_calls)]

mod api;
#[allow(unsafe_code, reason = "the glue to the server; each block says why it is sound")]
mod pg;

::pgrx::pg_module_magic!(name, version);

::pgrx::extension_sql_file!("../sql/10_tables.sql", name = "tables", bootstrap);

/// Runs when the library is loaded, in the postmaster or at a session's first call.
#[::pgrx::pg_guard]
pub extern "C-unwind" fn _PG_init() {
    pg::init();
}
