//! Waiting without deafness: a cancel, a termination and the shutdown of the server are served at once.

use crate::pg::guard;
use pgrx::pg_sys;
use std::os::fd::RawFd;
use std::time::Duration;

/// What a wait on a socket is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// It has something to read, or its other end is gone.
    Readable,
    /// That, or it takes more.
    ReadableOrWritable,
}

/// Sleeps for so long, or until something happens to this process.
///
/// # Errors
/// What a cancel or a termination raises.
pub fn nap(time: Duration) {
    wait(None, time);
}

/// Waits until a socket is ready, but no longer than `time`, or until something happens to this process.
///
/// # Errors
/// What a cancel or a termination raises.
pub fn on_socket(socket: RawFd, until: Until, time: Duration) {
    wait(Some((socket, until)), time);
}

fn wait(socket: Option<(RawFd, Until)>, time: Duration) {
    let mut events = pg_sys::WL_LATCH_SET | pg_sys::WL_TIMEOUT | pg_sys::WL_EXIT_ON_PM_DEATH;
    events |= match socket {
        None => 0,
        Some((_, Until::Readable)) => pg_sys::WL_SOCKET_READABLE,
        Some((_, Until::ReadableOrWritable)) => pg_sys::WL_SOCKET_READABLE | pg_sys::WL_SOCKET_WRITEABLE,
    };
    let socket = socket.map_or(pg_sys::PGINVALID_SOCKET, |(socket, _)| socket);
    // Rounded up: a wait that ends before its time would be begun again and again.
    let milliseconds = i64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX);
    // SAFETY: plain calls on the latch of this process, on the main thread; the caller's socket is open.
    unsafe {
        pg_sys::WaitLatchOrSocket(pg_sys::MyLatch, events as i32, socket, milliseconds, pg_sys::PG_WAIT_EXTENSION);
        pg_sys::ResetLatch(pg_sys::MyLatch);
    }
    guard::check_for_interrupts();
}
