//! Misses that wait in this backend for the end of their transaction, by the subtransaction that each belongs to.

use super::store::{Miss, store};
use crate::pg::client::asker;
use crate::pg::resolver::Keys;
use crate::pg::scope::Scope;
use crate::pg::write_back::Target;
use crate::pg::{error, guard, spi, write_back, xact};
use pg_categorize_core::error::{Error, ErrorKind};
use pg_categorize_core::fingerprint::Fingerprint;
use pg_categorize_core::frame::Asker;
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::rc::Rc;

/// Bytes of what is kept from which on it is stored before the transaction ends.
const FULL: usize = 8 * 1024 * 1024;

/// Bytes of a subtransaction's misses below which they stay, however much is kept: each would be a statement of its own.
const FEW: usize = 64 * 1024;

/// Bytes beyond which nothing more is kept.
const MOST: usize = 8 * FULL;

/// What a miss takes beside its texts, roughly.
const OVERHEAD: usize = 200;

/// Priority of what ordinary statements queue.
const PRIORITY: i16 = 5;

/// Who wants inputs to be asked about, and what they are sorted into.
pub struct Wish {
    /// The tenant's view of what they are sorted into.
    pub scope: Rc<Scope>,
    /// The role that the call runs as.
    pub role: pg_sys::Oid,
    /// Its name, with the application and the query, as the ledger has them.
    pub asker: Asker,
    /// From 1 to 10; 10 goes first.
    pub priority: i16,
}

impl Wish {
    /// That of the role as which the statement runs now.
    pub fn now(scope: &Rc<Scope>, priority: i16) -> Self {
        Self { scope: scope.clone(), role: guard::current_role(), asker: asker(), priority }
    }

    /// That of an ordinary statement, shared with the calls before where nothing is different.
    pub fn of_statement(scope: &Rc<Scope>) -> Rc<Self> {
        let wish = Self::now(scope, PRIORITY);
        LAST.with_borrow_mut(|last| match last {
            Some(known) if known.is(&wish) => known.clone(),
            _ => last.insert(Rc::new(wish)).clone(),
        })
    }

    fn is(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.scope, &other.scope) && self.role == other.role && self.asker == other.asker
    }
}

/// What a subtransaction has missed.
#[derive(Default)]
struct Level {
    /// How deep the subtransaction is; 1 is the transaction itself.
    depth: i32,
    misses: HashMap<Fingerprint, Miss>,
    bytes: usize,
}

impl Level {
    fn add(&mut self, miss: Miss) {
        match self.misses.entry(miss.keys.0) {
            Entry::Occupied(mut known) => {
                self.bytes += miss.targets.iter().map(bytes_of).sum::<usize>();
                known.get_mut().targets.extend(miss.targets);
            }
            Entry::Vacant(place) => {
                self.bytes += OVERHEAD + miss.input.len() + miss.targets.iter().map(bytes_of).sum::<usize>();
                place.insert(miss);
            }
        }
    }
}

fn bytes_of(target: &Target) -> usize {
    OVERHEAD + target.bytes()
}

thread_local! {
    /// The innermost subtransaction last.
    static LEVELS: RefCell<Vec<Level>> = const { RefCell::new(Vec::new()) };
    /// That of the statement before.
    static LAST: RefCell<Option<Rc<Wish>>> = const { RefCell::new(None) };
}

/// Registers the callbacks; called once, when the library is loaded.
pub fn init() {
    // SAFETY: registered once a process; the functions are guarded and live as long as the library.
    unsafe {
        pg_sys::RegisterXactCallback(Some(transaction_event), std::ptr::null_mut());
        pg_sys::RegisterSubXactCallback(Some(subtransaction_event), std::ptr::null_mut());
    }
}

/// Keeps an input, and where its answer is to be written, until the transaction ends; a text is kept once.
///
/// # Errors
/// 54000 where far too much is kept that cannot be stored earlier; those of storing.
pub fn keep(wish: &Rc<Wish>, keys: Keys, input: &str, target: Option<Target>) {
    relieve();
    if kept_bytes() > MOST {
        error::raise(
            Error::new(ErrorKind::LimitExceeded, "too many inputs wait for the end of the transaction")
                .detail(format!(
                    "More than {} MB are kept for transactions around the present subtransaction.",
                    MOST >> 20
                ))
                .hint("Commit more often, or call categorize.enqueue_query(), which keeps nothing."),
        );
    }
    let depth = depth();
    let targets = target.into_iter().collect();
    let miss = Miss { wish: wish.clone(), keys, input: input.to_owned(), is_known: false, targets };
    LEVELS.with_borrow_mut(|levels| {
        if levels.last().is_none_or(|level| level.depth < depth) {
            levels.push(Level { depth, ..Level::default() });
        }
        if let Some(level) = levels.last_mut() {
            level.add(miss);
        }
    });
}

/// Stores what the present subtransaction has missed, where much is kept: with it that goes or stays. What belongs to those around it
/// cannot be stored here, since it would go with this one.
pub fn relieve() {
    let depth = depth();
    let full = kept_bytes() > FULL;
    let is_due = |level: &&mut Level| full && level.depth == depth && level.bytes > FEW;
    let misses = LEVELS.with_borrow_mut(|levels| {
        let level = levels.last_mut().filter(is_due)?;
        level.bytes = 0;
        Some(std::mem::take(&mut level.misses))
    });
    if let Some(misses) = misses {
        store(misses.into_values().collect());
    }
}

fn kept_bytes() -> usize {
    LEVELS.with_borrow(|levels| levels.iter().map(|level| level.bytes).sum())
}

fn depth() -> i32 {
    // SAFETY: a plain call.
    unsafe { pg_sys::GetCurrentTransactionNestLevel() }
}

#[pg_guard]
unsafe extern "C-unwind" fn transaction_event(event: pg_sys::XactEvent::Type, _argument: *mut std::ffi::c_void) {
    use pg_sys::XactEvent::{XACT_EVENT_ABORT, XACT_EVENT_PRE_COMMIT, XACT_EVENT_PRE_PREPARE};
    match event {
        XACT_EVENT_PRE_COMMIT | XACT_EVENT_PRE_PREPARE => {
            let misses: Vec<Miss> = LEVELS.take().into_iter().flat_map(|level| level.misses.into_values()).collect();
            LAST.take();
            if !misses.is_empty() {
                store_last(misses);
            }
            write_back::transaction_ends(event == XACT_EVENT_PRE_COMMIT);
        }
        XACT_EVENT_ABORT => {
            LEVELS.take();
            LAST.take();
            write_back::transaction_ends(false);
        }
        _ => {}
    }
}

/// Stores what is left before the transaction ends, in which nothing else runs any more.
fn store_last(misses: Vec<Miss>) {
    // A transaction that was set to read-only since has still missed this before.
    let _writable = guard::Writable::begin();
    xact::with_snapshot(|| {
        // Who has dropped the extension in this transaction has dropped the queue.
        if spi::extension_version().is_some() {
            store(misses);
        }
    });
}

#[pg_guard]
unsafe extern "C-unwind" fn subtransaction_event(
    event: pg_sys::SubXactEvent::Type,
    _mine: pg_sys::SubTransactionId,
    _parent: pg_sys::SubTransactionId,
    _argument: *mut std::ffi::c_void,
) {
    use pg_sys::SubXactEvent::{SUBXACT_EVENT_ABORT_SUB, SUBXACT_EVENT_COMMIT_SUB};
    let depth = depth();
    match event {
        SUBXACT_EVENT_ABORT_SUB => LEVELS.with_borrow_mut(|levels| levels.retain(|level| level.depth < depth)),
        SUBXACT_EVENT_COMMIT_SUB => LEVELS.with_borrow_mut(|levels| join(levels, depth)),
        _ => {}
    }
}

/// What a subtransaction has missed belongs to the one around it.
fn join(levels: &mut Vec<Level>, depth: i32) {
    let Some(mut level) = levels.pop_if(|level| level.depth >= depth) else { return };
    match levels.last_mut().filter(|outer| outer.depth == depth - 1) {
        Some(outer) => {
            let few = level.misses.len() <= outer.misses.len();
            if !few {
                std::mem::swap(&mut outer.misses, &mut level.misses);
                outer.bytes = level.bytes;
            }
            level.misses.into_values().for_each(|miss| outer.add(miss));
        }
        None => levels.push(Level { depth: depth - 1, ..level }),
    }
}
