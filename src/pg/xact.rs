//! Work whose failure must not fail the caller's: a subtransaction that is rolled back before the error is judged.

use pgrx::pg_sys;
use pgrx::pg_sys::panic::CaughtError;
use pgrx::prelude::*;
use std::panic::{AssertUnwindSafe, UnwindSafe};

/// Runs `work`; an error rolls its effects back and becomes `Err` with its message. Never swallowed, but raised again
/// after the rollback: a cancel, a termination, and what asks the client to try the transaction again.
pub fn contained<T>(work: impl FnOnce() -> T + UnwindSafe) -> Result<T, String> {
    caught(work).map_err(|error| match report(&error) {
        (code, _) if is_not_ours(code) => error.rethrow(),
        (_, message) => message,
    })
}

/// As [`contained`], but whatever fails becomes `Err`: for a process that judges by itself what is worth another try.
///
/// # Errors
/// What went wrong.
pub fn trial<T>(work: impl FnOnce() -> T + UnwindSafe) -> Result<T, Failed> {
    caught(work).map_err(|error| {
        let (code, message) = report(&error);
        Failed { code, message }
    })
}

/// Runs `work`; `false` where a key of what it stores is there already (23505): then its effects are rolled back. Any other error
/// is raised again after the rollback.
pub fn unless_taken(work: impl FnOnce() + UnwindSafe) -> bool {
    match caught(work) {
        Ok(()) => true,
        Err(error) if report(&error).0 == PgSqlErrorCode::ERRCODE_UNIQUE_VIOLATION => false,
        Err(error) => error.rethrow(),
    }
}

fn caught<T>(work: impl FnOnce() -> T + UnwindSafe) -> Result<T, Box<CaughtError>> {
    // SAFETY: the pairs of begin and release or rollback below keep the transaction's stack balanced; memory context
    // and resource owner are put back as PL/pgSQL does around its exception blocks.
    unsafe {
        let context = pg_sys::CurrentMemoryContext;
        let owner = pg_sys::CurrentResourceOwner;
        pg_sys::BeginInternalSubTransaction(std::ptr::null());
        pg_sys::MemoryContextSwitchTo(context);
        let outcome = PgTryBuilder::new(AssertUnwindSafe(|| {
            let value = work();
            pg_sys::ReleaseCurrentSubTransaction();
            Ok(value)
        }))
        .catch_others(|error| Err(Box::new(error)))
        .catch_rust_panic(|error| Err(Box::new(error)))
        .execute();
        if outcome.is_err() {
            pg_sys::MemoryContextSwitchTo(context);
            pg_sys::RollbackAndReleaseCurrentSubTransaction();
        }
        pg_sys::MemoryContextSwitchTo(context);
        pg_sys::CurrentResourceOwner = owner;
        outcome
    }
}

/// Runs `work` in a transaction of its own, under a snapshot, in a process that has none; an error undoes it and
/// becomes `Err`, whatever it is.
///
/// # Errors
/// What went wrong.
pub fn attempt<T>(work: impl FnOnce() -> T) -> Result<T, Failed> {
    // SAFETY: the process has no transaction outside this function, and is in none after it.
    unsafe {
        pg_sys::SetCurrentStatementStartTimestamp();
        pg_sys::StartTransactionCommand();
        let outcome = PgTryBuilder::new(AssertUnwindSafe(|| {
            let value = with_snapshot(work);
            pg_sys::CommitTransactionCommand();
            Ok(value)
        }))
        .catch_others(|error| Err(Box::new(error)))
        .catch_rust_panic(|error| Err(Box::new(error)))
        .execute();
        outcome.map_err(|error| {
            pg_sys::AbortCurrentTransaction();
            let (code, message) = report(&error);
            Failed { code, message }
        })
    }
}

/// Why a transaction was undone.
#[derive(Debug, Clone)]
pub struct Failed {
    /// The class.
    pub code: PgSqlErrorCode,
    /// The primary message.
    pub message: String,
}

/// Runs `work` under a snapshot of its own, where no statement has one.
pub fn with_snapshot<T>(work: impl FnOnce() -> T) -> T {
    // SAFETY: pushed and popped in a pair inside a transaction; an error that leaves in between ends in an abort, which
    // pops. The catalogs' own snapshot goes, too: what follows may take long, and must not hold back VACUUM.
    unsafe {
        pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot());
        let value = work();
        pg_sys::PopActiveSnapshot();
        pg_sys::InvalidateCatalogSnapshotConditionally();
        value
    }
}

fn report(error: &CaughtError) -> (PgSqlErrorCode, String) {
    match error {
        CaughtError::PostgresError(report)
        | CaughtError::ErrorReport(report)
        | CaughtError::RustPanic { ereport: report, .. } => (report.sql_error_code(), report.message().to_owned()),
    }
}

fn is_not_ours(code: PgSqlErrorCode) -> bool {
    use PgSqlErrorCode::*;
    matches!(
        code,
        ERRCODE_QUERY_CANCELED
            | ERRCODE_ADMIN_SHUTDOWN
            | ERRCODE_CRASH_SHUTDOWN
            | ERRCODE_DATABASE_DROPPED
            | ERRCODE_T_R_SERIALIZATION_FAILURE
            | ERRCODE_T_R_DEADLOCK_DETECTED
    )
}
