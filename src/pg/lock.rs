//! Locks of our own, by which processes wait for each other; and one of a table, for which nobody waits.
//!
//! Ours are advisory locks of classes (`objsubid` in pg_locks) that no SQL function can take: whoever could take one by
//! name would hold up the trainings of all tenants.

use crate::pg::worker::errand::Errand;
use pgrx::pg_sys;
use std::hash::{DefaultHasher, Hash, Hasher};

/// How long a lock is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// Until the transaction ends.
    Transaction,
    /// Until it is released, or the process ends.
    Session,
}

/// What is locked.
#[derive(Debug, Clone, Copy)]
pub enum Thing<'a> {
    /// A place among the processes of this database that are on an errand.
    Place(Errand, Place),
    /// The training of a tenant's model of a taxonomy.
    Training(i32, &'a str),
    /// Which of a tenant's models of a taxonomy is active.
    Models(i32, &'a str),
    /// What one process of a database does at a time.
    Gateway(Duty),
}

/// What a gateway, or who does its work by hand, is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duty {
    /// Being the gateway.
    Serving = 1,
    /// Writing what was reserved and spent: one after the other, so that counters and ledger agree.
    Booking = 2,
}

/// The processes of a database that are on the same errand: one works, one waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The one that waits for the one that works.
    Waiting = 1,
    /// The one that works.
    Working = 2,
    /// Shared by those who commit and leave what they taught to the one that waits.
    Teaching = 3,
}

/// Makes those wait for each other who train a tenant's model; whether it is ours. Without `wait` it is not where somebody
/// else has it.
///
/// # Errors
/// 55P03 after `lock_timeout`, and what ends any wait.
pub fn training(taxonomy: i32, tenant: &str, span: Span, wait: bool) -> bool {
    acquire(Thing::Training(taxonomy, tenant), pg_sys::ExclusiveLock, span, wait)
}

/// Gives free what `training` took for the session.
pub fn release_training(taxonomy: i32, tenant: &str) {
    release(Thing::Training(taxonomy, tenant));
}

/// Makes those wait for each other, until their transactions end, who choose a tenant's active model.
///
/// # Errors
/// As `training`.
pub fn models(taxonomy: i32, tenant: &str) {
    acquire(Thing::Models(taxonomy, tenant), pg_sys::ExclusiveLock, Span::Transaction, true);
}

/// Takes a lock in a mode of Postgres' own; whether it is ours.
///
/// # Errors
/// As `training`.
pub fn acquire(thing: Thing<'_>, mode: u32, span: Span, wait: bool) -> bool {
    // SAFETY: a tag of our own, inside a transaction; the wait serves interrupts. An error in it leaves no lock behind.
    let outcome = unsafe { pg_sys::LockAcquire(&tag(thing), mode as i32, span == Span::Session, !wait) };
    outcome != pg_sys::LockAcquireResult::LOCKACQUIRE_NOT_AVAIL
}

/// Gives free a lock that the session holds in exclusive mode.
pub fn release(thing: Thing<'_>) {
    // SAFETY: a plain call; Postgres warns where the lock is not ours.
    unsafe { pg_sys::LockRelease(&tag(thing), pg_sys::ExclusiveLock as i32, true) };
}

/// Whether another process holds a lock, and is in a transaction. Nothing is locked to tell: that could be met by somebody
/// who does not wait.
pub fn is_taken(thing: Thing<'_>) -> bool {
    let mut holders = 0;
    // SAFETY: inside a transaction; the result is counted, and freed with its context.
    unsafe { pg_sys::GetLockConflicts(&tag(thing), pg_sys::ExclusiveLock as i32, &mut holders) };
    holders > 0
}

/// Takes the lock of who writes to a table, until the transaction ends; `false` where somebody holds it against writers: then
/// nothing is waited for, and nothing is locked.
pub fn may_write_now(table: pg_sys::Oid) -> bool {
    lock_now(table, pg_sys::RowExclusiveLock as i32)
}

/// The same for who reads it.
pub fn may_read_now(table: pg_sys::Oid) -> bool {
    lock_now(table, pg_sys::AccessShareLock as i32)
}

fn lock_now(table: pg_sys::Oid, mode: pg_sys::LOCKMODE) -> bool {
    // SAFETY: plain calls inside a transaction, on a name that may be of nothing: a relation that is gone is null, and its
    // lock goes with the transaction. The lock stays when the relation is closed.
    unsafe {
        if !pg_sys::ConditionalLockRelationOid(table, mode) {
            return false;
        }
        let relation = pg_sys::try_relation_open(table, pg_sys::NoLock as i32);
        if relation.is_null() {
            return false;
        }
        pg_sys::relation_close(relation, pg_sys::NoLock as i32);
    }
    true
}

fn tag(thing: Thing<'_>) -> pg_sys::LOCKTAG {
    let (class, name) = match thing {
        Thing::Place(Errand::Training, place) => (3, u64::from(u32::from_be_bytes(*b"catg")) << 32 | place as u64),
        Thing::Place(Errand::Indexing, place) => (3, u64::from(u32::from_be_bytes(*b"cati")) << 32 | place as u64),
        Thing::Place(Errand::Writing, place) => (3, u64::from(u32::from_be_bytes(*b"catw")) << 32 | place as u64),
        Thing::Place(Errand::Telling, place) => (3, u64::from(u32::from_be_bytes(*b"catm")) << 32 | place as u64),
        Thing::Training(taxonomy, tenant) => (4, number(taxonomy, tenant)),
        Thing::Models(taxonomy, tenant) => (5, number(taxonomy, tenant)),
        Thing::Gateway(duty) => (6, duty as u64),
    };
    pg_sys::LOCKTAG {
        // SAFETY: reads a global of the main thread.
        locktag_field1: unsafe { pg_sys::MyDatabaseId }.to_u32(),
        locktag_field2: (name >> 32) as u32,
        locktag_field3: name as u32,
        locktag_field4: class,
        locktag_type: pg_sys::LockTagType::LOCKTAG_ADVISORY as u8,
        locktag_lockmethodid: pg_sys::USER_LOCKMETHOD as u8,
    }
}

/// The same number in every process of a server. Two tenants of one number only wait for each other.
pub fn number(taxonomy: i32, tenant: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (taxonomy, tenant).hash(&mut hasher);
    hasher.finish()
}
