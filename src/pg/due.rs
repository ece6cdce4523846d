//! Whether what this transaction taught makes a training due; asked when it commits.
//!
//! What was stored counts by the tables, so that a rollback counts nothing. The question costs one bounded statement and
//! is not asked at every commit: after an answer of "far from it" it rests until a part of what is missing has come.

use crate::pg::scope::Scope;
use crate::pg::spi::{self, TrainAfter};
use crate::pg::worker::trainer;
use crate::pg::{error, guard, guc, world, xact};
use pg_categorize_core::cascade::TierName;
use pg_categorize_core::settings::Settings;
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::cell::RefCell;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

/// What a transaction taught: taxonomy and tenant, and how many examples.
type Taught = HashMap<(i32, String), u64>;

/// Other sessions teach, too: after so long the question is asked again in any case.
const REST: Duration = Duration::from_secs(60);

/// Examples missing below which every commit asks.
const CLOSE: i64 = 800;

/// Tenants and taxonomies of which a session remembers how far they were.
const REMEMBERED: usize = 256;

/// How far a training was when it was asked last.
struct Asked {
    after: TrainAfter,
    at: Instant,
    /// Examples of ours that may come before it is asked again.
    rest: u64,
}

thread_local! {
    static TAUGHT: RefCell<Taught> = RefCell::default();
    static ASKED: RefCell<HashMap<(i32, String), Asked>> = RefCell::default();
}

/// Registers the callback; called once, when the library is loaded.
pub fn init() {
    // SAFETY: registered once a process; the function is guarded and lives as long as the library.
    unsafe { pg_sys::RegisterXactCallback(Some(transaction_event), std::ptr::null_mut()) };
}

/// Notes that this transaction stored examples.
pub fn learnt(scope: &Scope, examples: u64) {
    let TrainAfter { corrections, growth } = guc::train_after();
    let wanted = examples > 0 && (corrections > 0 || growth > 0) && is_useful(&scope.settings);
    if let Some(taxonomy) = scope.taxonomy().filter(|_| wanted) {
        TAUGHT.with_borrow_mut(|taught| *taught.entry((taxonomy.id, scope.tenant.clone())).or_default() += examples);
    }
}

/// Whether a taxonomy with these settings gains by a training: it keeps texts to learn from, and asks its model.
pub fn is_useful(settings: &Settings) -> bool {
    settings.store_input && settings.tiers.contains(&TierName::LocalModel)
}

#[pg_guard]
unsafe extern "C-unwind" fn transaction_event(event: pg_sys::XactEvent::Type, _argument: *mut std::ffi::c_void) {
    use pg_sys::XactEvent::{XACT_EVENT_ABORT, XACT_EVENT_PRE_COMMIT, XACT_EVENT_PRE_PREPARE};
    match event {
        XACT_EVENT_PRE_COMMIT => {
            let taught = TAUGHT.take();
            if !taught.is_empty() && is_due(taught) {
                trainer::launch();
            }
        }
        // A prepared transaction may wait for days. The next one that teaches counts what it taught.
        XACT_EVENT_ABORT | XACT_EVENT_PRE_PREPARE => TAUGHT.with_borrow_mut(Taught::clear),
        _ => {}
    }
}

/// Whether a training is due. A failure to tell is logged: it must not fail the commit.
fn is_due(taught: Taught) -> bool {
    let open: Vec<_> = taught.into_iter().filter(|(of, examples)| is_time(of, *examples)).collect();
    if open.is_empty() {
        return false;
    }
    // What it reads would make its transaction fail with others. The trainer finds out.
    if guard::is_serializable() {
        return true;
    }
    let ask = AssertUnwindSafe(|| {
        xact::with_snapshot(|| {
            world::as_owner(|| {
                wait_briefly();
                // All are asked, so that each remembers.
                open.iter().filter(|(of, _)| missing(of) <= 0).count() > 0
            })
        })
    });
    xact::contained(|| { ask }()).unwrap_or_else(|message| {
        error::log("could not tell whether a training is due", Some(format!("The error was: {message}.")), None);
        false
    })
}

fn is_time(of: &(i32, String), examples: u64) -> bool {
    ASKED.with_borrow_mut(|asked| match asked.get_mut(of) {
        Some(last) if last.after == guc::train_after() && last.at.elapsed() < REST && examples < last.rest => {
            last.rest -= examples;
            false
        }
        _ => true,
    })
}

fn missing(of: &(i32, String)) -> i64 {
    let after = guc::train_after();
    let missing = spi::lessons_missing(of.0, &of.1, after);
    ASKED.with_borrow_mut(|asked| {
        if asked.len() >= REMEMBERED {
            asked.clear();
        }
        // A sixteenth of what is missing: the question comes in time, and its cost is spread over what it counts. Close by
        // each commit asks, or the last lesson of a busy hour might go unheard.
        let rest = if missing < CLOSE { 0 } else { u64::try_from(missing / 16).unwrap_or(0) };
        asked.insert(of.clone(), Asked { after, at: Instant::now(), rest });
    });
    missing
}

/// Whoever holds a lock on our tables must not hold up a commit.
fn wait_briefly() {
    // SAFETY: a plain call inside a transaction with static strings; the setting ends with the owner's nest level.
    unsafe {
        pg_sys::set_config_option(
            c"lock_timeout".as_ptr(),
            c"100ms".as_ptr(),
            pg_sys::GucContext::PGC_USERSET,
            pg_sys::GucSource::PGC_S_SESSION,
            pg_sys::GucAction::GUC_ACTION_SAVE,
            true,
            0,
            false,
        );
    }
}
