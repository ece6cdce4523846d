//! Language models behind SQL: real gateways against a fake provider that keeps its own account.

mod ahead;
mod answers;
mod ceiling;
mod faults;
mod interrupts;
mod keys;
mod ledger;
mod money;
mod periods;
mod pictures;
mod processes;
mod soak;
mod support;
mod thrift;
mod upgrades;
