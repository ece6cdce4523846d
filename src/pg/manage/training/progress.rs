//! How far a training is.

use crate::pg::{guard, worker};
use pgrx::prelude::*;
use std::time::{Duration, Instant};

/// How often a training says how far it is.
const NEWS: Duration = Duration::from_secs(5);

/// Serves interrupts, and tells how far it is: the client that waits, or who looks at the activity of a trainer.
pub(super) struct Progress<'a> {
    taxonomy: &'a str,
    told: Instant,
}

impl<'a> Progress<'a> {
    pub(super) fn new(taxonomy: &'a str) -> Self {
        Self { taxonomy, told: Instant::now() }
    }

    /// To be called often with the part that is done, 0 to 1.
    pub(super) fn at(&mut self, part: f32) {
        guard::check_for_interrupts();
        if self.told.elapsed() >= NEWS {
            self.told = Instant::now();
            let news = format!("training local model of taxonomy \"{}\": {:.0}%", self.taxonomy, part * 100.0);
            // Nobody waits for a trainer: its notices would fill the server's log.
            if worker::errand::is_this() { worker::report(&news) } else { notice!("{news}") }
        }
    }
}
