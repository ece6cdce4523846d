//! What ordinary statements leave for later: under mode `deferred`, or where `on_unresolved` is `queue`, an input that no tier
//! answers becomes a job of the queue.
//!
//! A function that is called in the middle of a SELECT writes nothing there and then: its misses are kept in the backend (`kept`),
//! each with the subtransaction that it belongs to, and stored before the transaction commits or is prepared (`store`).

mod kept;
mod serial;
mod store;

pub use kept::{Wish, keep, relieve};
pub use store::{Miss, store};

use crate::pg::scope::Scope;
use crate::pg::{catalog, guard, guc, lock, spi, unguarded, world};
use pg_categorize_core::cascade::{Outcome, Query, Reason, TierName};
use std::cell::OnceCell;
use std::rc::Rc;

/// Installs the callbacks; called once, when the library is loaded.
pub fn init() {
    kept::init();
    serial::init();
}

/// Which misses are queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    /// All of them: nobody is asked now.
    All,
    /// Those that nobody who was asked has judged.
    Unjudged,
}

impl Takes {
    /// What is queued in a scope now; `is_deferred` where the caller wants that, whatever the session says.
    fn now(scope: &Scope, is_deferred: bool) -> Option<Self> {
        match guc::mode() {
            guc::Mode::Cached => None,
            guc::Mode::Deferred => Some(Self::All),
            guc::Mode::Live if is_deferred => Some(Self::All),
            guc::Mode::Live => (scope.on_unresolved() == guc::OnUnresolved::Queue).then_some(Self::Unjudged),
        }
    }
}

/// Queues those of these inputs that have no answer, and says so in their outcomes, or why not. `is_deferred` where the caller wants
/// that, whatever the session says.
pub fn queue(
    scope: &Rc<Scope>,
    queries: &[Query<'_>],
    outcomes: &mut [Outcome],
    is_deferred: bool,
    has_providers: &OnceCell<bool>,
) {
    let Some(takes) = Takes::now(scope, is_deferred) else { return };
    // What no language model may ever answer would wait for ever.
    if !scope.settings.tiers.contains(&TierName::Llm) {
        return;
    }
    let open = queries.iter().zip(outcomes).filter(|(_, outcome)| outcome.answer.is_none());
    let mut wish = None;
    for (query, outcome) in open {
        if takes == Takes::Unjudged && outcome.reason.is_some_and(is_judged) {
            continue;
        }
        match obstacle(scope, query, has_providers) {
            None => {
                let wish = wish.get_or_insert_with(|| Wish::of_statement(scope));
                keep(wish, (query.fingerprint, query.shared_fingerprint), query.raw, None);
                (outcome.reason, outcome.detail) = (Some(Reason::Queued), None);
            }
            Some((reason, detail)) if takes == Takes::All => {
                (outcome.reason, outcome.detail) = (Some(reason), detail.map(str::to_owned));
            }
            Some(_) => {}
        }
    }
}

/// Whether asking again would be in vain: somebody has decided that there is no answer, or nobody may be asked.
fn is_judged(reason: Reason) -> bool {
    use Reason::{EmptyInput, InputTooLarge, NoTaxonomy, NoneOfThese, ReadOnly, Standby, Uncommitted};
    matches!(reason, EmptyInput | InputTooLarge | NoTaxonomy | NoneOfThese | ReadOnly | Standby | Uncommitted)
}

/// Why an input cannot be queued now, with what more there is to say of it.
fn obstacle(
    scope: &Scope,
    query: &Query<'_>,
    has_providers: &OnceCell<bool>,
) -> Option<(Reason, Option<&'static str>)> {
    if !scope.settings.allow_external {
        Some((Reason::ExternalOff, None))
    } else if guard::on_standby() {
        Some((Reason::Standby, None))
    } else if guard::is_read_only() {
        Some((Reason::ReadOnly, Some("The transaction is read-only.")))
    } else if guard::in_parallel_mode() {
        Some((Reason::ReadOnly, Some("A parallel plan cannot write.")))
    } else if query.picture.is_some() {
        Some((Reason::BelowThreshold, Some("Images are not queued: ask about them in mode live.")))
    } else if !has_providers.get_or_init(|| world::as_owner(spi::has_providers)) {
        Some((Reason::NoProvider, None))
    } else {
        None
    }
}

/// Whether a statement of this session may queue something, which the session says, or a taxonomy. Which taxonomies a statement asks
/// may follow from its rows, so that any one counts.
fn may_queue() -> bool {
    match guc::mode() {
        guc::Mode::Cached => false,
        guc::Mode::Deferred => true,
        guc::Mode::Live => guc::on_unresolved() == guc::OnUnresolved::Queue || has_queueing_taxonomy(),
    }
}

/// Asked of any statement that is planned parallel and calls some function that is not built in: the extension may not be here, be of
/// another version, or be about to go, for which nobody waits here.
fn has_queueing_taxonomy() -> bool {
    unguarded::has_snapshot()
        && catalog::taxonomy_table().is_some_and(lock::may_read_now)
        && spi::extension_version().as_deref() == Some(env!("CARGO_PKG_VERSION"))
        && world::as_owner(spi::has_queueing_taxonomy)
}
