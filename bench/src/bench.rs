//! The throwaway cluster that everything is measured on, and the sizes of the run.

use crate::args::Args;
use crate::measure::REPETITIONS;
use pg_categorize_e2e::{Cluster, Database, Session};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// Settings of the server, the same for both sides. The planner has no parallel workers: one process against one.
pub const SETTINGS: [&str; 12] = [
    "fsync = off",
    "synchronous_commit = off",
    "full_page_writes = off",
    "max_wal_size = '16GB'",
    "checkpoint_timeout = '1h'",
    "shared_buffers = '1GB'",
    "work_mem = '256MB'",
    "maintenance_work_mem = '512MB'",
    "jit = off",
    "max_parallel_workers_per_gather = 0",
    "max_parallel_maintenance_workers = 0",
    "autovacuum = off",
];

/// How much of everything.
#[derive(Debug)]
pub struct Sizes {
    /// Rows of the growing table of exact hits; the last is the one that is compared.
    pub rows: &'static [usize],
    /// Distinct titles in as many rows as the last of `rows`.
    pub distinct: usize,
    /// Rules of the comparison.
    pub rules: usize,
    /// Titles that both sides match.
    pub rule_titles: usize,
    /// Titles that only we match.
    pub many_titles: usize,
    /// Sizes of taxonomies and of sets of rules.
    pub growth: &'static [usize],
    /// Titles asked at each of those sizes.
    pub growth_titles: usize,
    /// Splits and samples of the local model are made from at most so many seeds.
    pub seeds: usize,
    /// Titles that trained models are asked through SQL.
    pub model_titles: usize,
    /// Categories of the large taxonomy, and the rows that a model of it is trained on.
    pub many_categories: (usize, usize),
}

const FULL: Sizes = Sizes {
    rows: &[10_000, 100_000, 1_000_000],
    distinct: 10_000,
    rules: 1_000,
    rule_titles: 2_000,
    many_titles: 100_000,
    growth: &[10, 100, 1_000, 10_000],
    growth_titles: 20_000,
    seeds: 10,
    model_titles: 100_000,
    many_categories: (10_000, 1_000_000),
};

const QUICK: Sizes = Sizes {
    rows: &[1_000, 10_000, 100_000],
    distinct: 1_000,
    rules: 200,
    rule_titles: 500,
    many_titles: 5_000,
    growth: &[10, 100, 1_000],
    growth_titles: 2_000,
    seeds: 1,
    model_titles: 10_000,
    many_categories: (1_000, 20_000),
};

/// A running benchmark.
pub struct Bench {
    database: Database,
    /// How much of everything.
    pub sizes: Sizes,
    /// Whether sizes are small.
    pub quick: bool,
    /// Measured runs of each statement.
    pub repetitions: usize,
    /// Whether what can grow to ten million rows does.
    pub large: bool,
    /// Whether what a peer outside the database gave in an earlier run may stand.
    pub reuse_peers: bool,
}

impl Bench {
    /// Starts the cluster.
    pub fn start(args: &Args) -> Self {
        let cluster = SETTINGS.iter().fold(Cluster::builder(), |builder, line| builder.conf(line)).start();
        let database = Arc::new(cluster).extended("bench");
        let (sizes, repetitions) = if args.quick { (QUICK, 3) } else { (FULL, REPETITIONS) };
        let (quick, large) = (args.quick, args.large);
        Self { database, sizes, quick, repetitions, large, reuse_peers: args.reuse_peers }
    }

    /// A fresh session.
    pub fn session(&self) -> Session {
        self.database.session()
    }

    /// A new path that the server can write to, which goes with the cluster.
    pub fn file(&self, name: &str) -> PathBuf {
        self.database.cluster.file(name)
    }

    /// Runs statements in a session of their own.
    pub fn run(&self, sql: &str) {
        self.session().run(sql);
    }

    /// Settles what was written, so that no measured statement pays for it: hint bits, statistics, dirty pages.
    pub fn settle(&self) {
        step("vacuum, analyze, checkpoint", || {
            let mut session = self.session();
            session.run("VACUUM (ANALYZE)");
            session.run("CHECKPOINT");
        });
    }
}

/// Does something slow, saying so before and how long it took after.
pub fn step<T>(what: &str, work: impl FnOnce() -> T) -> T {
    println!("    {what} ...");
    let start = Instant::now();
    let value = work();
    let seconds = start.elapsed().as_secs_f64();
    if seconds >= 1.0 {
        println!("    {what}: {seconds:.1} s");
    }
    value
}
