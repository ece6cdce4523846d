//! Counters of answers by tenant, taxonomy and tier, in shared memory while the library is preloaded.
//!
//! A backend adds up on its own and writes to the shared counters once a transaction, with atomic additions only. A
//! place in the table is taken by the first writer of its key; when all are taken, further keys are not
//! counted.

use crate::pg::guard;
use crate::pg::scope::Scope;
use crate::pg::shared_memory::Piece;
use pg_categorize_core::cascade::{Outcome, TierName};
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::cell::RefCell;
use std::ffi::c_void;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicI64, AtomicPtr, AtomicU64, Ordering::Relaxed};

/// Places in the table: pairs of tenant and taxonomy, over all databases.
const PLACES: usize = 4096;
/// The six tiers, and what was left unresolved.
pub const KINDS: usize = TierName::ALL.len() + 1;
/// Answers below this confidence count as unsure.
const LOW_CONFIDENCE: f32 = 0.7;

#[repr(C)]
struct Shared {
    since: AtomicI64,
    places: [Place; PLACES],
}

#[repr(C)]
struct Place {
    /// Hash of database, tenant and taxonomy; 0 is free.
    key: AtomicU64,
    /// Database in the high half, taxonomy in the low one.
    target: AtomicU64,
    tenant: AtomicU64,
    /// When it was reset; 0 for never.
    since: AtomicI64,
    counts: [Counter; KINDS],
}

#[repr(C)]
struct Counter {
    answers: AtomicU64,
    unsure: AtomicU64,
    /// Sum of confidences in millionths.
    confidence: AtomicU64,
}

/// What was counted for one tier of one taxonomy.
#[derive(Debug, Clone, Copy)]
pub struct Count {
    /// Id of the taxonomy, 0 for ad-hoc labels.
    pub taxonomy: i32,
    /// The tier, `None` for what was left unresolved.
    pub tier: Option<TierName>,
    /// Answers.
    pub answers: u64,
    /// Answers below confidence 0.7.
    pub unsure: u64,
    /// Sum of confidences.
    pub confidence: f64,
    /// Microseconds of the Postgres epoch since which it counts.
    pub since: i64,
}

/// Counts of this transaction by tenant and taxonomy, the last used first: a statement mostly has one.
type Pending = Vec<((u64, i32), [(u64, u64, u64); KINDS])>;

static SHARED: AtomicPtr<Shared> = AtomicPtr::new(std::ptr::null_mut());

thread_local! {
    static PENDING: RefCell<Pending> = RefCell::default();
}

/// Counts an answer of a tier, or an input left unresolved.
pub fn count(scope: &Scope, tier: Option<TierName>, confidence: f32) {
    if SHARED.load(Relaxed).is_null() {
        return;
    }
    let taxonomy = scope.taxonomy().map_or(0, |t| t.id);
    PENDING.with_borrow_mut(|pending| {
        let key = (scope.tenant_hash, taxonomy);
        match pending.iter().position(|(known, _)| *known == key) {
            Some(at) => pending.swap(0, at),
            None => {
                pending.push((key, Default::default()));
                let last = pending.len() - 1;
                pending.swap(0, last);
            }
        }
        let (answers, unsure, sum) = &mut pending[0].1[kind(tier)];
        *answers += 1;
        *unsure += u64::from(tier.is_some() && confidence < LOW_CONFIDENCE);
        *sum += (f64::from(confidence) * 1e6) as u64;
    });
}

/// Counts an outcome.
pub fn count_outcome(scope: &Scope, outcome: &Outcome) {
    match &outcome.answer {
        Some(answer) => count(scope, Some(answer.source), answer.guess.confidence),
        None => count(scope, None, 0.0),
    }
}

/// What was counted for a tenant in this database; `None` where the library is not preloaded.
pub fn read(tenant: &str) -> Option<Vec<Count>> {
    flush();
    let shared = shared()?;
    let tenant = tenant_hash(tenant);
    let mut counts = Vec::new();
    for place in &shared.places {
        let target = place.target.load(Relaxed);
        if place.key.load(Relaxed) == 0 || place.tenant.load(Relaxed) != tenant || (target >> 32) as u32 != database() {
            continue;
        }
        let since = shared.since.load(Relaxed).max(place.since.load(Relaxed));
        for (i, counter) in place.counts.iter().enumerate() {
            counts.push(Count {
                taxonomy: target as u32 as i32,
                tier: TierName::ALL.get(i).copied(),
                answers: counter.answers.load(Relaxed),
                unsure: counter.unsure.load(Relaxed),
                confidence: counter.confidence.load(Relaxed) as f64 / 1e6,
                since,
            });
        }
    }
    Some(counts)
}

/// Begins anew, for all tenants of this database.
pub fn reset() {
    PENDING.with_borrow_mut(Pending::clear);
    let Some(shared) = shared() else { return };
    for place in shared.places.iter().filter(|p| (p.target.load(Relaxed) >> 32) as u32 == database()) {
        for counter in &place.counts {
            counter.answers.store(0, Relaxed);
            counter.unsure.store(0, Relaxed);
            counter.confidence.store(0, Relaxed);
        }
        place.since.store(guard::statement_time(), Relaxed);
    }
}

/// The hash under which a tenant is counted; the server's hash function is not secret, so it only tells tenants apart.
pub fn tenant_hash(tenant: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    tenant.hash(&mut hasher);
    hasher.finish()
}

/// The counters in shared memory: zero is a valid table of free places.
pub const PIECE: Piece = Piece { name: c"pg_categorize stats", bytes: size_of::<Shared>(), placed };

unsafe fn placed(place: *mut c_void, is_new: bool) {
    let shared = place.cast::<Shared>();
    if is_new {
        // SAFETY: the caller passes memory of this size, which is zero.
        unsafe { (*shared).since.store(pg_sys::GetCurrentTimestamp(), Relaxed) };
    }
    SHARED.store(shared, Relaxed);
}

/// Has what was counted written at the end of transactions; called once, while preloading.
pub fn init() {
    // SAFETY: registered once; the function is guarded and lives as long as the library.
    unsafe { pg_sys::RegisterXactCallback(Some(transaction_event), std::ptr::null_mut()) };
}

#[pg_guard]
unsafe extern "C-unwind" fn transaction_event(event: pg_sys::XactEvent::Type, _argument: *mut c_void) {
    use pg_sys::XactEvent::*;
    if matches!(event, XACT_EVENT_COMMIT | XACT_EVENT_ABORT | XACT_EVENT_PARALLEL_COMMIT | XACT_EVENT_PARALLEL_ABORT) {
        flush();
    }
}

fn flush() {
    let Some(shared) = shared() else { return };
    let pending = PENDING.with_borrow_mut(std::mem::take);
    for ((tenant, taxonomy), kinds) in pending {
        let Some(place) = place(shared, tenant, taxonomy) else {
            continue;
        };
        for (counter, (answers, unsure, confidence)) in place.counts.iter().zip(kinds) {
            if answers > 0 {
                counter.answers.fetch_add(answers, Relaxed);
                counter.unsure.fetch_add(unsure, Relaxed);
                counter.confidence.fetch_add(confidence, Relaxed);
            }
        }
    }
}

fn place(shared: &Shared, tenant: u64, taxonomy: i32) -> Option<&Place> {
    let target = u64::from(database()) << 32 | u64::from(taxonomy as u32);
    let mut hasher = DefaultHasher::new();
    (target, tenant).hash(&mut hasher);
    let key = hasher.finish().max(1);
    for step in 0..64 {
        let place = &shared.places[(key as usize + step) % PLACES];
        let found = match place.key.compare_exchange(0, key, Relaxed, Relaxed) {
            Ok(_) => key,
            Err(taken) => taken,
        };
        if found == key {
            // Written alike by everyone who finds the key, so a race changes nothing.
            place.target.store(target, Relaxed);
            place.tenant.store(tenant, Relaxed);
            return Some(place);
        }
    }
    None
}

/// The place of a tier among the kinds; `None` for what was left unresolved.
pub fn kind(tier: Option<TierName>) -> usize {
    tier.and_then(|t| TierName::ALL.iter().position(|known| *known == t)).unwrap_or(KINDS - 1)
}

fn shared() -> Option<&'static Shared> {
    // SAFETY: set once by the postmaster to memory that outlives every backend; all fields are atomic.
    unsafe { SHARED.load(Relaxed).as_ref() }
}

fn database() -> u32 {
    // SAFETY: reads a global of the main thread.
    unsafe { pg_sys::MyDatabaseId }.to_u32()
}
