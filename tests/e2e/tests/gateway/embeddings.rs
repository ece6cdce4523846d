//! Vectors that a provider makes: bought in the background, once, within the budget, and served when all are there.

use crate::support::{Shop, builder, shop, shop_in};
use pg_categorize_e2e::{Session, Tools, eventually};
use pg_categorize_fake_llm::{Config, Latency};
use std::time::Duration;

const MODEL: &str = "fake:text-embedding-3-small@256";

/// A shop with so many taught titles, whose similar texts may answer; none without pgvector beside the server.
pub fn stocked(shop: Shop, titles: i32) -> Option<(Shop, Session)> {
    if !Tools::from_env().share().join("extension/vector.control").exists() {
        println!("skipped: the server has no pgvector");
        return None;
    }
    let mut session = shop.session();
    session.run("CREATE EXTENSION vector");
    session.run(r#"SELECT categorize.configure('shop', '{"tiers": ["correction", "cache", "similarity", "llm"]}')"#);
    session.run("SELECT categorize.set_price('text-embedding-3-small', 0.10, 0)");
    teach(&mut session, 1, titles);
    Some((shop, session))
}

fn teach(session: &mut Session, first: i32, last: i32) {
    session.run(&format!(
        "SELECT categorize.learn($$ SELECT 'cotton toy bear of size ' || i, 'Toys' FROM generate_series({first}, {last}) i $$)"
    ));
}

pub fn embed_by(session: &mut Session, model: &str) {
    session.run(&format!(r#"SELECT categorize.configure('shop', '{{"embedding": "{model}"}}')"#));
}

fn state(session: &mut Session, model: &str) -> String {
    let sql = format!("SELECT state FROM categorize.embedding_status WHERE taxonomy = 'shop' AND model = '{model}'");
    session.column::<String>(&sql).pop().unwrap_or_else(|| "none".to_owned())
}

pub fn await_state(session: &mut Session, model: &str, expected: &str) {
    eventually(&format!("{model} is {expected}"), 60, || state(session, model) == expected);
}

fn rows_done(session: &mut Session) -> i64 {
    let sql =
        format!("SELECT coalesce(sum(rows_done), 0)::bigint FROM categorize.embedding_status WHERE model = '{MODEL}'");
    session.one(&sql)
}

fn detail(session: &mut Session, title: &str) -> String {
    session.one_of("SELECT detail FROM categorize.explain($1) WHERE tier = 'similarity'", &[&title])
}

#[test]
fn vectors_are_bought_once_and_are_in_the_ledger() {
    let Some((shop, mut session)) = stocked(shop("vectors", Config::default()), 40) else { return };
    await_state(&mut session, "minilm-256", "ready");
    embed_by(&mut session, MODEL);
    await_state(&mut session, MODEL, "ready");
    eventually("the table is the only one that answers", 30, || state(&mut session, "minilm-256") == "none");
    assert_eq!(shop.model.account().texts_embedded, 40);
    assert_eq!(shop.settled(), shop.charged());
    let told = "SELECT rows, rows_done, (cost_usd * 1000000000)::bigint FROM categorize.embedding_status";
    let row = session.query_one(told, &[]).expect("a row");
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1), row.get::<_, i64>(2)), (40, 40, shop.charged()));
    let spent = "SELECT (spent_usd * 1000000000)::bigint FROM categorize.spend
                  WHERE provider = 'fake' AND model = 'text-embedding-3-small' AND taxonomy = 'shop'
                    AND application_name = 'pg_categorize embeddings'";
    assert_eq!(session.one::<i64>(spent), shop.charged());
    // What is taught later gets its vectors, too.
    teach(&mut session, 41, 60);
    eventually("later texts have vectors", 60, || rows_done(&mut session) == 60);
    assert_eq!(shop.model.account().texts_embedded, 60);
    // A backend buys nothing: it says so, and a language model answers.
    let said = detail(&mut session, "wool toy bear of size 7");
    assert!(said.contains("buys no vectors"), "{said}");
    let near = session.column::<String>("SELECT text FROM categorize.suggest('cotton toy bear of size 61', 3, 'shop')");
    assert_eq!(near.len(), 3);
    assert_eq!(shop.model.account().texts_embedded, 60, "a suggestion spends nothing");
}

#[test]
fn a_budget_that_is_spent_in_the_middle_holds_the_rest() {
    let Some((shop, mut session)) = stocked(shop("vectors_budget", Config::default()), 600) else { return };
    // The worst case of 256 titles is some 1.2 millidollars, of which a sixth is charged: the second pack has too little.
    session.run("SELECT categorize.set_budget('database', 0.00125)");
    embed_by(&mut session, MODEL);
    await_state(&mut session, MODEL, "held");
    let held = format!("SELECT reason FROM categorize.embedding_status WHERE model = '{MODEL}'");
    assert_eq!(session.text(&held).as_deref(), Some("budget_exceeded"));
    let before = rows_done(&mut session);
    assert!((1..600).contains(&before), "{before} vectors");
    assert!(shop.settled() <= 1_250_000);
    session.run("SELECT categorize.set_budget('database', 1)");
    teach(&mut session, 601, 601);
    await_state(&mut session, MODEL, "ready");
    assert_eq!((rows_done(&mut session), shop.model.account().texts_embedded), (601, 601));
    assert_eq!(shop.settled(), shop.charged());
}

#[test]
fn who_misses_vectors_that_cannot_be_bought_starts_no_indexer() {
    let Some((shop, mut session)) = stocked(shop("vectors_held", Config::default()), 0) else { return };
    session.run("SELECT categorize.set_budget('database', 0)");
    // The one that the change of tiers has started would else index what is taught by the table.
    eventually("no indexer is at work", 30, || indexers(&mut session) == 0);
    embed_by(&mut session, MODEL);
    teach(&mut session, 1, 20);
    await_state(&mut session, MODEL, "held");
    let said = detail(&mut session, "wool toy bear of size 7");
    assert!(said.contains("has not bought all vectors"), "{said}");
    eventually("no indexer is at work", 30, || indexers(&mut session) == 0);
    // Each of them would start one.
    let mut readers: Vec<Session> = (0..20).map(|_| shop.session()).collect();
    let mut most = 0;
    for reader in &mut readers {
        detail(reader, "wool toy bear of size 8");
        most = most.max(indexers(&mut session));
    }
    assert_eq!(most, 0);
    // With money all of it is bought, and an indexer has it answer.
    session.run("SELECT categorize.set_budget('database', 1)");
    await_state(&mut session, MODEL, "ready");
    assert_eq!(rows_done(&mut session), 20);
}

fn indexers(session: &mut Session) -> i64 {
    session.one(
        "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_categorize indexer' AND datname = current_database()",
    )
}

#[test]
fn a_kill_in_the_middle_loses_no_vector_that_is_stored() {
    let cluster = std::sync::Arc::new(builder().start());
    cluster.connect("postgres").run("CREATE EXTENSION pg_categorize");
    let slow = Config { latency: Latency::Fixed(Duration::from_millis(700)), ..Config::default() };
    let Some((shop, mut session)) = stocked(shop_in(&cluster, "vectors_killed", slow), 1000) else { return };
    await_state(&mut session, "minilm-256", "ready");
    embed_by(&mut session, MODEL);
    eventually("some vectors are there", 60, || rows_done(&mut session) > 1);
    cluster.kill(shop.gateway());
    eventually("the server has noticed", 60, || cluster.log().contains("all server processes terminated"));
    let mut again = None;
    eventually("the server is back", 60, || {
        let Ok(mut client) = cluster.config("vectors_killed").connect(postgres::NoTls) else { return false };
        let back = client.simple_query("SELECT 1").is_ok();
        again = Some(client);
        back
    });
    drop(again);
    let mut session = shop.session();
    // The former embedding answers until all are there.
    assert_eq!(state(&mut session, "minilm-256"), "ready");
    teach(&mut session, 1001, 1001);
    await_state(&mut session, MODEL, "ready");
    assert_eq!(rows_done(&mut session), 1001);
    // What was under way was bought twice at most, and is in doubt; the rest was bought once.
    let embedded = shop.model.account().texts_embedded;
    assert!((1001..=1001 + 256).contains(&embedded), "{embedded} texts");
    let doubtful = shop.reserved();
    assert!(shop.settled() <= shop.charged() && shop.charged() <= shop.settled() + doubtful);
}

#[test]
fn who_switches_back_and_forth_pays_once() {
    let Some((shop, mut session)) = stocked(shop("vectors_switch", Config::default()), 50) else { return };
    embed_by(&mut session, MODEL);
    await_state(&mut session, MODEL, "ready");
    embed_by(&mut session, "static");
    await_state(&mut session, "minilm-256", "ready");
    await_state(&mut session, MODEL, "kept");
    teach(&mut session, 51, 55);
    embed_by(&mut session, MODEL);
    await_state(&mut session, MODEL, "ready");
    assert_eq!((rows_done(&mut session), shop.model.account().texts_embedded), (55, 55));
    assert_eq!(shop.settled(), shop.charged());
}

#[test]
fn what_cannot_be_bought_says_why() {
    let Some((shop, mut session)) = stocked(shop("vectors_refused", Config::default()), 20) else { return };
    await_state(&mut session, "minilm-256", "ready");
    session.refused("22023", r#"SELECT categorize.configure('shop', '{"embedding": "nobody:m"}')"#);
    session.refused("22023", r#"SELECT categorize.configure('shop', '{"embedding": "fake:gpt-6-luna"}')"#);
    session.refused("22023", r#"SELECT categorize.configure('shop', '{"embedding": "fake:m@4001"}')"#);
    // What we ship is the price of the official host.
    embed_by(&mut session, "fake:text-embedding-3-large@256");
    await_state(&mut session, "fake:text-embedding-3-large@256", "held");
    assert_eq!(
        session.text("SELECT reason FROM categorize.embedding_status WHERE state = 'held'").as_deref(),
        Some("unknown_price")
    );
    session.run(r#"SELECT categorize.configure('shop', '{"allow_external": false}')"#);
    embed_by(&mut session, MODEL);
    await_state(&mut session, MODEL, "held");
    assert_eq!(
        session.text("SELECT reason FROM categorize.embedding_status WHERE state = 'held'").as_deref(),
        Some("external_off")
    );
    session.run("SELECT categorize.drop_provider('fake')");
    session.run(r#"SELECT categorize.configure('shop', '{"allow_external": true}')"#);
    eventually("no provider is left", 90, || {
        session.text("SELECT reason FROM categorize.embedding_status WHERE state = 'held'").as_deref()
            == Some("no_provider")
    });
    // All the while the former embedding answers, and nothing was spent.
    assert_eq!(state(&mut session, "minilm-256"), "ready");
    assert_eq!(shop.model.account().texts_embedded, 0);
}

#[test]
fn vectors_whose_purchase_cannot_be_booked_at_once_are_bought_once() {
    let Some((shop, mut session)) = stocked(shop("vectors_unbooked", Config::default()), 40) else { return };
    await_state(&mut session, "minilm-256", "ready");
    // The transactions that book the first purchase fail, and no others.
    session.run(
        "CREATE SEQUENCE public.bookings;
         CREATE FUNCTION public.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             IF nextval('public.bookings') <= 2 THEN RAISE 'not now'; END IF; RETURN new; END $$;
         CREATE TRIGGER fail BEFORE INSERT ON categorize.ledger FOR EACH ROW WHEN (new.kind = 'settle')
             EXECUTE FUNCTION public.fail()",
    );
    embed_by(&mut session, MODEL);
    await_state(&mut session, MODEL, "ready");
    assert!(session.one::<i64>("SELECT last_value FROM public.bookings") > 2);
    eventually("all is booked", 20, || (shop.settled(), shop.reserved()) == (shop.charged(), 0));
    assert_eq!((rows_done(&mut session), shop.model.account().texts_embedded), (40, 40));
    let cost = "SELECT (cost_usd * 1000000000)::bigint FROM categorize.embedding_status";
    assert_eq!(session.one::<i64>(cost), shop.charged());
}
