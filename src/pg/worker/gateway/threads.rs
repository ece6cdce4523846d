//! Signals belong to the main thread: the handlers of Postgres run on no other, and the kernel must find no other.

use std::mem::MaybeUninit;

/// Blocks all signals of the thread that calls it.
pub fn block_signals() {
    // SAFETY: plain calls; the set is filled before it is used.
    unsafe {
        let mut all = MaybeUninit::uninit();
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_BLOCK, all.as_ptr(), std::ptr::null_mut());
    }
}

/// Runs `work` with all signals blocked, so that threads that are born in it inherit that.
pub fn with_signals_blocked<T>(work: impl FnOnce() -> T) -> T {
    let _restored = Restored(current());
    block_signals();
    work()
}

/// Puts the signals back that were blocked, also where a panic leaves.
struct Restored(libc::sigset_t);

impl Drop for Restored {
    fn drop(&mut self) {
        // SAFETY: a plain call with the set that was read before.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.0, std::ptr::null_mut()) };
    }
}

fn current() -> libc::sigset_t {
    // SAFETY: with a null set the call does nothing but fill in the old one.
    unsafe {
        let mut set = MaybeUninit::zeroed();
        libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), set.as_mut_ptr());
        set.assume_init()
    }
}
