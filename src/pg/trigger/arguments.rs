//! What the trigger was told.

use crate::pg::error;
use pg_categorize_core::error::{Error, ErrorKind};
use pgrx::prelude::*;

/// What may stand in the place of the mode.
const MODES: &str = "Leave the mode out to fill the column from what is known; say live to ask a language model for the rest, or deferred to have the rest filled later.";

/// What becomes of rows that are not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// They stay without a category.
    Cached,
    /// All tiers are asked.
    Live,
    /// They are queued, and filled when the answer is there.
    Deferred,
}

/// What the trigger was told.
pub(super) struct Arguments {
    /// Columns of the input.
    pub inputs: Vec<String>,
    /// The column to be filled.
    pub output: String,
    /// Name of the taxonomy.
    pub taxonomy: Option<String>,
    /// What becomes of rows that are not known.
    pub mode: Mode,
}

impl Arguments {
    pub(super) fn read(trigger: &PgTrigger<'_>) -> Self {
        let event = trigger.event();
        if !event.fired_before() || !event.fired_for_row() || event.fired_by_delete() {
            error::raise(
                Error::new(ErrorKind::NotSupported, "categorize_trigger must be fired BEFORE INSERT OR UPDATE, FOR EACH ROW")
                    .hint("CREATE TRIGGER ... BEFORE INSERT OR UPDATE ON ... FOR EACH ROW EXECUTE FUNCTION categorize_trigger(...)."),
            );
        }
        let given = trigger.extra_args().unwrap_or_default();
        let mode = match given.get(3).map(String::as_str) {
            None => Mode::Cached,
            Some("live") => Mode::Live,
            Some("deferred") => Mode::Deferred,
            Some(other) => {
                error::raise(Error::invalid(format!("categorize_trigger: unknown mode \"{other}\"")).hint(MODES))
            }
        };
        if !(2..=4).contains(&given.len()) {
            error::raise(
                Error::invalid(format!("categorize_trigger takes 2 to 4 arguments, not {}", given.len()))
                    .hint("categorize_trigger('input_col' or 'brand,title', 'output_col' [, 'taxonomy' [, 'live' | 'deferred']])."),
            );
        }
        Self {
            inputs: given[0].split(',').map(|c| c.trim().to_owned()).collect(),
            output: given[1].clone(),
            taxonomy: given.get(2).filter(|t| !t.is_empty()).cloned(),
            mode,
        }
    }
}
