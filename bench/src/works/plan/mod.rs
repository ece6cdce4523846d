//! The plan node: a plain SELECT against what a hand-written join and a provider could do at best.

mod copy;
mod exact;
mod growth;
mod misses;
mod mixed;
mod order;
mod thrift;

use super::Work;

/// All works of the page.
pub const ALL: [(&str, Work); 7] = [
    ("plan-exact", exact::run),
    ("plan-growth", growth::run),
    ("plan-misses", misses::run),
    ("plan-mixed", mixed::run),
    ("plan-thrift", thrift::run),
    ("plan-copy", copy::run),
    ("plan-order", order::run),
];

/// Settings of a session whose plans are parallel, however small their tables are. The workers are two processes, and the session
/// itself is no third.
const PARALLEL: &str = "SET max_parallel_workers_per_gather = 2; SET parallel_leader_participation = off;
                        SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0";

/// How to read the page.
pub const HOW_TO_READ: &str = "\
Ours is a plain SELECT, as a fresh session has it planned, the memo cold. Exact hits have as their peer the join that a user
would write against a table of answers; both take turns, one process each, but where the line says otherwise. What asks a
model asks a fake provider on the same machine, in the process of the benchmark, in a cluster of its own whose commits are
durable; the peer is the time that the provider needs at so many requests at once. COPY is from a file on the server, into tables that
are emptied before; the trivial trigger is `insert_username` of contrib's `spi`. Dollars are by the fake provider's own account. **Ratio** is ours divided by peer where the bar says
*at most*, and peer divided by ours where it says *x faster*; for growth it is the slope of the least-squares line through log(time)
over log(size): 1 is proportional to the size. Inputs that were paid for are the provider's own count.";
