//! Batches behind SQL: real gateways and servers against a fake provider of all three Batch APIs, with a clock of its own and its
//! own account.

mod crashes;
mod cron;
mod large;
mod money;
mod news;
mod nights;
mod outlasting;
mod queue;
mod soak;
mod stored;
mod support;
mod vectors;
