//! Waiting with an end. The bounds say "does not hang", not "is fast".

use std::time::{Duration, Instant};

/// Asks every 20 ms until the answer is yes.
///
/// # Panics
/// After `seconds` without a yes.
pub fn eventually(what: &str, seconds: u64, mut ready: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(seconds);
    while !ready() {
        assert!(Instant::now() < end, "not within {seconds} s: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Runs `work`.
///
/// # Panics
/// Where it took longer than `seconds`.
pub fn within<T>(what: &str, seconds: u64, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let value = work();
    let taken = start.elapsed();
    assert!(taken < Duration::from_secs(seconds), "took {taken:?}, more than {seconds} s: {what}");
    value
}
