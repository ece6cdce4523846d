//! How requests flow to a provider: when one may be sent, when it is worth sending again, and when it is not.
//!
//! Every moment is a `Duration` since an origin that the caller chose, so that all of this is tested without waiting.

pub mod breaker;
pub mod latency;
pub mod limiter;
pub mod near;
pub mod order;
pub mod retry;
