//! The plan node, which is switched on here: a plain SELECT against what a hand-written join and a provider could do at best.

mod copy;
mod exact;
mod misses;

use super::Work;

/// All works of the page.
pub const ALL: [(&str, Work); 3] = [("plan-exact", exact::run), ("plan-misses", misses::run), ("plan-copy", copy::run)];

/// How to read the page.
pub const HOW_TO_READ: &str = "\
Ours is a plain SELECT with `categorize.prefetch = on`. Exact hits are asked for in a fresh session, whose memo is cold, and the
peer is the join that a user would write against a table of answers; both take turns. Misses are asked of a fake provider on the
same machine, in the process of the benchmark, in a cluster of their own whose commits are durable; the peer is the time that the
provider needs at so many requests at once. COPY is from a file on the server, into tables that are emptied before; the trivial trigger
is `insert_username` of contrib's `spi`. **Ratio** is ours divided by peer.";
