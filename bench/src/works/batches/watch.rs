//! The most memory that a process has had.

use crate::works::gateway::own_memory;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Between two looks.
const PERIOD: Duration = Duration::from_millis(10);

/// Looks at a process's own memory again and again.
pub struct Watch {
    over: Arc<AtomicBool>,
    most: JoinHandle<f64>,
}

impl Watch {
    /// Begins.
    pub fn begin(pid: i32) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let ends = over.clone();
        let most = std::thread::spawn(move || {
            let mut most = own_memory(pid);
            while !ends.load(Ordering::Relaxed) {
                most = most.max(own_memory(pid));
                std::thread::sleep(PERIOD);
            }
            most
        });
        Self { over, most }
    }

    /// The most that it was, in kilobytes.
    ///
    /// # Panics
    /// Where the process is gone.
    pub fn end(self) -> f64 {
        self.over.store(true, Ordering::Relaxed);
        self.most.join().expect("the gateway is the one that was watched")
    }
}
