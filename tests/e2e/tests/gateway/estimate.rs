//! What a statement is estimated to cost: told without buying anything, near to what it then costs, and refused where it is too
//! much.

use crate::support::{Shop, shop};
use pg_categorize_e2e::{Session, eventually};
use pg_categorize_fake_llm::Config;

/// A shop with 2,000 titles: 500 have a rule, 500 are known, 300 are one and the same that is known, and of 700 nothing is known.
fn stocked(name: &str) -> (Shop, Session) {
    let shop = shop(name, Config::default());
    let mut session = shop.session();
    session.run(r#"SELECT categorize.configure('shop', '{"tiers": ["correction", "rule", "cache", "llm"], "pack_wait_ms": 10}')"#);
    session.run(
        "CREATE TABLE item AS
             SELECT i AS id, CASE WHEN i <= 500 THEN 'ruled ' || i WHEN i <= 1000 THEN 'known thing number ' || i
                                  WHEN i <= 1300 THEN 'known thing' ELSE 'thing number ' || i END AS title
               FROM generate_series(1, 2000) i;
         ANALYZE item;
         SELECT categorize.add_rule('shop', '^ruled ', 'Tools');
         SELECT categorize.learn('SELECT DISTINCT title, ''Toys'' FROM item WHERE title LIKE ''known%''');",
    );
    (shop, session)
}

/// Dollars that a statement is estimated to cost, low and high.
fn estimated(session: &mut Session, sql: &str) -> (f64, f64) {
    let rows = session.query(
        "SELECT coalesce(sum(low_usd), 0)::float8, coalesce(sum(high_usd), 0)::float8 FROM categorize.estimate($1)",
        &[&sql],
    );
    let rows = rows.expect("an estimate");
    (rows[0].get(0), rows[0].get(1))
}

/// Nano-dollars as dollars.
fn dollars(nano: i64) -> f64 {
    nano as f64 / 1e9
}

/// Whether the low estimate is within this factor of what was paid, and the high one not below it.
fn is_near((low, high): (f64, f64), paid: f64, factor: f64) -> bool {
    low >= paid / factor && low <= paid * factor && high >= paid
}

#[test]
fn an_estimate_is_near_to_what_is_then_paid() {
    let (shop, mut session) = stocked("estimate_near");
    session.run("SET categorize.prefetch = on");
    let sql = "SELECT categorize(title) FROM item";
    // Nothing has been paid so far: by the bytes that are written.
    let told = estimated(&mut session, sql);
    assert_eq!(shop.model.account().requests, 0);
    session.run(sql);
    let account = shop.model.account();
    assert_eq!((account.titles_paid, account.second_payments), (700, 0));
    let paid = dollars(shop.settled());
    assert!(is_near(told, paid, 1.5), "{told:?}, and {paid} paid");
    // All is known now.
    let again = estimated(&mut session, sql);
    assert!(again.0 == 0.0 && again.1 < told.1 / 10.0, "{again:?}");

    // Others of their kind: by what these have cost.
    session
        .run("CREATE TABLE later AS SELECT 'later thing ' || i AS title FROM generate_series(1, 300) i; ANALYZE later");
    let sql = "SELECT count(*) FROM later WHERE categorize(title) = 'Toys'";
    let told = estimated(&mut session, sql);
    let before = shop.settled();
    session.run(sql);
    let paid = dollars(shop.settled() - before);
    assert_eq!(shop.model.account().titles_paid, 1000);
    assert!(is_near(told, paid, 1.3), "{told:?}, and {paid} paid");
}

#[test]
fn estimates_buy_nothing_and_tell_who_will_answer() {
    let (shop, mut session) = stocked("estimate_free");
    for prefetch in ["on", "off"] {
        session.run(&format!("SET categorize.prefetch = {prefetch}"));
        for sql in [
            "SELECT categorize(title) FROM item",
            "INSERT INTO item (title) SELECT categorize(title) FROM item",
            "UPDATE item SET title = categorize(title)",
            "CREATE TABLE more AS SELECT categorize(title) FROM item",
            "WITH c AS MATERIALIZED (SELECT categorize(title) AS c FROM item) SELECT count(*) FROM c",
            "SELECT id, (SELECT max(categorize(title)) FROM item) FROM item",
            "SELECT categorize(title), count(*) FROM item WHERE categorize(title) <> 'none' GROUP BY 1 ORDER BY 1",
        ] {
            session.run(&format!("EXPLAIN {sql}"));
            session.run(&format!("EXPLAIN (VERBOSE, FORMAT JSON) {sql}"));
            // Each title is bought once, wherever it is asked about.
            let rows =
                session.query("SELECT tier, inputs FROM categorize.estimate($1) ORDER BY tier", &[&sql]).unwrap();
            let told: Vec<(String, i64)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
            // Of 1,701 distinct titles, by a sample of 100.
            for (tier, least, most) in [("cache", 350, 700), ("llm", 550, 850), ("rule", 350, 650)] {
                let inputs = told.iter().find(|(name, _)| name == tier).map_or(0, |(_, inputs)| *inputs);
                assert!((least..=most).contains(&inputs), "{inputs} of {tier}: {told:?} of {sql}");
            }
        }
    }
    // It is the node that tells.
    for prefetch in ["off", "on"] {
        session.run(&format!("SET categorize.prefetch = {prefetch}"));
        let plan: Vec<String> = session.column("EXPLAIN SELECT id, categorize(title) FROM item LIMIT 10");
        assert_eq!(plan.iter().any(|line| line.trim() == "Expected Calls: 10"), prefetch == "on", "{plan:#?}");
    }
    let account = shop.model.account();
    assert_eq!((account.requests, account.titles_paid, shop.reserved()), (0, 0, 0));
}

#[test]
fn what_was_paid_is_told_by_the_plan_that_ran() {
    let (shop, mut session) = stocked("estimate_analyzed");
    session.run("SET categorize.prefetch = on");
    let plan: Vec<String> = session.column("EXPLAIN (ANALYZE) SELECT categorize(title) FROM item");
    let told = |name: &str| -> u64 {
        let value = plan.iter().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(": "));
        value.and_then(|value| value.split(' ').next()?.parse().ok()).unwrap_or_else(|| panic!("{name} of {plan:#?}"))
    };
    let account = shop.model.account();
    assert_eq!(account.titles_paid, 700);
    assert_eq!((told("Sent to Gateway"), told("Answered by LLM")), (700, 700));
    assert_eq!(told("Answered by Rule") + told("Answered by Cache"), 1001);
    assert_eq!(told("Provider Calls"), account.requests);
    assert_eq!(told("Input Tokens"), account.tokens.input + account.tokens.cached_input);
    assert_eq!(told("Output Tokens"), account.tokens.output);
    // What is known is asked of nobody.
    let again: Vec<String> = session.column("EXPLAIN (ANALYZE) SELECT categorize(title) FROM item");
    assert!(!again.iter().any(|line| line.contains("Provider Calls")), "{again:#?}");
}

#[test]
fn a_statement_that_is_too_dear_is_refused_before_it_begins() {
    let (shop, mut session) = stocked("estimate_refused");
    let sql = "SELECT categorize(title) FROM item";
    session.run("PREPARE prepared AS SELECT categorize(title, $1) FROM item; SET plan_cache_mode = force_generic_plan");
    session.run("CREATE FUNCTION inner_select() RETURNS bigint LANGUAGE sql VOLATILE AS $$ SELECT count(categorize(title)) FROM item $$");
    for prefetch in ["on", "off"] {
        session.run(&format!("SET categorize.prefetch = {prefetch}"));
        let (low, high) = estimated(&mut session, sql);
        assert!(0.0 < low && low < high);
        session.run(&format!("SET categorize.max_query_cost = {}", low / 2.0));
        for refused in [
            sql.to_owned(),
            "CREATE TABLE more AS SELECT categorize(title) FROM item".to_owned(),
            "EXPLAIN ANALYZE SELECT categorize(title) FROM item".to_owned(),
            "EXECUTE prepared ('shop')".to_owned(),
            "SELECT inner_select()".to_owned(),
            "DO $$ BEGIN PERFORM categorize(title) FROM item; END $$".to_owned(),
            format!("COPY ({sql}) TO STDOUT"),
        ] {
            let error = session.batch_execute(&refused).expect_err(&refused);
            let error = error.as_db_error().expect("an error of the server");
            assert_eq!(error.code().code(), "53400", "{refused}: {error}");
            let detail = error.detail().unwrap_or_default();
            assert!(detail.contains("dollars") && !detail.contains("thing"), "{detail}");
        }
        // What is explained does not run, what is free costs nothing, and what is cheap is not too dear.
        session.run(&format!("EXPLAIN {sql}; EXPLAIN EXECUTE prepared ('shop')"));
        session.run("SELECT categorize_cached(title) FROM item");
        session.run("SET categorize.mode = cached");
        session.run(sql);
        session.run("RESET categorize.mode");
        session.run("SELECT categorize(title) FROM item WHERE id <= 1000 AND title LIKE 'ruled %' LIMIT 3");
    }
    let account = shop.model.account();
    assert_eq!((account.requests, account.titles_paid), (0, 0));
    session.run("SET categorize.prefetch = on; SET categorize.max_query_cost = 1");
    session.run(sql);
    assert_eq!(shop.model.account().titles_paid, 700);
    // Nothing is left to be paid, once all answers are stored.
    eventually("nothing is open", 30, || estimated(&mut session, sql).0 == 0.0);
    session.run("SET categorize.max_query_cost = 0");
    session.run(sql);
}
