//! What is paid for teaches: it makes a training due, and is a neighbour of what comes next.

use crate::support::{builder, shop, shop_in};
use pg_categorize_e2e::{Tools, eventually};
use pg_categorize_fake_llm::Config;
use std::collections::HashMap;
use std::sync::Arc;

/// Toys and tools, of which the provider knows what they are.
fn labels() -> HashMap<String, String> {
    let colours = ["red", "blue", "green", "white", "black", "brown", "yellow", "pink"];
    let toys = ["teddy bear", "toy train", "doll house", "wooden puzzle"].map(|thing| (thing, "Toys"));
    let tools = ["claw hammer", "steel wrench", "hand saw", "cordless drill"].map(|thing| (thing, "Tools"));
    let things = toys.into_iter().chain(tools);
    things.flat_map(|(thing, label)| colours.map(|colour| (format!("{colour} {thing}"), label.to_owned()))).collect()
}

fn config() -> Config {
    Config { labels: Arc::new(labels()), ..Config::default() }
}

/// All that the provider knows, as an array.
fn titles() -> String {
    let mut titles: Vec<String> = labels().into_keys().map(|title| format!("'{title}'")).collect();
    titles.sort();
    format!("ARRAY[{}]", titles.join(","))
}

#[test]
fn paid_answers_make_a_training_due() {
    let cluster = Arc::new(builder().conf("categorize.train_after_growth = 25").start());
    let shop = shop_in(&cluster, "taught", config());
    let mut session = shop.session();
    // A taxonomy that asks its model, but is sure of nothing yet.
    session.run(r#"SELECT categorize.configure('shop', '{"tiers": ["correction", "cache", "local_model", "llm"], "local_model_threshold": 1}')"#);
    session.run(&format!("SELECT count(*) FROM categorize_many({})", titles()));
    // Who waits is told at once; it is stored a moment later.
    let stored = "SELECT count(*) FROM categorize.cache WHERE origin = 'llm'";
    eventually("all answers are stored", 30, || session.one::<i64>(stored) == 64);
    eventually("a model was trained", 60, || {
        session.one::<i64>("SELECT count(*) FROM categorize.local_model WHERE trained_by IS NULL") == 1
    });
    assert_eq!(session.one::<i32>("SELECT examples FROM categorize.local_model"), 64);
    cluster.assert_tidy();
}

#[test]
fn paid_answers_are_neighbours_of_what_comes_next() {
    if !Tools::from_env().share().join("extension/vector.control").exists() {
        println!("skipped: the server has no pgvector");
        return;
    }
    let shop = shop("paid_neighbours", config());
    let mut session = shop.session();
    session.run("CREATE EXTENSION vector");
    session.run(r#"SELECT categorize.configure('shop', '{"tiers": ["correction", "cache", "similarity", "llm"], "similarity_threshold": 0.7}')"#);
    session.run(&format!("SELECT count(*) FROM categorize_many(({})[1:32])", titles()));
    let known = "SELECT count(*) FROM categorize.suggest('teddy bear', 100)";
    // Nobody taught anything: the gateway has the index built.
    let built = "SELECT count(*) FROM categorize.embedding_index WHERE state = 'ready'";
    eventually("the index is built", 30, || session.one::<i64>(built) == 1);
    eventually("all that was paid for has its vector", 30, || session.one::<i64>(known) >= 25);
    // From now on vectors are stored with the answers.
    session.run(&format!("SELECT count(*) FROM categorize_many({})", titles()));
    shop.rest();
    let vectors: String = session.one("SELECT 'SELECT count(*) FROM categorize.embedding_' || id FROM categorize.embedding_index WHERE state = 'ready'");
    let paid: i64 = session.one("SELECT count(*) FROM categorize.cache WHERE origin = 'llm'");
    eventually("they are stored", 5, || session.one::<i64>(&vectors) == paid);
    let requests = shop.model.account().requests;
    let answer =
        "SELECT concat_ws(' ', category, source, origin, cost_usd) FROM categorize_detail('purple teddy bear')";
    assert_eq!(session.text(answer).as_deref(), Some("Toys similarity llm 0"));
    assert_eq!(shop.model.account().requests, requests);
}
