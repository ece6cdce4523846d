//! Free answers of which a share is asked of a strong model anyway. The backend tells the gateway, waits for nothing and writes
//! nothing: what is said of them changes no answer of this call.

use crate::pg::scope::Scope;
use crate::pg::{client, guard, guc, spi, world};
use pg_categorize_core::audit::{self, Claim};
use pg_categorize_core::cascade::{Outcome, Query};
use pg_categorize_core::fingerprint::Fingerprint;
use pg_categorize_core::frame::{HINTS, Input};
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashSet;
use std::time::{Duration, Instant};

/// Inputs that a session remembers to have told of; the gateway knows the others.
const REMEMBERED: usize = 10_000;

/// How long a gateway that was not there is not looked for again: a statement of many rows must not do so for each.
const REST: Duration = Duration::from_millis(100);

thread_local! {
    static TOLD: RefCell<HashSet<Fingerprint>> = RefCell::default();
    /// When no gateway was there to be told.
    static MISSED: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Whether an outcome is an answer of a tier that is audited.
pub fn concerns(outcome: &Outcome) -> bool {
    outcome.answer.as_ref().is_some_and(|answer| audit::is_audited(answer.source))
}

/// Has those of these answers audited that are chosen for it. `has_providers` is what its statement knows of that.
pub fn tell(scope: &Scope, queries: &[Query<'_>], outcomes: &[Outcome], has_providers: &OnceCell<bool>) {
    let is_off = scope.settings.audit_share <= 0.0 || scope.taxonomy().is_none();
    let rests = MISSED.get().is_some_and(|at| at.elapsed() < REST);
    if is_off || rests || guc::mode() != guc::Mode::Live {
        return;
    }
    let is_new = |query: &Query<'_>| TOLD.with_borrow(|told| !told.contains(&query.fingerprint));
    let chosen = queries.iter().zip(outcomes).filter_map(|(query, outcome)| claimed(scope, query, outcome, is_new));
    let new: Vec<Input> = chosen.collect();
    if new.is_empty() || !is_allowed(scope, has_providers) {
        return;
    }
    let is_told = client::tell(scope, &new);
    MISSED.set((!is_told).then(Instant::now));
    if is_told {
        TOLD.with_borrow_mut(|told| {
            if told.len() >= REMEMBERED {
                told.clear();
            }
            told.extend(new.iter().map(|input| input.key));
        });
    }
}

/// Whether anything may be asked, by a session that could write: nobody expects a bill from a read-only transaction, and a standby
/// cannot ask. Parallel workers, which come and go, tell of nothing.
fn is_allowed(scope: &Scope, has_providers: &OnceCell<bool>) -> bool {
    let may = guc::external() && scope.settings.allow_external && guard::preloaded();
    may && !guard::on_standby()
        && !guard::is_read_only()
        && !guard::is_parallel_worker()
        && *has_providers.get_or_init(|| world::as_owner(spi::has_providers))
}

/// What a chosen input and its answer are to the gateway, where it `is_new`.
fn claimed(scope: &Scope, query: &Query<'_>, outcome: &Outcome, is_new: impl Fn(&Query<'_>) -> bool) -> Option<Input> {
    let answer = outcome.answer.as_ref().filter(|answer| audit::is_audited(answer.source))?;
    let fits = query.picture.is_none() && query.raw.len() <= audit::MAX_BYTES;
    if !fits || !audit::is_chosen(&query.fingerprint, scope.settings.audit_share) || !is_new(query) {
        return None;
    }
    let guesses = outcome.alternatives.iter().map(|guess| guess.category).filter(|id| *id != answer.guess.category);
    Some(Input {
        key: query.fingerprint,
        shared_key: None,
        text: query.raw.to_owned(),
        image: None,
        best_confidence: answer.guess.confidence,
        hints: std::iter::once(answer.guess.category).chain(guesses).take(HINTS).collect(),
        audited: Some(Claim {
            tier: answer.source.as_str().to_owned(),
            category: answer.guess.category,
            confidence: answer.guess.confidence,
        }),
    })
}
