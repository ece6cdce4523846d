//! Questions about the state of the transaction and of the server.

use crate::pg::{compat, error, unguarded};
use pgrx::pg_sys;
use pgrx::prelude::PgSqlErrorCode;
use std::time::Duration;

/// Whether this process runs a parallel plan now.
pub fn in_parallel_mode() -> bool {
    // SAFETY: a plain call.
    unsafe { pg_sys::IsInParallelMode() }
}

/// The role as which the statement runs now.
pub fn current_role() -> pg_sys::Oid {
    // SAFETY: a plain call.
    unsafe { pg_sys::GetUserId() }
}

/// Whether this process is a worker of a parallel plan.
pub fn is_parallel_worker() -> bool {
    // SAFETY: reads a global of the main thread.
    unsafe { pg_sys::ParallelWorkerNumber >= 0 }
}

/// Whether the transaction keeps one snapshot (REPEATABLE READ or SERIALIZABLE).
pub fn uses_transaction_snapshot() -> bool {
    // SAFETY: reads a global of the main thread.
    unsafe { pg_sys::XactIsoLevel >= pg_sys::XACT_REPEATABLE_READ as i32 }
}

/// Whether the transaction is SERIALIZABLE: what it reads counts.
pub fn is_serializable() -> bool {
    // SAFETY: reads a global of the main thread.
    unsafe { pg_sys::XactIsoLevel == pg_sys::XACT_SERIALIZABLE as i32 }
}

/// Whether a procedure could not end the transaction: it is in a block of the caller's.
pub fn in_transaction_block() -> bool {
    // SAFETY: a plain call.
    unsafe { pg_sys::IsTransactionBlock() }
}

/// Whether the transaction may not write.
pub fn is_read_only() -> bool {
    // SAFETY: reads a global of the main thread.
    unsafe { pg_sys::XactReadOnly }
}

/// Has the transaction write, whatever was set meanwhile, while it lives.
pub struct Writable(bool);

impl Writable {
    /// From now on. What the transaction did before it was set to read-only is still to be stored.
    pub fn begin() -> Self {
        // SAFETY: reads and sets a global of the main thread that the end of the transaction resets.
        unsafe {
            let before = pg_sys::XactReadOnly;
            pg_sys::XactReadOnly = false;
            Self(before)
        }
    }
}

impl Drop for Writable {
    fn drop(&mut self) {
        // SAFETY: puts back what was.
        unsafe { pg_sys::XactReadOnly = self.0 };
    }
}

/// Whether the server is a standby.
pub fn on_standby() -> bool {
    // SAFETY: a plain call.
    unsafe { pg_sys::RecoveryInProgress() }
}

/// Microseconds of the Postgres epoch at which the statement began; the same in its parallel workers.
pub fn statement_time() -> i64 {
    unguarded::statement_time()
}

/// Microseconds of the Postgres epoch by the clock.
pub fn clock() -> i64 {
    // SAFETY: a plain call.
    unsafe { pg_sys::GetCurrentTimestamp() }
}

/// Serves a pending cancel or termination.
pub fn check_for_interrupts() {
    pgrx::check_for_interrupts!();
}

/// Whether the library was loaded by `shared_preload_libraries`.
pub fn preloaded() -> bool {
    // SAFETY: reads a global that only `_PG_init` in the postmaster sees as true; see `lib.rs`.
    super::PRELOADED.load(std::sync::atomic::Ordering::Relaxed)
}

/// Refuses a writer in a read-only transaction or on a standby.
///
/// # Errors
/// 25006.
pub fn refuse_read_only() {
    if on_standby() || is_read_only() {
        let place = if on_standby() { "on a standby" } else { "in a read-only transaction" };
        error::report(
            PgSqlErrorCode::ERRCODE_READ_ONLY_SQL_TRANSACTION,
            format!("cannot change what pg_categorize knows {place}"),
            None,
            on_standby().then(|| "Run it on the primary.".to_owned()),
        );
    }
}

/// Cancels what this process does after some time, as statement_timeout does for sessions.
pub struct Alarm;

impl Alarm {
    /// From now on; until it is dropped.
    pub fn set(after: Duration) -> Self {
        compat::limit_time(Some(after));
        Self
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        compat::limit_time(None);
    }
}
