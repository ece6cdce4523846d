//! Batches: requests that wait for half the price. What a batch is, what is done next about it, and when.
//!
//! Nothing here does anything. A [`Batch`] is a record that a store keeps; [`Batch::due`] says which one effect on the
//! outside is next, with the record that must be durable before it; [`Batch::heard`] says what the record is after the
//! effect told something. A process that is killed anywhere finds in the record all that it needs:
//!
//! ```text
//! building -> uploaded -> submitted -> in_progress -> ingesting -> done, expired, cancelled
//!     \_________\___________\____________\______________________-> failed
//! ```
//!
//! A create is not idempotent at any provider. `submitted` is therefore durable before it is sent, and a `submitted` batch
//! whose id at the provider nobody knows is a suspect: it is looked for, and neither sent again nor given up, until it is
//! found or [`SUSPECT_FOR`] has passed.

mod custom_id;
mod daily;
mod event;
mod line;
mod machine;
mod moment;
mod pace;
mod record;
mod register;
mod schedule;
mod shard;

pub use custom_id::{CustomId, Token, check};
pub use daily::{Daily, Zone};
pub use event::{Candidate, Effect, End, Event, Trouble};
pub use line::{After, LineEnd, after};
pub use machine::{Due, Heard, Rest, SUSPECT_FOR, may_create};
pub use moment::Moment;
pub use pace::Pace;
pub use record::{Batch, Matching, State};
pub use register::{Register, Taken};
pub use schedule::{Queue, Schedule, Why};
pub use shard::{Limits, Shard, Take};

#[cfg(test)]
mod machine_tests;
#[cfg(test)]
mod schedule_tests;
#[cfg(test)]
mod world;
