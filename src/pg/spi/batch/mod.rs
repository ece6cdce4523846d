//! Statements of the gateway on queued jobs and batches.

mod agenda;
mod build;
mod job;
mod prune;
mod raw;
mod record;
mod request;

pub use agenda::*;
pub use build::*;
pub use job::*;
pub use prune::*;
pub use raw::*;
pub use record::*;
pub use request::*;

use super::run;
use pg_categorize_core::frame::Target;
use pgrx::IntoDatum;

/// Bytes of texts and bodies that are read at once, or a single one that has more: they are in memory together, and several times where
/// they are parsed.
const READ_BYTES: usize = 8 << 20;

/// Rows that are read as far as their bytes go.
#[derive(Default)]
struct Reading {
    bytes: usize,
    is_over: bool,
}

impl Reading {
    /// Whether a row of so many bytes is still read. The first one is; behind one that is not, none is.
    fn goes_on(&mut self, bytes: usize) -> bool {
        self.is_over |= self.bytes > 0 && self.bytes.saturating_add(bytes) > READ_BYTES;
        self.bytes += if self.is_over { 0 } else { bytes };
        !self.is_over
    }
}

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
