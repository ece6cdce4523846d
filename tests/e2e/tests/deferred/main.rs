//! What ordinary statements queue, and the rows that answers of batches are written to, behind real gateways and writers.

#[allow(dead_code, reason = "each binary uses a part of it")]
#[path = "../batches/support.rs"]
mod support;

mod queueing;
mod writing;
