//! A shop whose open titles a fake language model answers.

use pg_categorize_e2e::{Builder, Cluster, Database, Session, eventually};
use pg_categorize_fake_llm::{Config, FakeLlm};
use std::sync::{Arc, OnceLock};

/// A database with a taxonomy `shop` of toys and tools, and a provider that serves it.
pub struct Shop {
    /// The database.
    pub database: Database,
    /// The provider's other end.
    pub model: FakeLlm,
}

/// What a cluster needs to ask a model on this machine.
pub fn builder() -> Builder {
    let builder = Cluster::builder().conf("categorize.allowed_hosts = '127.0.0.1:*'");
    // Each test's database keeps its gateway for minutes.
    builder.conf("max_worker_processes = 150").conf("statement_timeout = '60s'").conf("max_connections = 200")
}

/// A shop in the cluster that the tests of this binary share.
pub fn shop(name: &str, config: Config) -> Shop {
    static SHARED: OnceLock<Arc<Cluster>> = OnceLock::new();
    let cluster = SHARED.get_or_init(|| {
        let cluster = builder().start();
        // The roles that the extension makes are the server's: made before tests that begin at the same time make them.
        cluster.connect("postgres").run("CREATE EXTENSION pg_categorize");
        Arc::new(cluster)
    });
    shop_in(cluster, name, config)
}

/// A shop in a cluster.
pub fn shop_in(cluster: &Arc<Cluster>, name: &str, config: Config) -> Shop {
    let shop = Shop { database: cluster.extended(name), model: FakeLlm::spawn(config) };
    let mut session = shop.session();
    session.run("SELECT categorize.create_taxonomy('shop', ARRAY['Toys', 'Tools'])");
    // Nothing but the model may answer, and each title is asked by itself unless a test wants packs.
    session
        .run(r#"SELECT categorize.configure('shop', '{"tiers": ["correction", "cache", "llm"], "pack_wait_ms": 0}')"#);
    // What we ship are the prices of the official host.
    session.run("SELECT categorize.set_price('gpt-6-luna', 0.10, 0.50, cached_input_usd => 0.01)");
    shop.connect_provider(&mut session, "fake", "{}");
    shop
}

impl Shop {
    /// A session of the superuser whose taxonomy is `shop`.
    pub fn session(&self) -> Session {
        let mut session = self.database.session();
        session.run("SET categorize.taxonomy = 'shop'");
        session
    }

    /// Adds this shop's model as one more provider.
    pub fn connect_provider(&self, session: &mut Session, name: &str, settings: &str) {
        let url = format!("{}/v1", self.model.url());
        session.run(&format!("SELECT categorize.add_provider('{name}', 'openai', '{url}', settings => '{settings}')"));
    }

    /// Nano-dollars that the provider says it charged.
    pub fn charged(&self) -> i64 {
        self.model.account().charged_nanousd
    }

    /// Waits until nothing is under way: a reply is told before its money is booked.
    pub fn rest(&self) {
        let open = "SELECT count(*) FROM categorize.reservation WHERE state = 'open'";
        eventually("nothing is under way", 20, || self.session().one::<i64>(open) == 0);
    }

    /// Nano-dollars that are settled in the ledger, without those in doubt.
    pub fn settled(&self) -> i64 {
        self.rest();
        let sum =
            "SELECT coalesce(sum(amount_nanousd), 0)::bigint FROM categorize.ledger WHERE kind IN ('settle', 'adjust')";
        self.session().one(sum)
    }

    /// Nano-dollars that are reserved, in doubt or under way.
    pub fn reserved(&self) -> i64 {
        self.session().one("SELECT coalesce(sum(amount_nanousd), 0)::bigint FROM categorize.reservation")
    }

    /// Process id of the gateway, once it is there.
    pub fn gateway(&self) -> i32 {
        let mut pid = None;
        eventually("a gateway", 20, || {
            pid = self.gateways().pop();
            pid.is_some()
        });
        pid.expect("it was found")
    }

    /// Process ids of the gateways of this database.
    pub fn gateways(&self) -> Vec<i32> {
        self.database.cluster.connect("postgres").column(&format!(
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_categorize gateway' AND datname = '{}'",
            self.database.name
        ))
    }
}
