//! What keeps money together: near-duplicates that share an answer, and the soft ratio of a budget.

use crate::support::shop;
use pg_categorize_e2e::Session;
use pg_categorize_fake_llm::{Config, Latency};
use std::time::Duration;

/// What a title costs, in nano-dollars.
fn cost(session: &mut Session, title: &str) -> i64 {
    let sql = format!("SELECT (cost_usd * 1e9)::bigint FROM categorize_detail('{title}') WHERE category IS NOT NULL");
    session.one(&sql)
}

#[test]
fn near_duplicates_of_two_sessions_are_paid_once() {
    let shop = shop("near_duplicates", Config::default());
    // It is an explicit choice.
    assert!(cost(&mut shop.session(), "green shoe 41") > 0);
    assert!(cost(&mut shop.session(), "Shoe, GREEN 41!") > 0);
    shop.session().run(r#"SELECT categorize.configure('shop', '{"near_duplicates": true}')"#);
    assert!(cost(&mut shop.session(), "red shoe 42") > 0);
    assert_eq!(cost(&mut shop.session(), "Shoe, RED 42!"), 0);
    assert_eq!(shop.model.account().requests, 3);
    // Another number is another thing, and so is another place of the same digits.
    assert!(cost(&mut shop.session(), "red shoe 43") > 0);
    assert!(cost(&mut shop.session(), "red shoe 4 2") > 0);
    assert!(cost(&mut shop.session(), "red shoe") > 0);
    // Tenants share nothing.
    let mut other = shop.session();
    other.run("SELECT categorize.set_tenant('other', false)");
    assert!(cost(&mut other, "SHOE red 42") > 0);
    assert_eq!(shop.model.account().requests, 7);
    assert_eq!((shop.settled(), shop.reserved()), (shop.charged(), 0));
}

#[test]
fn near_duplicates_that_are_asked_at_once_are_paid_once() {
    let shop =
        shop("near_at_once", Config { latency: Latency::Fixed(Duration::from_millis(300)), ..Config::default() });
    shop.session().run(r#"SELECT categorize.configure('shop', '{"near_duplicates": true}')"#);
    let titles = ["blue hat 7", "hat blue 7", "Hat - BLUE - 7"];
    let costs: Vec<i64> = std::thread::scope(|threads| {
        let asked = titles.map(|title| threads.spawn(|| cost(&mut shop.session(), title)));
        asked.map(|session| session.join().unwrap()).into()
    });
    assert_eq!(costs.iter().filter(|cost| **cost > 0).count(), 1, "{costs:?}");
    assert_eq!((shop.settled(), shop.model.account().requests), (shop.charged(), 1));
}

#[test]
fn above_the_soft_ratio_only_what_nobody_can_guess_is_paid_for() {
    let shop = shop("soft", Config::default());
    let mut session = shop.session();
    // A guess is never sure enough, and fair from one half on.
    session.run(r#"SELECT categorize.configure('shop', '{"tiers": ["cache", "local_model", "llm"], "local_model_threshold": 1}')"#);
    let mut ask = |title: &str| {
        let sql = "SELECT source, coalesce(reason || ': ' || (evidence ->> 'detail'), '') FROM categorize_detail($1)";
        let row = session.query_one(sql, &[&title]).unwrap();
        (row.get::<_, String>(0), row.get::<_, String>(1))
    };
    let paid = ("llm".to_owned(), String::new());
    assert_eq!((ask("wooden toys"), ask("zxqv")), (paid.clone(), paid.clone()));
    shop.rest();
    let spent = shop.charged();
    let set = |ratio: f64| {
        // A thousandth of the limit is spent, which leaves room for what a request may cost.
        let limit = format!(
            "SELECT categorize.set_budget('taxonomy:shop', {} / 1e9::numeric, soft_ratio => {ratio})",
            spent * 1000
        );
        shop.session().run(&limit);
        shop.session().one::<bool>("SELECT soft FROM categorize.budget_status WHERE scope = 'taxonomy:shop'")
    };
    assert!(!set(0.0011));
    assert_eq!(ask("red toys"), paid);
    shop.rest();
    assert!(set(0.001));
    let refused =
        "budget_exceeded: The budget is above its soft ratio, and a free tier has a fair guess at this input.";
    for title in ["blue toys", "toys and tools"] {
        assert_eq!(ask(title), ("unresolved".to_owned(), refused.to_owned()), "{title}");
    }
    let requests = shop.model.account().requests;
    assert_eq!(ask("qwertz"), paid);
    assert_eq!(shop.model.account().requests, requests + 1);
    // The guess itself is there for who wants it.
    let mut other = shop.session();
    other.run("SET categorize.on_unresolved = best");
    assert_eq!(other.text("SELECT categorize('blue toys')").as_deref(), Some("Toys"));
    assert!(!set(1.0));
    assert_eq!(ask("blue toys"), paid);
    assert_eq!((shop.settled(), shop.reserved()), (shop.charged(), 0));
}
