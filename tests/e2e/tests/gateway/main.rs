//! Language models behind SQL: real gateways against a fake provider that keeps its own account.

mod ahead;
mod answers;
mod audits;
mod bulk;
mod ceiling;
mod embeddings;
mod estimate;
mod faults;
mod interrupts;
mod keys;
mod ledger;
mod lessons;
mod lists;
mod money;
mod periods;
mod pictures;
mod processes;
mod question_vectors;
mod soak;
mod support;
mod thrift;
mod transformer;
mod upgrades;
