//! Batches: what queued titles cost to send, what their results cost to store, and what sessions notice of both.

mod beside;
mod lines;
mod night;
mod queue;
mod watch;

use super::Work;
use crate::bench::Bench;

/// All works of the page.
pub const ALL: [(&str, Work); 2] = [("batches-night", night::run), ("batches-beside", beside::run)];

/// How to read the page.
pub const HOW_TO_READ: &str = "\
The provider is a fake one on the same machine, in the process of the benchmark, with files and batches as OpenAI has them (50,000
requests or 200 MB each); it takes whole files, checks each line, and keeps its own account, which the ledger must equal.
Everything else is real: a cluster of its own whose commits are durable, a taxonomy of 100 categories, distinct titles that were
queued by one `enqueue()`. **Sent** is from `submit_batches()` until the provider has accepted all batches; its peer is one COPY that
makes the same lines of texts that lie ready in their order and writes them to a file. **Read** is from `poll_batches()`, when the provider has all
results ready, until all batches have ended: answers in the cache, the money of each request settled, each job moved on; its peer
is COPY of the same rows of the cache and of the ledger's lines of settlement from a file into empty tables with the same indexes and
constraints. Beside it stand COPY of the cache's rows alone, and COPY of these and of the ends of the jobs.
**Memory** is VmRSS without the server's shared memory, looked at each 10 ms; its peer is what it was before. **Ratio** is ours
divided by peer where the bar says *at most*, peer divided by ours where it says *at least*, and ours less peer in MB.";

/// How much of everything.
struct Sizes {
    /// Titles that wait for a night.
    queued: usize,
    /// Titles in a request.
    packs: &'static [usize],
    /// Titles of the batch beside which a session asks.
    beside: usize,
    /// What that session asks from the cache while there is no batch.
    asked: usize,
}

const FULL: Sizes = Sizes { queued: 200_000, packs: &[10, 1], beside: 100_000, asked: 1_500 };

const QUICK: Sizes = Sizes { queued: 2_000, packs: &[10, 1], beside: 2_000, asked: 100 };

impl Sizes {
    fn of(bench: &Bench) -> &'static Self {
        if bench.quick { &QUICK } else { &FULL }
    }
}
