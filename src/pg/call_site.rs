//! The scalar call. What a call site needs is kept with the function's own state (`fn_extra`) for the statement, so
//! that a hit costs a comparison of horizons, one look-up in the memo or one in the index.

use crate::pg::ahead::{Ahead, Links, Target};
use crate::pg::audit;
use crate::pg::freshness::Horizon;
use crate::pg::resolver::Resolver;
use crate::pg::scope::Scope;
use crate::pg::view::View;
use crate::pg::world::{self, Remembered, World};
use crate::pg::{error, guard, guc, stats};
use pg_categorize_core::cascade::{Outcome, Reason, TierName};
use pg_categorize_core::taxonomy::ad_hoc_labels;
use pgrx::PgMemoryContexts;
use pgrx::callconv::{BoxRet, FcInfo};
use pgrx::pg_sys;
use pgrx::pgrx_sql_entity_graph::metadata::{ArgumentError, ReturnsError, ReturnsRef, SqlMappingRef, SqlTranslatable};
use std::borrow::Cow;
use std::rc::Rc;

/// The call as Postgres hands it over.
pub type Call = pg_sys::FunctionCallInfo;

/// What a call is asked to sort into.
#[derive(Clone, PartialEq)]
pub enum Into<'a> {
    /// A taxonomy by name, or the default one.
    Taxonomy(Option<&'a str>),
    /// Ad-hoc labels.
    Labels(Option<Vec<Option<String>>>),
}

/// One place in a statement that calls us, for as long as its statement lasts.
pub struct CallSite {
    /// The statement's view of the database.
    pub horizon: Horizon,
    /// Generation of the settings it was made under.
    pub generation: u64,
    target: Target,
    /// What plan nodes have found ahead.
    links: Links,
    world: Rc<World>,
    /// The tiers of its scope, with open scans.
    pub resolver: Resolver,
}

/// A text value already in the caller's memory.
pub struct Text(pg_sys::Datum);

/// Answers one call of `categorize`.
pub fn categorize(call: Call, input: Option<&str>, into: &Into<'_>, cached_only: bool) -> Option<Text> {
    let input = input?;
    let Some(site) = call_site(call, into, cached_only) else {
        return if cached_only { None } else { unresolved(Reason::NoTaxonomy) };
    };
    let scope = site.resolver.scope().clone();
    if let Some(known) = known(site, &scope, input.as_bytes()) {
        return scope.text(known.category).map(text);
    }
    guard::check_for_interrupts();
    let world = site.world.clone();
    let settled = site.look(input, |ahead| {
        let outcome = ahead.outcome()?;
        remember(&world, &scope, input.as_bytes(), &outcome);
        Some((conclude(&scope, &outcome, cached_only), audit::concerns(&outcome).then(|| outcome.into_owned())))
    });
    if let Some(Some((text, audited))) = settled {
        if let Some(outcome) = audited {
            site.resolver.audit_answer(input, &outcome);
        }
        return text;
    }
    let outcome = site.resolve(input);
    remember(&site.world, &scope, input.as_bytes(), &outcome);
    conclude(&scope, &outcome, cached_only)
}

/// Answers one call of `categorize` with an image.
pub fn categorize_image(call: Call, view: Option<View<'_>>, taxonomy: Option<&str>) -> Option<Text> {
    let view = view?;
    let picture = view.picture();
    let Some(site) = call_site(call, &Into::Taxonomy(taxonomy), false) else { return unresolved(Reason::NoTaxonomy) };
    let scope = site.resolver.scope().clone();
    let picture = match picture {
        Ok(picture) => picture,
        Err(outcome) => return conclude(&scope, &outcome, false),
    };
    let key = view.key(&picture);
    if let Some(known) = known(site, &scope, &key) {
        return scope.text(known.category).map(text);
    }
    guard::check_for_interrupts();
    let outcome = site.resolver.resolve_picture(&picture, view.text);
    remember(&site.world, &scope, &key, &outcome);
    conclude(&scope, &outcome, false)
}

/// What is remembered of these bytes, which counts as an answer.
fn known(site: &CallSite, scope: &Scope, key: &[u8]) -> Option<Remembered> {
    let known = site.world.memo.borrow_mut().get(scope.serial, key)?;
    (known.expires_at == i64::MAX || known.expires_at > guard::statement_time()).then(|| {
        stats::count(scope, Some(known.source), known.confidence);
        known
    })
}

/// Counts an outcome, and says what becomes of it.
fn conclude(scope: &Scope, outcome: &Outcome, cached_only: bool) -> Option<Text> {
    stats::count_outcome(scope, outcome);
    match (&outcome.answer, outcome.alternatives.first()) {
        (Some(answer), _) => scope.text(answer.guess.category).map(text),
        _ if cached_only => None,
        (None, best) => match scope.on_unresolved() {
            guc::OnUnresolved::Null | guc::OnUnresolved::Queue => None,
            guc::OnUnresolved::Best => best.and_then(|guess| scope.text(guess.category)).map(text),
            guc::OnUnresolved::Error => {
                let reason = outcome.reason.unwrap_or(Reason::BelowThreshold);
                error::unresolved(reason, outcome.detail.as_deref(), Some(scope))
            }
        },
    }
}

/// Keeps an answer for the next time the same bytes come.
pub fn remember(world: &World, scope: &Scope, key: &[u8], outcome: &Outcome) {
    if let Some(answer) = &outcome.answer {
        let value = Remembered {
            category: answer.guess.category,
            confidence: answer.guess.confidence,
            // It was bought once.
            source: if answer.source == TierName::Llm { TierName::Cache } else { answer.source },
            expires_at: answer.expires_at,
        };
        world.memo.borrow_mut().insert(scope.serial, key, value);
    }
}

/// The scope that a call means; `None` where no taxonomy is named and there is no default.
pub fn scope(world: &World, into: &Into<'_>) -> Option<Rc<Scope>> {
    let tenant = guc::tenant();
    match into {
        Into::Taxonomy(Some(name)) => Some(world.scope(&tenant, name)),
        Into::Taxonomy(None) => guc::taxonomy().map(|name| world.scope(&tenant, &name)),
        Into::Labels(labels) => {
            let labels = ad_hoc_labels(labels.clone().unwrap_or_default()).unwrap_or_else(|e| error::raise(e));
            Some(world.ad_hoc_scope(&tenant, labels))
        }
    }
}

fn unresolved(reason: Reason) -> Option<Text> {
    if guc::on_unresolved() == guc::OnUnresolved::Error {
        error::unresolved(reason, None, None);
    }
    None
}

/// The state of a call site, made anew where the statement, a setting or the taxonomy differs; `None` where no taxonomy is
/// named and there is no default. All calls of one site are `cached_only`, or none is.
pub fn call_site<'a>(call: Call, into: &Into<'_>, cached_only: bool) -> Option<&'a mut CallSite> {
    let moment = world::moment();
    // SAFETY: Postgres passes a valid call whose flinfo lives at least as long as fn_extra; the site is dropped by the
    // memory context of the function's state, and only this function reads the slot.
    let slot = unsafe { &mut *(*call).flinfo };
    let site = slot.fn_extra.cast::<CallSite>();
    if !site.is_null() {
        // SAFETY: a non-null fn_extra was set below.
        let site = unsafe { &mut *site };
        if site.horizon == moment.horizon && site.generation == guc::generation() && site.target.is(into) {
            return Some(site);
        }
    }
    let (world, moment) = world::now();
    let scope = scope(&world, into)?;
    let fresh = CallSite {
        horizon: moment.horizon,
        generation: guc::generation(),
        target: Target::new(into, cached_only),
        links: Links::default(),
        world,
        resolver: if cached_only { Resolver::free(scope) } else { Resolver::new(scope) },
    };
    if site.is_null() {
        // fn_mcxt is the memory context of the function's state; it drops the site when it goes.
        slot.fn_extra = PgMemoryContexts::For(slot.fn_mcxt).leak_and_drop_on_delete(fresh).cast();
    } else {
        // SAFETY: as above.
        unsafe { *site = fresh };
    }
    // SAFETY: set just now or before.
    Some(unsafe { &mut *slot.fn_extra.cast::<CallSite>() })
}

impl CallSite {
    /// What the tiers say of an input, or what a plan node has found of it.
    pub fn resolve(&mut self, input: &str) -> Outcome {
        match self.look(input, Ahead::clone) {
            Some(Ahead::Open(outcome)) => self.resolver.finish(input, *outcome),
            Some(ahead) => {
                let outcome = ahead.outcome().map(Cow::into_owned).unwrap_or_default();
                self.resolver.audit_answer(input, &outcome);
                outcome
            }
            None => self.resolver.resolve_one(input),
        }
    }

    fn look<T>(&mut self, input: &str, show: impl FnOnce(&Ahead) -> T) -> Option<T> {
        self.links.look(self.horizon, self.generation, &self.target, input.as_bytes(), show)
    }
}

fn text(value: &str) -> Text {
    // SAFETY: copies the bytes into the caller's memory context.
    Text(pg_sys::Datum::from(unsafe { pg_sys::cstring_to_text_with_len(value.as_ptr().cast(), value.len() as i32) }))
}

// SAFETY: the datum is a text value, as `SqlTranslatable` says below.
unsafe impl BoxRet for Text {
    unsafe fn box_into<'fcx>(self, call: &mut FcInfo<'fcx>) -> pgrx::datum::Datum<'fcx> {
        // SAFETY: forwarded.
        unsafe { call.return_raw_datum(self.0) }
    }
}

// SAFETY: `Text` is returned as a text datum.
unsafe impl SqlTranslatable for Text {
    const TYPE_IDENT: &'static str = pgrx::pgrx_resolved_type!(Text);
    const TYPE_ORIGIN: pgrx::pgrx_sql_entity_graph::metadata::TypeOrigin =
        pgrx::pgrx_sql_entity_graph::metadata::TypeOrigin::External;
    const ARGUMENT_SQL: Result<SqlMappingRef, ArgumentError> = Ok(SqlMappingRef::literal("text"));
    const RETURN_SQL: Result<ReturnsRef, ReturnsError> = Ok(ReturnsRef::One(SqlMappingRef::literal("text")));
}
