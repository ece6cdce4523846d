//! Filling a column on INSERT and UPDATE.

use crate::pg::call_site::Call;
use crate::pg::trigger::{self, Filled};
use pgrx::prelude::*;

/// Row trigger, BEFORE INSERT OR UPDATE: fills a column with the category of another, from tiers 1 to 5.
///
/// Arguments: the input column, or several separated by commas and joined by blanks; the output column; a taxonomy;
/// `live` to ask all tiers. A value that the INSERT supplied, or that the same UPDATE changed, is left alone. Our
/// own errors become a WARNING, so that a row is never lost to us; a cancel is not swallowed.
///
/// # Errors
/// 22023 wrong arguments; 0A000 fired other than BEFORE a row.
#[pg_extern]
fn categorize_trigger(call: Call) -> Filled {
    trigger::categorize(call)
}
