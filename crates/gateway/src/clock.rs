//! Moments as the domain knows them: time since the gateway began.

use std::time::Duration;
use tokio::time::Instant;

/// The gateway's clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now(&self) -> Duration {
        self.0.elapsed()
    }

    /// Sleeps until a moment of this clock.
    pub(crate) async fn until(&self, moment: Duration) {
        match self.0.checked_add(moment) {
            Some(instant) => tokio::time::sleep_until(instant).await,
            None => std::future::pending().await,
        }
    }
}
