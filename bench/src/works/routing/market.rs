//! A cluster of its own with a taxonomy that several fake providers answer for.

use crate::bench::step;
use crate::works::gateway::SETTINGS;
use pg_categorize_e2e::{Cluster, Database, Session, eventually};
use pg_categorize_fake_llm::{Confidence, Config, FakeLlm, Latency, Model};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The model that is asked first, and its price in dollars for a million tokens: input, cached input, output.
pub const CHEAP: (&str, [f64; 3]) = ("gpt-6-luna", [0.10, 0.01, 0.50]);

/// The model that decides where that one is not sure, at ten times the price.
pub const STRONG: (&str, [f64; 3]) = ("gpt-6-sol", [1.00, 0.10, 5.00]);

/// What the fake provider knows of both: how often each errs, its price, and how long it thinks.
pub fn pair([cheap, strong]: [f64; 2]) -> BTreeMap<String, Model> {
    let model = |error_rate: f64, times: i64, latency_ms: u64| Model {
        input: 100_000_000 * times,
        cached_input: 10_000_000 * times,
        cache_write: 125_000_000 * times,
        cache_write_long: 250_000_000 * times,
        output: 500_000_000 * times,
        error_rate: Some(error_rate),
        confidence: Confidence::Calibrated,
        latency: Some(Latency::Lognormal(Duration::from_millis(latency_ms), 0.3)),
    };
    let models = [(CHEAP.0, model(cheap, 1, 200)), (STRONG.0, model(strong, 10, 400))];
    models.map(|(name, model)| (name.to_owned(), model)).into()
}

/// Settings of a provider that speaks as OpenAI does, at an address that is not OpenAI's.
pub const LIKE_OPENAI: &str =
    r#""max_tokens_field": "max_completion_tokens", "instruction_role": "developer", "openai_extras": true"#;

/// Of a taxonomy whose free tiers know nothing but what was paid for or corrected.
pub const PAID_ONLY: &str = r#""tiers": ["correction", "cache", "llm"]"#;

/// What a session begins with: no call of a benchmark ends because its session had no patience.
const SESSION: &str = "SET categorize.timeout_ms = '30min'";

/// A database whose titles providers answer.
pub struct Market {
    // Before the providers: the gateway ends first.
    database: Database,
    /// The providers, in the order in which they came.
    pub providers: Vec<FakeLlm>,
}

/// What was said of one title.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The category, if there is one.
    pub category: Option<String>,
    /// How sure that is.
    pub confidence: f64,
    /// What the model itself said of that.
    pub raw: Option<f64>,
    /// What it cost, in US dollars.
    pub cost: f64,
    /// Whether a strong model said it.
    pub upgraded: bool,
    /// Why there is none.
    pub reason: Option<String>,
    /// Who said it.
    pub provider: Option<String>,
}

impl Market {
    /// One without providers.
    pub fn open() -> Self {
        let cluster = step("starting a cluster whose commits are durable", || {
            SETTINGS.iter().fold(Cluster::builder(), |builder, line| builder.conf(line)).start()
        });
        let database = Arc::new(cluster).extended("market");
        // No budget is in the way, but each request is reserved and settled.
        database.session().run("SELECT categorize.set_budget('database', 1000000, 'day', per_request_usd => 100)");
        let market = Self { database, providers: Vec::new() };
        for (model, [input, cached, output]) in [CHEAP, STRONG] {
            market.run(&format!(
                "SELECT categorize.set_price('{model}', {input}, {output}, cached_input_usd => {cached})"
            ));
        }
        market
    }

    /// Adds a provider; `path` follows its address, `settings` are members of a JSON object.
    pub fn add(&mut self, name: &str, kind: &str, path: &str, config: Config, settings: &str) {
        let provider = FakeLlm::spawn(config);
        let url = provider.url();
        self.providers.push(provider);
        self.run(&format!(
            "SELECT categorize.add_provider('{name}', '{kind}', '{url}{path}', settings => '{{{settings}}}')"
        ));
    }

    /// Makes a taxonomy and makes it known how it is asked about; members of a JSON object.
    pub fn taxonomy(&self, name: &str, categories: &[String], settings: &str) {
        let create = "SELECT categorize.create_taxonomy($1, $2)";
        self.session().execute(create, &[&name, &categories]).unwrap_or_else(|e| panic!("{create}: {e}"));
        self.run(&format!("SELECT categorize.configure('{name}', '{{{settings}}}')"));
    }

    /// Runs statements in a session of their own.
    pub fn run(&self, sql: &str) {
        self.session().run(sql);
    }

    /// A session that has patience.
    pub fn session(&self) -> Session {
        let mut session = self.database.session();
        session.run(SESSION);
        session
    }

    /// Asks for the categories of these titles in one statement.
    pub fn ask(&self, taxonomy: &str, titles: &[&str]) -> Vec<Answer> {
        ask(&mut self.session(), taxonomy, titles)
    }

    /// Ends the gateway, which calibrates what is known of models when it starts again.
    pub fn restart_gateway(&self) {
        let mut session = self.session();
        let gateway =
            "FROM pg_stat_activity WHERE backend_type = 'pg_categorize gateway' AND datname = current_database()";
        session.run(&format!("SELECT pg_terminate_backend(pid) {gateway}"));
        eventually("the end of the gateway", 20, || session.one::<i64>(&format!("SELECT count(*) {gateway}")) == 0);
    }

    /// Waits until no attempt is under way any more.
    pub fn quiet(&self) {
        let mut session = self.session();
        let open = "SELECT count(*) FROM categorize.reservation WHERE state = 'open'";
        eventually("the end of all attempts", 120, || session.one::<i64>(open) == 0);
    }
}

/// Asks for the categories of these titles in one statement.
pub fn ask(session: &mut Session, taxonomy: &str, titles: &[&str]) -> Vec<Answer> {
    let sql = "SELECT category, coalesce(confidence, 0)::float8, (evidence ->> 'raw_confidence')::float8,
                      coalesce(cost_usd, 0)::float8, coalesce(upgraded, false), reason, provider
                 FROM categorize_many($1, $2) ORDER BY ordinality";
    let rows = session.query(sql, &[&titles, &taxonomy]).unwrap_or_else(|e| panic!("{sql}: {e}"));
    assert_eq!(rows.len(), titles.len(), "rows that are missing");
    let answer = |row: &postgres::Row| Answer {
        category: row.get(0),
        confidence: row.get(1),
        raw: row.get(2),
        cost: row.get(3),
        upgraded: row.get(4),
        reason: row.get(5),
        provider: row.get(6),
    };
    rows.iter().map(answer).collect()
}

/// Asserts that every title has an answer, right or wrong: without any, every figure would look good.
pub fn check(what: &str, answers: &[Answer]) {
    let open: Vec<_> = answers.iter().filter(|answer| answer.category.is_none()).collect();
    let reason = open.first().and_then(|answer| answer.reason.as_deref()).unwrap_or("no reason");
    // A model may say that none fits.
    let refused = open.iter().filter(|answer| answer.reason.as_deref() != Some("none_of_these")).count();
    assert!(refused == 0, "{what}: {refused} titles without an answer, the first for {reason}");
    assert!(open.len() * 100 <= answers.len(), "{what}: none fits {} titles", open.len());
}
