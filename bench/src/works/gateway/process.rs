//! What the kernel knows of a process of the server.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

/// Memory of a process, in kilobytes.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    /// All that is resident.
    pub resident: f64,
    /// What of it is in memory that the server's processes share.
    pub shared: f64,
}

/// Memory of a process now.
///
/// # Panics
/// Where it is gone.
pub fn memory(pid: i32) -> Memory {
    let status =
        std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_else(|e| panic!("process {pid}: {e}"));
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.trim_matches([':', ' ', '\t']).trim_end_matches(" kB").parse::<f64>()
    };
    let field = |name: &str| field(name).unwrap_or_else(|e| panic!("{name} of process {pid}: {e}"));
    Memory { resident: field("VmRSS"), shared: field("RssShmem") }
}

/// Memory that a process has for itself, in kilobytes.
///
/// # Panics
/// Where it is gone.
pub fn own_memory(pid: i32) -> f64 {
    let Memory { resident, shared } = memory(pid);
    resident - shared
}

/// Interrupts a process, as a fast shutdown does the postmaster, and tells how long it took to end.
///
/// # Panics
/// Where it has not ended after a minute.
pub fn time_to_end(pid: i32) -> Duration {
    let place = PathBuf::from(format!("/proc/{pid}"));
    let start = Instant::now();
    let told = Command::new("kill").args(["-INT", &pid.to_string()]).status();
    assert!(told.is_ok_and(|status| status.success()), "cannot interrupt process {pid}");
    while place.exists() {
        assert!(start.elapsed() < Duration::from_secs(60), "process {pid} does not end");
        std::thread::sleep(Duration::from_millis(1));
    }
    start.elapsed()
}
