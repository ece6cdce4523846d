//! The SQL surface: signatures with their documentation, bodies of a few lines.
//! Functions are in schema `categorize`, but for `categorize*` themselves, which live where the extension was created.

mod budget;
mod call;
mod correction;
mod estimate;
mod explain;
mod housekeeping;
mod label;
mod model;
mod news;
mod provider;
mod quality;
mod queue;
mod recategorize;
mod rule;
mod run;
mod stats;
mod taxonomy;
mod tenant;
mod trigger;
mod write_back;

/// The schema of everything that is not called `categorize*`.
#[pgrx::pg_schema]
mod categorize {
    use crate::pg::catalog;
    use pgrx::prelude::*;

    /// The trigger of the tables that backends keep copies of: tells every backend to read them again.
    #[pg_trigger]
    fn invalidate<'a>(trigger: &'a PgTrigger<'a>) -> Result<Option<PgHeapTuple<'a, AllocatedByRust>>, PgTriggerError> {
        catalog::written(trigger);
        Ok(None)
    }
}
