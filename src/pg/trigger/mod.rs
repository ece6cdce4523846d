//! The row trigger that fills a column. What it needs is kept with the function's own state (`fn_extra`) for the statement, as
//! that of a call is: a row that is known costs no subtransaction and opens nothing.

mod arguments;
mod queued;
mod row;

use crate::pg::call_site::{Call, Into, remember, scope};
use crate::pg::freshness::{self, Horizon};
use crate::pg::resolver::Resolver;
use crate::pg::scope::Scope;
use crate::pg::world::{self, World};
use crate::pg::write_back::Destination;
use crate::pg::{deferral, error, guc, stats, xact};
use arguments::{Arguments, Mode};
use pg_categorize_core::cascade::{Answer, CategoryId, Outcome, Reason};
use pg_categorize_core::error::{Error, ErrorKind};
use pgrx::PgMemoryContexts;
use pgrx::prelude::*;
use row::{Columns, Row, Value};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;

use queued::Queued;
pub use row::Filled;

/// One trigger of one table, for as long as its statement lasts.
struct Site {
    arguments: Arguments,
    columns: Columns,
    /// Where answers that come later are written, once a row was queued.
    destination: Option<Rc<Destination>>,
    /// By what it answers; made anew where the statement or a setting differs.
    asked: Option<Asked>,
}

/// A statement's view of the taxonomy.
struct Asked {
    horizon: Horizon,
    generation: u64,
    world: Rc<World>,
    /// None where no taxonomy is named and there is no default.
    resolver: Option<Resolver>,
    /// Whether the tiers knew the row before, and the memo did not.
    recalls: bool,
    /// What was written of each category.
    values: HashMap<CategoryId, Value>,
}

/// Fills the output column of the new row.
///
/// # Errors
/// 0A000 where it is not fired before a row; 22023 for arguments that cannot be meant.
pub fn categorize(call: Call) -> Filled {
    // SAFETY: Postgres passes a valid call.
    let trigger = unsafe { PgTrigger::from_fcinfo(&*call) }.unwrap_or_else(|_| {
        error::raise(Error::new(ErrorKind::NotSupported, "categorize_trigger can only be called as a trigger"))
    });
    let row = Row::of(&trigger);
    let known = site(call).filter(|site| site.columns.are_of(&row));
    if let Some(tuple) = known.and_then(|site| site.recalled(&row)) {
        return row::filled(tuple);
    }
    let arguments = Arguments::read(&trigger);
    let output = arguments.output.clone();
    let filled = xact::contained(AssertUnwindSafe(|| made(call, arguments, &row).fill(&row)));
    // Here, outside of the row's subtransaction, which would take with it what is stored inside.
    deferral::relieve();
    row::filled(filled.unwrap_or_else(|message| {
        error::warn(&format!("categorize_trigger left column \"{output}\" alone: {message}"));
        row.fresh()
    }))
}

/// The state of the trigger, once it is made.
fn site<'a>(call: Call) -> Option<&'a mut Site> {
    // SAFETY: flinfo lives at least as long as fn_extra; what is there was put there by `made`, and is dropped by the memory
    // context of the function's state.
    unsafe { (*(*call).flinfo).fn_extra.cast::<Site>().as_mut() }
}

/// The state of the trigger, made where it is not there or is that of another table's shape.
fn made<'a>(call: Call, arguments: Arguments, row: &Row) -> &'a mut Site {
    if let Some(site) = site(call).filter(|site| site.columns.are_of(row)) {
        return site;
    }
    let columns = Columns::find(row, &arguments.inputs, &arguments.output);
    let fresh = Site { arguments, columns, destination: None, asked: None };
    if let Some(site) = site(call) {
        *site = fresh;
        return site;
    }
    // SAFETY: as in `site`; fn_mcxt is the memory context of the function's state.
    unsafe {
        let slot = &mut *(*call).flinfo;
        slot.fn_extra = PgMemoryContexts::For(slot.fn_mcxt).leak_and_drop_on_delete(fresh).cast();
        &mut *slot.fn_extra.cast::<Site>()
    }
}

impl Site {
    /// The new row, where what to do with it is known without loading or opening anything; `None` otherwise. It fails only where the
    /// server does.
    fn recalled(&mut self, row: &Row) -> Option<pg_sys::HeapTuple> {
        let asked = self.asked.as_mut()?;
        let holds = freshness::holds(&asked.horizon) && asked.generation == guc::generation();
        if !holds || self.arguments.mode == Mode::Live || !self.columns.are_text() {
            return None;
        }
        let Some(text) = self.columns.wanted(row)? else { return Some(row.fresh()) };
        let resolver = asked.resolver.as_mut()?;
        let scope = resolver.scope().clone();
        // A load of distinct titles finds none of them in the memo, and need not fill it.
        let remembered = if asked.recalls { None } else { known(&asked.world, &scope, &text) };
        let category = match remembered {
            Some(category) => category,
            None => {
                let answer = resolver.recall(&text);
                asked.recalls = answer.is_some();
                let Answer { guess, source, .. } = answer?;
                stats::count(&scope, Some(source), guess.confidence);
                guess.category
            }
        };
        let value = match asked.values.entry(category) {
            Entry::Occupied(value) => value.into_mut(),
            Entry::Vacant(place) => place.insert(Value::new(scope.text(category)?)),
        };
        Some(self.columns.with_text(row, value))
    }

    /// The new row with its category, or as it came where that is not ours to set.
    fn fill(&mut self, row: &Row) -> pg_sys::HeapTuple {
        let Some(wanted) = self.columns.wanted(row) else { return self.columns.with(row, None) };
        let Some(text) = wanted else { return row.fresh() };
        let asked = Asked::now(&mut self.asked, &self.arguments);
        let (category, queued) = asked.category(&text);
        let filled = self.columns.with(row, category.as_deref());
        if let Some(queued) = queued {
            queued.with_target(&mut self.destination, &self.arguments, row, filled);
        }
        filled
    }
}

impl Asked {
    /// The statement's view as it is now.
    fn now<'a>(slot: &'a mut Option<Self>, arguments: &Arguments) -> &'a mut Self {
        let (world, moment) = world::now();
        let holds = |asked: &Self| asked.horizon == moment.horizon && asked.generation == guc::generation();
        if !slot.as_ref().is_some_and(holds) {
            *slot = None;
            let scope = scope(&world, &Into::Taxonomy(arguments.taxonomy.as_deref()));
            let make = match arguments.mode {
                Mode::Cached => Resolver::free,
                Mode::Live => Resolver::new,
                Mode::Deferred => Resolver::deferred,
            };
            let resolver = scope.map(make);
            *slot = Some(Self {
                horizon: moment.horizon,
                generation: guc::generation(),
                world,
                resolver,
                recalls: false,
                values: HashMap::new(),
            });
        }
        slot.as_mut().expect("set just now or before")
    }

    /// The category of a text, and what was queued of it.
    fn category(&mut self, text: &str) -> (Option<String>, Option<Queued>) {
        let Some(resolver) = self.resolver.as_mut() else { return (None, None) };
        let scope = resolver.scope().clone();
        if let Some(category) = known(&self.world, &scope, text) {
            return (scope.text(category).map(str::to_owned), None);
        }
        let outcome: Outcome = resolver.resolve_one(text);
        remember(&self.world, &scope, text.as_bytes(), &outcome);
        stats::count_outcome(&scope, &outcome);
        // A trigger never fails a row for want of an answer, whatever the session wants of its queries.
        let best = || outcome.alternatives.first().filter(|_| scope.on_unresolved() == guc::OnUnresolved::Best);
        let guess = outcome.answer.as_ref().map(|a| &a.guess).or_else(best);
        let category = guess.and_then(|guess| scope.text(guess.category)).map(str::to_owned);
        let is_queued = outcome.reason == Some(Reason::Queued);
        let queued = is_queued.then(|| Queued { input: text.to_owned(), keys: resolver.keys(&[text])[0], scope });
        (category, queued)
    }
}

/// What is remembered of a text, where that never expires.
fn known(world: &World, scope: &Scope, text: &str) -> Option<CategoryId> {
    let known = world.memo.borrow_mut().get(scope.serial, text.as_bytes())?;
    (known.expires_at == i64::MAX).then(|| {
        stats::count(scope, Some(known.source), known.confidence);
        known.category
    })
}
