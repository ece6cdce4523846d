//! What Postgres does without ever raising an error, called without the guard that pgrx has around each call: it takes some 15
//! nanoseconds, and these are called for every row.

use pgrx::{pg_sys, varatt_is_1b, varatt_is_1b_e, varatt_is_4b_u};

#[allow(non_snake_case, reason = "names of Postgres")]
unsafe extern "C-unwind" {
    // Declared anew: those of pgrx are guarded.
    fn GetActiveSnapshot() -> pg_sys::Snapshot;
    fn ActiveSnapshotSet() -> bool;
    fn GetCurrentStatementStartTimestamp() -> pg_sys::TimestampTz;
    fn slot_getsomeattrs_int(slot: *mut pg_sys::TupleTableSlot, columns: std::ffi::c_int);
}

/// The snapshot of the statement that runs.
///
/// # Safety
/// There is one ([`has_snapshot`]).
#[allow(ffi_unwind_calls, reason = "it reads a global")]
pub unsafe fn active_snapshot() -> pg_sys::Snapshot {
    // SAFETY: promised by the caller.
    unsafe { GetActiveSnapshot() }
}

/// Whether the statement that runs has a snapshot.
#[allow(ffi_unwind_calls, reason = "it reads a global")]
pub fn has_snapshot() -> bool {
    // SAFETY: a plain call.
    unsafe { ActiveSnapshotSet() }
}

/// Microseconds of the Postgres epoch at which the statement began.
#[allow(ffi_unwind_calls, reason = "it reads a global")]
pub fn statement_time() -> i64 {
    // SAFETY: a plain call.
    unsafe { GetCurrentStatementStartTimestamp() }
}

/// Takes the row of a slot apart up to so many columns, as far as that was not done.
///
/// # Safety
/// The slot holds a row that has these columns.
#[allow(ffi_unwind_calls, reason = "a row of a heap is taken apart without an error")]
pub unsafe fn take_apart(slot: *mut pg_sys::TupleTableSlot, columns: i32) {
    // SAFETY: promised by the caller.
    unsafe {
        if i32::from((*slot).tts_nvalid) >= columns {
            return;
        }
        if std::ptr::eq((*slot).tts_ops, &raw const pg_sys::TTSOpsBufferHeapTuple) {
            slot_getsomeattrs_int(slot, columns);
        } else {
            // Others may have slots of their own.
            pg_sys::slot_getsomeattrs_int(slot, columns);
        }
    }
}

/// Forgets what a memory context holds.
///
/// # Safety
/// Nobody refers to it any more.
pub unsafe fn reset(context: pg_sys::MemoryContext) {
    // SAFETY: promised by the caller. Nothing would be done where nothing was allocated since the last time.
    unsafe {
        if !(*context).isReset || !(*context).firstchild.is_null() {
            pg_sys::MemoryContextReset(context);
        }
    }
}

/// The bytes of a value of variable length, where they lie with it as they are: neither compressed nor stored elsewhere.
///
/// # Safety
/// It is a varlena that lives as long as what is returned.
pub unsafe fn plain_bytes<'a>(value: *mut pg_sys::varlena) -> Option<&'a [u8]> {
    // SAFETY: promised by the caller.
    unsafe {
        let is_plain = varatt_is_4b_u(value) || varatt_is_1b(value) && !varatt_is_1b_e(value);
        is_plain.then(|| pgrx::varlena_to_byte_slice(value))
    }
}
