//! How many rows a COPY has still to give: what it tells of its progress in `pg_stat_progress_copy`, read where it lies.

use pgrx::pg_sys;
use std::ptr::{addr_of, read_volatile};

/// About how many rows the COPY that this session runs has still to give; 0 where there is none, or it does not know: only the size
/// of a file is known ahead.
pub(super) fn rest() -> usize {
    // SAFETY: the entry of this session, which nobody else writes; a session has one while it runs statements, and it stays where it is.
    let (command, told) = unsafe {
        let entry = pg_sys::MyBEEntry;
        if entry.is_null() {
            return 0;
        }
        (read_volatile(addr_of!((*entry).st_progress_command)), read_volatile(addr_of!((*entry).st_progress_param)))
    };
    if command != pg_sys::ProgressCommandType::PROGRESS_COMMAND_COPY {
        return 0;
    }
    let of = |what: u32| told[what as usize].max(0) as f64;
    let (read, all) = (of(pg_sys::PROGRESS_COPY_BYTES_PROCESSED), of(pg_sys::PROGRESS_COPY_BYTES_TOTAL));
    if read == 0.0 || all <= read {
        return 0;
    }
    // Bytes are counted by the buffer, rows one by one.
    (of(pg_sys::PROGRESS_COPY_TUPLES_PROCESSED) * (all - read) / read) as usize
}
