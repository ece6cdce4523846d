//! A shop whose open titles wait for the night.

use pg_categorize_e2e::{Builder, Cluster, Database, Session, eventually};
use pg_categorize_fake_llm::{BatchConfig, Config, FakeLlm};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Who sells batches: the kind, the path of its API, and a model.
pub const KINDS: [(&str, &str, &str); 3] = [
    ("openai", "/v1", "gpt-6-luna"),
    ("anthropic", "", "claude-haiku-5-5"),
    ("gemini", "/v1beta", "gemini-2.5-flash-lite"),
];

/// A database with a taxonomy `shop` of toys and tools, and a provider of batches.
pub struct Shop {
    /// The database.
    pub database: Database,
    /// The provider's other end.
    pub model: FakeLlm,
}

/// What a cluster needs to send batches on this machine, and to ask for them again within a test.
pub fn builder() -> Builder {
    let builder = Cluster::builder().conf("categorize.allowed_hosts = '127.0.0.1:*'");
    let builder = builder.conf("categorize.batch_poll_interval = '1s'").conf("categorize.batch_time = ''");
    builder.conf("max_worker_processes = 100").conf("statement_timeout = '60s'").conf("max_connections = 200")
}

/// How the provider does: a batch takes ten minutes at most.
pub fn config() -> Config {
    Config { batches: BatchConfig { turnaround_s: (60, 600), ..BatchConfig::default() }, ..Config::default() }
}

/// Batches of which some requests fail, some have no result and some have two, between lines that are nobody's.
pub fn mixed() -> BatchConfig {
    BatchConfig { errored: 0.3, missing: 0.2, duplicated: 0.3, foreign: 1.0, ..config().batches }
}

/// A shop in the cluster that the tests of this binary share.
pub fn shop(name: &str, kind: usize, config: Config) -> Shop {
    static SHARED: OnceLock<Arc<Cluster>> = OnceLock::new();
    let cluster = SHARED.get_or_init(|| {
        let cluster = builder().start();
        // The roles that the extension makes are the server's: made before tests that begin at the same time make them.
        cluster.connect("postgres").run("CREATE EXTENSION pg_categorize");
        Arc::new(cluster)
    });
    shop_in(cluster, name, kind, config)
}

/// A shop in a cluster.
pub fn shop_in(cluster: &Arc<Cluster>, name: &str, kind: usize, config: Config) -> Shop {
    let shop = Shop { database: cluster.extended(name), model: FakeLlm::spawn(config) };
    let (kind, path, model) = KINDS[kind];
    let mut session = shop.session();
    session.run("SELECT categorize.create_taxonomy('shop', ARRAY['Toys', 'Tools'])");
    session.run(
        r#"SELECT categorize.configure('shop', '{"tiers": ["correction", "cache", "llm"], "pack_size": 5, "upgrade": "never"}')"#,
    );
    session.run(&format!("SELECT categorize.set_price('{model}', 0.10, 0.50, cached_input_usd => 0.01)"));
    session.run(&format!("SELECT categorize.set_batch_price('{model}', 0.05, 0.25)"));
    let url = format!("{}{path}", shop.model.url());
    session.run(&format!(
        "SELECT categorize.add_provider('fake', '{kind}', '{url}', settings => '{{\"model\": \"{model}\"}}')"
    ));
    shop
}

impl Shop {
    /// A session of the superuser whose taxonomy is `shop`.
    pub fn session(&self) -> Session {
        let mut session = self.database.session();
        session.run("SET categorize.taxonomy = 'shop'");
        session
    }

    /// Queues titles; how many are new.
    pub fn enqueue(&self, titles: i32) -> i64 {
        let sql = format!("SELECT categorize.enqueue(array_agg('title ' || i)) FROM generate_series(1, {titles}) i");
        self.session().one(&sql)
    }

    /// Has what waits submitted, and waits until the provider has it.
    pub fn submit(&self) {
        self.session().run("SELECT categorize.submit_batches()");
        let open = "SELECT count(*) FROM categorize.batch WHERE state IN ('building', 'uploaded', 'submitted')";
        let waits = "SELECT count(*) FROM categorize.job WHERE state = 'waiting'";
        eventually("what waited is with the provider", 30, || {
            let mut session = self.session();
            session.one::<i64>(waits) == 0 && session.one::<i64>(open) == 0
        });
    }

    /// Lets the provider's clock run until all batches of it have ended, and waits until all is stored.
    pub fn night(&self) {
        self.model.advance(Duration::from_secs(660));
        self.session().run("SELECT categorize.poll_batches()");
        self.done();
    }

    /// Waits until no batch is open.
    pub fn done(&self) {
        let open = "SELECT count(*) FROM categorize.batch WHERE ended_at IS NULL";
        eventually("all batches have ended", 60, || self.session().one::<i64>(open) == 0);
        self.places();
    }

    /// Asserts that each job is in one place: it waits, is asked live, has ended, or is in one request without a result.
    pub fn places(&self) {
        let misplaced = "
            SELECT coalesce(string_agg(concat_ws(' ', j.id, p.waits, p.live, p.ended, p.batches), ', '), '')
              FROM categorize.job_entry j
              LEFT JOIN (SELECT unnest(i.jobs) AS id, count(*) AS batches FROM categorize.batch_item i WHERE NOT i.has_result GROUP BY 1) b
                     ON b.id = j.id
             CROSS JOIN LATERAL (
                   SELECT (SELECT count(*) FROM categorize.job_waiting w WHERE w.job_id = j.id) AS waits,
                          (SELECT count(*) FROM categorize.job_live l WHERE l.job_id = j.id) AS live,
                          (SELECT count(*) FROM categorize.job_end e WHERE e.job_id = j.id) AS ended,
                          coalesce(b.batches, 0) AS batches) p
             WHERE p.waits + p.live + p.ended + p.batches <> 1";
        let misplaced: String = self.session().one(misplaced);
        assert_eq!(misplaced, "", "{}: jobs that are in no place, or in two", self.database.name);
    }

    /// Jobs in this state.
    pub fn jobs(&self, state: &str) -> i64 {
        self.session().one(&format!("SELECT count(*) FROM categorize.job WHERE state = '{state}'"))
    }

    /// Nano-dollars that are settled in the ledger.
    pub fn settled(&self) -> i64 {
        let sum =
            "SELECT coalesce(sum(amount_nanousd), 0)::bigint FROM categorize.ledger WHERE kind IN ('settle', 'adjust')";
        self.session().one(sum)
    }

    /// Nano-dollars that are reserved: under way, in batches, or in doubt.
    pub fn reserved(&self) -> i64 {
        self.session().one("SELECT coalesce(sum(amount_nanousd), 0)::bigint FROM categorize.reservation")
    }

    /// Nano-dollars that the provider charged, live and in batches.
    pub fn charged(&self) -> i64 {
        let account = self.model.account();
        account.charged_nanousd + account.batches.charged_nanousd
    }

    /// Process ids of the gateways of this database.
    pub fn gateways(&self) -> Vec<i32> {
        self.processes("gateway")
    }

    /// Process ids of what of ours is at work in this database: `gateway`, `writer`, `messenger`.
    pub fn processes(&self, kind: &str) -> Vec<i32> {
        self.database.cluster.connect("postgres").column(&format!(
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_categorize {kind}' AND datname = '{}' ORDER BY pid",
            self.database.name
        ))
    }
}
