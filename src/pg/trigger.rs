//! The row trigger that fills a column.

use crate::pg::call_site::{Into, remember, scope};
use crate::pg::resolver::Resolver;
use crate::pg::{error, guc, stats, world, xact};
use pg_categorize_core::cascade::Outcome;
use pg_categorize_core::error::{Error, ErrorKind};
use pgrx::heap_tuple::PgHeapTuple;
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::ffi::{CStr, CString};
use std::panic::AssertUnwindSafe;

/// What may stand in the place of the mode.
const MODES: &str =
    "Leave the mode out to fill the column from what is known, or say live to ask a language model for the rest.";

/// What the trigger was told.
struct Arguments {
    inputs: Vec<String>,
    output: String,
    taxonomy: Option<String>,
    live: bool,
}

/// Fills the output column of the new row.
pub fn categorize<'a>(
    trigger: &'a PgTrigger<'a>,
) -> Result<Option<PgHeapTuple<'a, AllocatedByPostgres>>, PgTriggerError> {
    let arguments = Arguments::read(trigger);
    let data = trigger.trigger_data();
    // SAFETY: Postgres passes valid trigger data; the tuples have the relation's descriptor.
    let (descriptor, fresh, old) = unsafe {
        let descriptor = (*data.tg_relation).rd_att;
        if trigger.event().fired_by_update() {
            (descriptor, data.tg_newtuple, Some(data.tg_trigtuple))
        } else {
            (descriptor, data.tg_trigtuple, None)
        }
    };
    let filled = xact::contained(AssertUnwindSafe(|| fill(&arguments, descriptor, fresh, old)));
    let filled = filled.unwrap_or_else(|message| {
        error::warn(&format!("categorize_trigger left column \"{}\" alone: {message}", arguments.output));
        fresh
    });
    Ok(Some(row(descriptor, filled)))
}

/// The new row with its category, or as it came where that is not ours to set.
fn fill(
    arguments: &Arguments,
    descriptor: pg_sys::TupleDesc,
    fresh: pg_sys::HeapTuple,
    old: Option<pg_sys::HeapTuple>,
) -> pg_sys::HeapTuple {
    let read = |tuple, column: &str| column_text(tuple, descriptor, column);
    let input = |tuple| {
        let parts: Vec<String> = arguments.inputs.iter().filter_map(|column| read(tuple, column)).collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    };
    let (text, output) = (input(fresh), read(fresh, &arguments.output));
    let wanted = match old {
        None => output.is_none(),
        Some(old) => {
            let theirs = output != read(old, &arguments.output);
            !theirs && (output.is_none() || text != input(old))
        }
    };
    if !wanted {
        return fresh;
    }
    let category = text.and_then(|text| category(&text, arguments));
    with(fresh, descriptor, &arguments.output, category.as_deref())
}

fn row<'a>(descriptor: pg_sys::TupleDesc, tuple: pg_sys::HeapTuple) -> PgHeapTuple<'a, AllocatedByPostgres> {
    // SAFETY: the tuple has this descriptor and lives until the trigger manager has taken it.
    unsafe { PgHeapTuple::from_heap_tuple(pgrx::PgTupleDesc::from_pg_copy(descriptor), tuple) }
}

fn category(text: &str, arguments: &Arguments) -> Option<String> {
    let (world, _) = world::now();
    let scope = scope(&world, &Into::Taxonomy(arguments.taxonomy.as_deref()))?;
    let known = world.memo.borrow_mut().get(scope.serial, text.as_bytes());
    if let Some(known) = known.filter(|k| k.expires_at == i64::MAX) {
        stats::count(&scope, Some(known.source), known.confidence);
        return scope.text(known.category).map(str::to_owned);
    }
    let mut resolver = if arguments.live { Resolver::new(scope.clone()) } else { Resolver::free(scope.clone()) };
    let outcome: Outcome = resolver.resolve_one(text);
    remember(&world, &scope, text.as_bytes(), &outcome);
    stats::count_outcome(&scope, &outcome);
    // A trigger never fails a row for want of an answer, whatever the session wants of its queries.
    let best = || outcome.alternatives.first().filter(|_| scope.on_unresolved() == guc::OnUnresolved::Best);
    let guess = outcome.answer.as_ref().map(|a| &a.guess).or_else(best)?;
    scope.text(guess.category).map(str::to_owned)
}

fn column_number(descriptor: pg_sys::TupleDesc, column: &str) -> i32 {
    let name = CString::new(column).unwrap_or_default();
    // SAFETY: a look-up by name in a valid descriptor.
    let number = unsafe { pg_sys::SPI_fnumber(descriptor, name.as_ptr()) };
    if number <= 0 {
        error::raise(
            Error::invalid(format!("column \"{column}\" does not exist"))
                .hint("Arguments are the input column, the output column and a taxonomy."),
        );
    }
    number
}

fn column_text(tuple: pg_sys::HeapTuple, descriptor: pg_sys::TupleDesc, column: &str) -> Option<String> {
    let number = column_number(descriptor, column);
    // SAFETY: the tuple has this descriptor, `number` is one of its columns, and the C string is ours to free.
    unsafe {
        let value = pg_sys::SPI_getvalue(tuple, descriptor, number);
        if value.is_null() {
            return None;
        }
        let text = CStr::from_ptr(value).to_string_lossy().into_owned();
        pg_sys::pfree(value.cast());
        Some(text)
    }
}

/// The tuple with a column of any type set from text, through the type's input function.
fn with(
    tuple: pg_sys::HeapTuple,
    descriptor: pg_sys::TupleDesc,
    column: &str,
    value: Option<&str>,
) -> pg_sys::HeapTuple {
    let mut number = column_number(descriptor, column);
    let text = value.map(|v| CString::new(v).expect("paths have no NUL"));
    // SAFETY: the column exists; the type's input function is called as COPY calls it; the modified copy has the same
    // descriptor.
    unsafe {
        let type_oid = pg_sys::SPI_gettypeid(descriptor, number);
        let modifier = crate::pg::compat::type_modifier(descriptor, number);
        let (mut function, mut parameter) = (pg_sys::InvalidOid, pg_sys::InvalidOid);
        pg_sys::getTypeInputInfo(type_oid, &mut function, &mut parameter);
        let mut null = text.is_none();
        let value = text.as_ref().map_or(std::ptr::null_mut(), |text| text.as_ptr().cast_mut());
        let mut datum = pg_sys::OidInputFunctionCall(function, value, parameter, modifier);
        pg_sys::heap_modify_tuple_by_cols(tuple, descriptor, 1, &mut number, &mut datum, &mut null)
    }
}

impl Arguments {
    fn read(trigger: &PgTrigger<'_>) -> Self {
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
