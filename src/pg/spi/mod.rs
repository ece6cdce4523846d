//! All SQL text of the library, a file per family of tables. Statements run as the owner under a pinned search_path
//! (`owner::OwnerScope`), except where a function of its own says otherwise.

mod answer;
mod audit;
mod batch;
mod budget;
mod bulk;
mod cache;
mod category;
mod copy_in;
mod correction;
mod embedding;
mod estimate;
mod ledger;
mod lesson;
mod local_model;
mod near_answer;
mod news;
mod observation;
mod plan;
mod provider;
mod quality;
mod query;
mod queue;
mod recategorize;
mod rule;
mod run;
mod taxonomy;
mod write_back;

pub use answer::*;
pub use audit::*;
pub use batch::*;
pub use budget::*;
pub use bulk::*;
pub use cache::*;
pub use category::*;
pub use correction::*;
pub use embedding::*;
pub use estimate::*;
pub use ledger::*;
pub use lesson::*;
pub use local_model::*;
pub use near_answer::*;
pub use news::*;
pub use observation::*;
pub use plan::*;
pub use provider::*;
pub use quality::*;
pub use query::*;
pub use queue::*;
pub use recategorize::*;
pub use rule::*;
pub use taxonomy::*;
pub use write_back::*;

use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_sys;

/// Owner of a table. Runs as anyone: the catalogs are public, and every name is qualified.
pub fn table_owner(table: pg_sys::Oid) -> Option<pg_sys::Oid> {
    run::read(
        "SELECT c.relowner FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) $1",
        &[table.into()],
        |row| row.get(1),
    )
    .pop()?
}

/// Version of the extension's SQL objects in this database. Runs as anyone.
pub fn extension_version() -> Option<String> {
    run::read(
        "SELECT e.extversion FROM pg_catalog.pg_extension e WHERE e.extname OPERATOR(pg_catalog.=) 'pg_categorize'",
        &[],
        |row| row.get(1),
    )
    .pop()?
}

/// A moment in microseconds of the Postgres epoch, as a value of a statement.
pub fn time(microseconds: i64) -> TimestampWithTimeZone {
    TimestampWithTimeZone::try_from(microseconds).expect("the clock tells times that Postgres can store")
}
