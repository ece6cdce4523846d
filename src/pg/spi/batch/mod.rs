//! Statements of the gateway on queued jobs and batches.

mod agenda;
mod build;
mod job;
mod raw;
mod record;
mod request;

pub use agenda::*;
pub use build::*;
pub use job::*;
pub use raw::*;
pub use record::*;
pub use request::*;

use super::run;
use pg_categorize_core::frame::Target;
use pgrx::IntoDatum;

/// Into what the input of a job is sorted, from its taxonomy and its labels.
fn target(taxonomy: Option<i32>, labels: Option<Vec<String>>) -> Option<Target> {
    match (taxonomy, labels) {
        // Any version: the job stands for what the taxonomy is when it is asked about.
        (Some(id), _) => Some(Target::Taxonomy { id, version: 0 }),
        (None, Some(labels)) => Some(Target::Labels(labels)),
        (None, None) => None,
    }
}

/// An array as an argument.
fn array<T>(values: impl IntoIterator<Item = T>) -> run::Arg
where
    Vec<T>: IntoDatum,
{
    values.into_iter().collect::<Vec<_>>().into()
}
