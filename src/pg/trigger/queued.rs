//! A row whose category comes later.

use super::arguments::Arguments;
use super::row::Row;
use crate::pg::deferral::{self, Wish};
use crate::pg::resolver::Keys;
use crate::pg::scope::Scope;
use crate::pg::write_back::{Destination, Target};
use crate::pg::{error, guard, guc};
use pg_categorize_core::error::Error;
use pgrx::pg_sys;
use std::rc::Rc;

/// An input that was queued.
pub(super) struct Queued {
    pub(super) input: String,
    pub(super) keys: Keys,
    pub(super) scope: Rc<Scope>,
}

impl Queued {
    /// Has the answer written to the row that goes into the table, which is `filled` as far as it is known.
    ///
    /// # Errors
    /// 22023 without a primary key, or where the row does not have it yet; 42501 where the role may not write the row later.
    pub(super) fn with_target(
        self,
        destination: &mut Option<Rc<Destination>>,
        arguments: &Arguments,
        row: &Row,
        filled: pg_sys::HeapTuple,
    ) {
        let destination = destination
            .get_or_insert_with(|| Rc::new(Destination::find(row.table(), &arguments.inputs, &arguments.output).0));
        let target = guc::plainly(|| {
            let key: Option<Vec<String>> =
                destination.key_columns.iter().map(|column| row.value(filled, column)).collect();
            let key = key.unwrap_or_else(|| {
                error::raise(Error::invalid("the primary key of the row is not known before it is stored").hint(
                    "Give its columns defaults, or fill them in a trigger that comes before this one by its name.",
                ))
            });
            let parts: Vec<String> = arguments.inputs.iter().filter_map(|column| row.value(filled, column)).collect();
            Target {
                destination: destination.clone(),
                role: guard::current_role(),
                key,
                row_input: parts.join(" "),
                output: row.value(filled, &arguments.output),
            }
        });
        deferral::keep(&Wish::of_statement(&self.scope), self.keys, &self.input, Some(target));
    }
}
