//! What the trigger was told.

use crate::pg::error;
use pg_categorize_core::error::{Error, ErrorKind};
use pgrx::prelude::*;

/// What may stand in the place of the mode.
const MODES: &str =
    "Leave the mode out to fill the column from what is known, or say live to ask a language model for the rest.";

/// What the trigger was told.
pub(super) struct Arguments {
    /// Columns of the input.
    pub inputs: Vec<String>,
    /// The column to be filled.
    pub output: String,
    /// Name of the taxonomy.
    pub taxonomy: Option<String>,
    /// Whether all tiers are asked.
    pub live: bool,
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
        let live = match given.get(3).map(String::as_str) {
            None => false,
            Some("live") => true,
            Some("deferred") => error::raise(
                Error::new(ErrorKind::NotSupported, "categorize_trigger: mode \"deferred\" needs a queue").hint(MODES),
            ),
            Some(other) => {
                error::raise(Error::invalid(format!("categorize_trigger: unknown mode \"{other}\"")).hint(MODES))
            }
        };
        if !(2..=4).contains(&given.len()) {
            error::raise(
                Error::invalid(format!("categorize_trigger takes 2 to 4 arguments, not {}", given.len()))
                    .hint("categorize_trigger('input_col' or 'brand,title', 'output_col' [, 'taxonomy' [, 'live']])."),
            );
        }
        Self {
            inputs: given[0].split(',').map(|c| c.trim().to_owned()).collect(),
            output: given[1].clone(),
            taxonomy: given.get(2).filter(|t| !t.is_empty()).cloned(),
            live,
        }
    }
}
