//! Cheap first, strong when needed: who decides, what it costs, and what is kept where no strong model can.

use crate::support::{Shop, builder, shop, shop_in};
use pg_categorize_e2e::{Session, eventually};
use pg_categorize_fake_llm::{Config, Latency, Model, Outage};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const STRONG: &str = "gpt-6-sol";

/// A fake whose cheap model errs often and knows it, and whose strong one never errs.
fn pair() -> Config {
    let cheap = Model { error_rate: Some(0.4), ..Model::default() };
    let strong = Model { error_rate: Some(0.0), input: 1_000_000_000, output: 5_000_000_000, ..Model::default() };
    let models = BTreeMap::from([("gpt-6-luna".to_owned(), cheap), (STRONG.to_owned(), strong)]);
    let labels = (0..100).map(|i| (format!("title {i}"), if i % 3 == 0 { "Toys" } else { "Tools" }.to_owned()));
    Config { models, labels: Arc::new(labels.collect()), ..Config::default() }
}

/// Has the strong model decide where the cheap one is not sure.
fn upgrade(shop: &Shop) -> Session {
    let mut session = shop.session();
    session.run(&format!("SELECT categorize.set_price('{STRONG}', 1, 5)"));
    session.run(&format!(
        r#"SELECT categorize.configure('shop', '{{"models": {{"strong": "{STRONG}"}}, "pack_wait_ms": 5}}')"#
    ));
    session
}

const TITLES: &str = "array(SELECT 'title ' || i FROM generate_series(0, 99) i)";

#[test]
fn what_the_cheap_model_is_not_sure_of_the_strong_one_decides() {
    let shop = shop("upgraded", pair());
    let mut session = upgrade(&shop);
    let right = "category = CASE WHEN substr(input, 7)::int % 3 = 0 THEN 'Toys' ELSE 'Tools' END";
    let (all, upgraded, wrong, cost): (i64, i64, i64, i64) = {
        let row = session
            .query_one(
                &format!(
                    "SELECT count(category), count(*) FILTER (WHERE upgraded), count(*) FILTER (WHERE NOT ({right})),
                            (sum(cost_usd) * 1e9)::bigint
                       FROM categorize_many({TITLES})"
                ),
                &[],
            )
            .unwrap();
        (row.get(0), row.get(1), row.get(2), row.get(3))
    };
    assert_eq!(all, 100);
    // The cheap one would have erred forty times, and was not sure of most of those.
    assert!((30..90).contains(&upgraded) && wrong < 20, "{upgraded} upgraded, {wrong} wrong");
    assert_eq!((cost, shop.settled(), shop.reserved()), (shop.charged(), shop.charged(), 0));
    // What is kept says who decided, and what of.
    let requests = shop.model.account().requests;
    let kept = "SELECT count(*) FROM categorize_many({T}) WHERE source = 'cache' AND upgraded = (model = 'gpt-6-sol')
                   AND evidence ->> 'confidence_source' = 'self_reported' AND evidence ? 'raw_confidence'";
    assert_eq!(session.one::<i64>(&kept.replace("{T}", TITLES)), 100);
    assert_eq!(shop.model.account().requests, requests);
    assert_eq!(session.one::<i64>("SELECT count(*) FROM categorize.unsure_answer"), 0);
    // Each upgrade says whether the cheap one was right.
    let observed = "SELECT count(*) FROM categorize.confidence_observation WHERE said_by = 'strong_model' AND model = 'gpt-6-luna'";
    assert_eq!(session.one::<i64>(observed), upgraded);
    let rate: f64 =
        session.one("SELECT upgrade_rate::float8 FROM categorize.provider_health WHERE model = 'gpt-6-luna'");
    assert!((rate - upgraded as f64 / 100.0).abs() < 0.001, "{rate}");
}

#[test]
fn a_model_that_proves_right_is_upgraded_no_more_within_a_minute() {
    let models =
        ["gpt-6-luna", STRONG].map(|name| (name.to_owned(), Model { error_rate: Some(0.0), ..Model::default() }));
    let labels = (0..200).map(|i| (format!("title {i}"), if i % 3 == 0 { "Toys" } else { "Tools" }.to_owned()));
    let config = Config { models: models.into(), labels: Arc::new(labels.collect()), ..Config::default() };
    let shop = shop("proves", config);
    let mut session = upgrade(&shop);
    // It says nothing of its confidence, which is therefore assumed to be below the threshold.
    session.run(r#"SELECT categorize.set_model('gpt-6-luna', 'openai', '{"mode": "text"}')"#);
    let mut upgraded = |from: usize| -> i64 {
        let titles = format!("array(SELECT 'title ' || i FROM generate_series({from}, {}) i)", from + 99);
        session.one(&format!("SELECT count(*) FILTER (WHERE upgraded) FROM categorize_many({titles})"))
    };
    // Forty say as much as twenty people would: perhaps they come before the last of the hundred is asked about.
    let first = upgraded(0);
    assert!((40..=100).contains(&first), "{first} were upgraded");
    shop.rest();
    assert_eq!(upgraded(100), 0, "what the strong model said of the first is not used");
}

#[test]
fn an_answer_that_waits_for_a_strong_model_survives_the_gateway() {
    let slow = Model { latency: Some(Latency::Fixed(Duration::from_secs(30))), ..Model::default() };
    let unsure = Model { error_rate: Some(1.0), ..Model::default() };
    let models = BTreeMap::from([("gpt-6-luna".to_owned(), unsure), (STRONG.to_owned(), slow)]);
    let labels = Arc::new((0..100).map(|i| (format!("title {i}"), "Toys".to_owned())).collect());
    let cluster = Arc::new(builder().conf("restart_after_crash = on").start());
    let shop = shop_in(&cluster, "survives", Config { models, labels, ..Config::default() });
    let mut session = upgrade(&shop);
    session.run(r#"SELECT categorize.configure('shop', '{"upgrade_threshold": 1}')"#);
    let gateway = {
        let mut asking = shop.session();
        let asked = std::thread::spawn(move || _ = asking.batch_execute("SELECT categorize('title 1')"));
        eventually("the cheap answer is kept", 20, || {
            session.one::<i64>("SELECT count(*) FROM categorize.unsure_answer") == 1
        });
        let gateway = shop.gateway();
        cluster.kill(gateway);
        asked.join().unwrap();
        gateway
    };
    eventually("the server is back", 60, || Session::open(&cluster.config("survives")).is_ok());
    // The next gateway finds it, and nobody pays for the cheap model again.
    let mut session = shop.session();
    eventually("the cheap answer counts", 20, || {
        _ = session.batch_execute("SELECT categorize('title 2')");
        session.one::<i64>("SELECT count(*) FROM categorize.cache WHERE input = 'title 1'") == 1
    });
    assert_ne!(shop.gateway(), gateway);
    assert_eq!(session.text("SELECT source FROM categorize_detail('title 1')").as_deref(), Some("cache"));
}

#[test]
fn where_the_strong_model_is_down_the_cheap_answer_counts() {
    let shop = shop("cheap_only", pair());
    let mut session = shop.session();
    // A strong model that nobody has a price for is not asked.
    session.run(&format!(r#"SELECT categorize.configure('shop', '{{"models": {{"strong": "{STRONG}"}}}}')"#));
    let answered: i64 =
        session.one(&format!("SELECT count(category) FROM categorize_many({TITLES}) WHERE NOT upgraded"));
    assert_eq!(answered, 100);
    shop.rest();
    assert_eq!(session.one::<i64>("SELECT count(*) FROM categorize.unsure_answer"), 0);
    assert_eq!(session.one::<i64>("SELECT count(*) FROM categorize.cache WHERE origin = 'llm'"), 100);
    // Nor is one asked that the taxonomy does not want.
    let mut session = upgrade(&shop);
    session.run(r#"SELECT categorize.configure('shop', '{"upgrade": "never"}')"#);
    assert!(!session.one::<bool>("SELECT upgraded FROM categorize_detail('another title')"));
}

#[test]
fn models_are_asked_why_where_the_taxonomy_wants_it() {
    let shop = shop("reasons", pair());
    let mut session = upgrade(&shop);
    let why = |session: &mut Session, from: usize| -> (i64, i64) {
        let titles = format!("array(SELECT 'title ' || i FROM generate_series({from}, {from} + 29) i)");
        let row = session.query_one(
            &format!(
                "SELECT count(evidence ->> 'rationale') FILTER (WHERE upgraded),
                        count(evidence ->> 'rationale') FILTER (WHERE NOT upgraded)
                   FROM categorize_many({titles}) WHERE category IS NOT NULL"
            ),
            &[],
        );
        let row = row.unwrap();
        (row.get(0), row.get(1))
    };
    assert_eq!(why(&mut session, 0), (0, 0));
    session.run(r#"SELECT categorize.configure('shop', '{"rationale": "strong"}')"#);
    let (strong, cheap) = why(&mut session, 30);
    assert!(strong > 0 && cheap == 0, "{strong}, {cheap}");
    session.run(r#"SELECT categorize.configure('shop', '{"rationale": "always"}')"#);
    let (strong, cheap) = why(&mut session, 60);
    assert_eq!(strong + cheap, 30);
    // It is kept with the answer.
    shop.rest();
    let kept = "SELECT evidence ->> 'rationale' IS NOT NULL FROM categorize_detail('title 70') WHERE source = 'cache'";
    assert!(session.one::<bool>(kept));
    assert_eq!((shop.settled(), shop.reserved()), (shop.charged(), 0));
}

#[test]
fn what_is_complex_goes_to_the_strong_model_at_once() {
    let shop = shop("straight", pair());
    let mut session = upgrade(&shop);
    session.run(r#"SELECT categorize.configure('shop', '{"straight_to_strong": 0}')"#);
    assert!(session.one::<bool>("SELECT upgraded AND model = 'gpt-6-sol' FROM categorize_detail('title 1')"));
    shop.rest();
    assert_eq!(session.one::<i64>("SELECT count(*) FROM categorize.ledger WHERE model = 'gpt-6-luna'"), 0);
}

#[test]
fn what_people_correct_changes_what_confidence_is_worth() {
    let shop = shop("calibrated", pair());
    let mut session = shop.session();
    session.run(&format!("SELECT count(*) FROM categorize_many({TITLES})"));
    shop.rest();
    let before: f32 = session.one("SELECT max(confidence) FROM categorize.cache WHERE origin = 'llm'");
    // Whatever the model said: half of it is wrong.
    session.run(&format!(
        "SELECT categorize.correct_many($$ SELECT input, CASE WHEN ordinality % 2 = 0 THEN category
                                      WHEN category = 'Toys' THEN 'Tools' ELSE 'Toys' END
                                 FROM categorize_many({TITLES}) $$)"
    ));
    assert_eq!(
        session
            .one::<i64>("SELECT count(*) FROM categorize.confidence_observation WHERE said_by = 'person' AND is_right"),
        50
    );
    // A new gateway reads them at once.
    session.run(&format!("SELECT pg_terminate_backend({})", shop.gateway()));
    eventually("the gateway has gone", 20, || shop.gateways().is_empty());
    let after: f32 = session
        .one("SELECT max(confidence) FROM categorize_many(array(SELECT 'new ' || i FROM generate_series(1, 50) i))");
    assert!(after < before - 0.1, "{before} before, {after} after");
}

#[test]
fn a_provider_that_dies_is_replaced_by_the_next() {
    let cluster = Arc::new(builder().start());
    let shop = shop_in(&cluster, "failover", Config::default());
    let other = pg_categorize_fake_llm::FakeLlm::spawn(Config::default());
    let mut session = shop.session();
    session.run(&format!(
        "SELECT categorize.add_provider('second', 'openai', '{}/v1', settings => '{{\"priority\": 1}}')",
        other.url()
    ));
    let ask = |session: &mut Session, what: &str| -> Vec<Option<String>> {
        session.column(&format!(
            "SELECT provider FROM categorize_many(array(SELECT '{what} ' || i FROM generate_series(1, 200) i))"
        ))
    };
    let of = |name: &str, providers: &[Option<String>]| providers.iter().flatten().filter(|p| *p == name).count();
    assert_eq!(of("fake", &ask(&mut session, "before")), 200);
    shop.model.down(Outage::Refuse);
    assert_eq!(of("second", &ask(&mut session, "without")), 200);
    let failures: i64 = session.one("SELECT failures FROM categorize.provider_health WHERE provider = 'fake'");
    assert!(failures <= 30, "{failures}");
}

/// The same titles through another API, by the same fake.
fn asked_through(name: &str, kind: &str, path: &str, model: &str) {
    let shop = shop(name, pair());
    let mut session = shop.session();
    session.run("SELECT categorize.drop_provider('fake')");
    session.run(&format!("SELECT categorize.set_price('{model}', 0.10, 0.50, cached_input_usd => 0.01)"));
    session.run(&format!("SELECT categorize.add_provider('it', '{kind}', '{}{path}')", shop.model.url()));
    let answered: i64 =
        session.one(&format!("SELECT count(category) FROM categorize_many({TITLES}) WHERE model = '{model}'"));
    assert_eq!(answered, 100);
    assert_eq!((shop.settled(), shop.reserved()), (shop.charged(), 0));
}

#[test]
fn anthropic_answers() {
    asked_through("anthropic", "anthropic", "", "claude-haiku-5-5");
}

#[test]
fn gemini_answers() {
    asked_through("gemini", "gemini", "/v1beta", "gemini-2.5-flash-lite");
}
