//! Where the extension's tables are in this database, who owns them, and whether library and SQL are of one version.

use crate::pg::error;
use crate::pg::freshness::{self, part};
use crate::pg::spi;
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::cell::Cell;

/// Our tables, by OID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tables {
    /// Owner of the tables; functions read and write as this role.
    pub owner: pg_sys::Oid,
    /// `categorize.taxonomy`.
    pub taxonomy: pg_sys::Oid,
    /// `categorize.category`.
    pub category: pg_sys::Oid,
    /// `categorize.rule`.
    pub rule: pg_sys::Oid,
    /// `categorize.correction`.
    pub correction: pg_sys::Oid,
    /// `categorize.cache`.
    pub cache: pg_sys::Oid,
    /// `categorize.local_model`; invalid where the SQL objects are older than it, which `tables` then says.
    pub local_model: pg_sys::Oid,
    /// `categorize.quality`; invalid where the SQL objects are older than it.
    pub quality: pg_sys::Oid,
    /// `categorize.provider`; invalid where the SQL objects are older than it, as the three below.
    pub provider: pg_sys::Oid,
    /// `categorize.model`.
    pub model: pg_sys::Oid,
    /// `categorize.price`.
    pub price: pg_sys::Oid,
    /// `categorize.budget`.
    pub budget: pg_sys::Oid,
    /// The unique index of `categorize.correction`.
    pub correction_index: pg_sys::Oid,
    /// The hash index of `categorize.cache`; a look-up touches half the pages of the primary key's.
    pub cache_index: pg_sys::Oid,
    /// The index of `categorize.cache` by taxonomy and tenant; invalid where the SQL objects are older than it.
    pub cache_lesson_index: pg_sys::Oid,
}

thread_local! {
    static KNOWN: Cell<Option<Tables>> = const { Cell::new(None) };
}

/// The tables; looked up once and again after every invalidation.
///
/// # Errors
/// 55000 where the extension is absent or its SQL is of another version than this library.
pub fn tables() -> Tables {
    if let Some(tables) = KNOWN.get() {
        return tables;
    }
    let tables = look_up().unwrap_or_else(|| {
        error::report(
            PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            "extension pg_categorize is not installed in this database",
            None,
            Some("Run CREATE EXTENSION pg_categorize.".into()),
        )
    });
    // Before anything else is read: what is written from now on must be noticed.
    freshness::watch([
        (tables.taxonomy, part::TAXONOMY),
        (tables.category, part::TAXONOMY),
        (tables.rule, part::RULE),
        (tables.correction, part::CORRECTION),
        (tables.cache, part::CACHE),
        (tables.local_model, part::MODEL),
        (tables.quality, part::MODEL),
        (tables.provider, part::PROVIDER),
        (tables.model, part::PROVIDER),
        (tables.price, part::PROVIDER),
        (tables.budget, part::PROVIDER),
    ]);
    let installed = spi::extension_version().unwrap_or_default();
    if installed != env!("CARGO_PKG_VERSION") {
        error::report(
            PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            "library and SQL objects of pg_categorize have different versions",
            Some(format!("The library is {}, the SQL objects are {installed}.", env!("CARGO_PKG_VERSION"))),
            Some("Run ALTER EXTENSION pg_categorize UPDATE, and reconnect or restart to load the new library.".into()),
        );
    }
    KNOWN.set(Some(tables));
    tables
}

/// `categorize.cache`, if it is there; whether library and SQL are of one version is not asked.
pub fn cache_table() -> Option<pg_sys::Oid> {
    KNOWN.get().map(|tables| tables.cache).or_else(|| relation(c"cache"))
}

/// The table of taxonomies, where there is one now, of whatever version.
pub fn taxonomy_table() -> Option<pg_sys::Oid> {
    relation(c"taxonomy")
}

/// Forgets what was looked up.
pub fn forget() {
    KNOWN.set(None);
}

fn look_up() -> Option<Tables> {
    let taxonomy = relation(c"taxonomy")?;
    Some(Tables {
        owner: spi::table_owner(taxonomy)?,
        taxonomy,
        category: relation(c"category")?,
        rule: relation(c"rule")?,
        correction: relation(c"correction")?,
        cache: relation(c"cache")?,
        local_model: relation(c"local_model").unwrap_or(pg_sys::InvalidOid),
        quality: relation(c"quality").unwrap_or(pg_sys::InvalidOid),
        provider: relation(c"provider").unwrap_or(pg_sys::InvalidOid),
        model: relation(c"model").unwrap_or(pg_sys::InvalidOid),
        price: relation(c"price").unwrap_or(pg_sys::InvalidOid),
        budget: relation(c"budget").unwrap_or(pg_sys::InvalidOid),
        correction_index: relation(c"correction_fingerprint_key")?,
        cache_index: relation(c"cache_fingerprint_idx")?,
        cache_lesson_index: relation(c"cache_lesson_idx").unwrap_or(pg_sys::InvalidOid),
    })
}

/// A table or index of ours by its name.
fn relation(name: &std::ffi::CStr) -> Option<pg_sys::Oid> {
    // SAFETY: system cache look-ups with static names; they return InvalidOid for what is absent.
    unsafe {
        let schema = pg_sys::get_namespace_oid(c"categorize".as_ptr(), true);
        (schema != pg_sys::InvalidOid)
            .then(|| pg_sys::get_relname_relid(name.as_ptr(), schema))
            .filter(|oid| *oid != pg_sys::InvalidOid)
    }
}

/// Notes that a statement wrote the table a trigger fired on.
pub fn written(trigger: &PgTrigger<'_>) {
    // SAFETY: Postgres passes valid trigger data, whose relation is open and locked.
    let table = unsafe { (*trigger.trigger_data().tg_relation).rd_id };
    freshness::wrote(table);
}
