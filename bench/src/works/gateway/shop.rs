//! A cluster of its own with a taxonomy that only a fake language model answers for.

use crate::bench::step;
use crate::data::{self, product};
use pg_categorize_e2e::{Cluster, Database, Session, eventually};
use pg_categorize_fake_llm::{Config, FakeLlm};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// Settings of the servers. What is paid for is as durable as anywhere: fsync is on. As elsewhere there are no parallel workers: a
/// server that has no process to spare for the gateway has none for them either.
pub const SETTINGS: [&str; 9] = [
    "fsync = on",
    "synchronous_commit = on",
    "shared_buffers = '256MB'",
    "max_wal_size = '4GB'",
    "jit = off",
    "max_connections = 150",
    "max_worker_processes = 16",
    "max_parallel_workers_per_gather = 0",
    "categorize.allowed_hosts = '127.0.0.1:*=PG_CATEGORIZE_ABSENT'",
];

/// What a session of the shop begins with: no call of a benchmark ends because its session had no patience.
const SESSION: &str = "SET categorize.taxonomy = 'shop'; SET categorize.timeout_ms = '20min'";

/// A database whose titles a fake language model answers.
pub struct Shop {
    // Before the model: the gateway ends first.
    database: Database,
    /// The model.
    pub model: FakeLlm,
}

impl Shop {
    /// A shop in a cluster of its own.
    pub fn open(config: Config) -> Self {
        Self::open_with(config, &[])
    }

    /// The same with more settings of the server.
    pub fn open_with(config: Config, settings: &[&str]) -> Self {
        let cluster = step("starting a cluster whose commits are durable", || {
            SETTINGS.iter().chain(settings).fold(Cluster::builder(), |builder, line| builder.conf(line)).start()
        });
        Self::within(&Arc::new(cluster), "shop", config)
    }

    /// A shop in a cluster that is there.
    pub fn within(cluster: &Arc<Cluster>, name: &str, config: Config) -> Self {
        let model = FakeLlm::spawn(config);
        let database = cluster.extended(name);
        let mut session = database.session();
        let create = "SELECT categorize.create_taxonomy('shop', $1)";
        session.execute(create, &[&data::paths()]).unwrap_or_else(|e| panic!("{create}: {e}"));
        add_provider(&mut session, &format!("'{}/v1'", model.url()));
        // No budget is in the way, but each request is reserved and settled.
        session.run("SELECT categorize.set_budget('database', 1000000, 'day', per_request_usd => 100)");
        let shop = Self { database, model };
        shop.configure(r#""tiers": ["correction", "cache", "llm"]"#);
        shop
    }

    /// Sets some of the taxonomy's settings; members of a JSON object.
    pub fn configure(&self, settings: &str) {
        self.session().run(&format!("SELECT categorize.configure('shop', '{{{settings}}}')"));
    }

    /// A session whose taxonomy is this shop's.
    pub fn session(&self) -> Session {
        let mut session = self.database.session();
        session.run(SESSION);
        session
    }

    /// The cluster that it is in.
    pub fn cluster(&self) -> &Arc<Cluster> {
        &self.database.cluster
    }

    /// Starts the gateway by asking for something that nobody else asks for, and returns its process id.
    pub fn wake(&self) -> i32 {
        let sql = "SELECT category IS NOT NULL, d::text FROM categorize_detail('to wake the gateway') d";
        let row = self.session().query_one(sql, &[]).unwrap_or_else(|e| panic!("{sql}: {e}"));
        assert!(row.get::<_, bool>(0), "the model does not answer: {}", row.get::<_, String>(1));
        self.gateway().expect("a gateway that has just answered")
    }

    /// Process id of the gateway, if there is one.
    pub fn gateway(&self) -> Option<i32> {
        let name = &self.database.name;
        let pids: Vec<i32> = self.cluster().connect("postgres").column(&format!(
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_categorize gateway' AND datname = '{name}'"
        ));
        pids.first().copied()
    }

    /// Waits until no attempt is under way any more.
    pub fn quiet(&self) {
        let mut session = self.session();
        let open = "SELECT count(*) FROM categorize.reservation WHERE state = 'open'";
        eventually("the end of all attempts", 120, || session.one::<i64>(open) == 0);
    }
}

/// Adds the model as a provider: OpenAI's API at an address that is not OpenAI's, which must be told what it can do.
pub fn add_provider(session: &mut Session, base_url_and_key: &str) {
    let settings =
        r#"{"max_tokens_field": "max_completion_tokens", "instruction_role": "developer", "openai_extras": true}"#;
    session.run("SELECT categorize.set_price('gpt-6-luna', 0.10, 0.50, cached_input_usd => 0.01)");
    session.run(&format!(
        "SELECT categorize.add_provider('model', 'openai', {base_url_and_key}, settings => '{settings}')"
    ));
}

/// Titles of these products.
pub fn titles(numbers: Range<usize>) -> Vec<String> {
    numbers.map(|number| product(number as u64).title).collect()
}

/// What the model knows of these products.
pub fn labels(numbers: Range<usize>) -> Arc<HashMap<String, String>> {
    let entry = |number| {
        let product = product(number as u64);
        (product.title, product.category)
    };
    Arc::new(numbers.map(entry).collect())
}

/// A category, or the reason why there is none.
pub type Answer = (Option<String>, Option<String>);

/// Asks for the categories of these titles in one statement.
pub fn ask(session: &mut Session, titles: &[String]) -> Vec<Answer> {
    let sql = "SELECT category, reason FROM categorize_many($1) ORDER BY ordinality";
    let rows = session.query(sql, &[&titles]).unwrap_or_else(|e| panic!("{sql}: {e}"));
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// Asserts that every product got its own category.
pub fn check(numbers: Range<usize>, answers: &[Answer]) {
    assert_eq!(answers.len(), numbers.len(), "rows that are missing");
    for (number, (category, reason)) in numbers.zip(answers) {
        let product = product(number as u64);
        assert_eq!(category.as_ref(), Some(&product.category), "\"{}\": {reason:?}", product.title);
    }
}
