//! How sure a free answer must be, so that the share of wrong ones stays below `max_error`.
//!
//! Held-out examples ([`Said`]) tell how often each tier was right at each score. Thresholds are tested from strict to loose
//! ([`fixed_sequence`]) by an exact bound on the error ([`upper_bound`]), each tier on what those before it leave
//! ([`calibrate`]). The bound holds for inputs that are like the examples; whether they still are is watched ([`drift`]).
//!
//! All examples of a taxonomy are one group: what holds, holds for its answers on average, not for each category.

mod binomial;
mod calibrate;
mod drift;
mod fixed_sequence;

pub use binomial::{is_bounded, upper_bound};
pub use calibrate::{Bar, Basis, Said, Tier, Verdict, calibrate};
pub use drift::{Drift, drift};
pub use fixed_sequence::{Threshold, fixed_sequence, least_trials};

/// How sure the bound is, for all free tiers together.
pub const CONFIDENCE: f64 = 0.95;
