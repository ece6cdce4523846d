//! The plan node and money: answers are bought together, and none that the statement does not need.

mod dice;
mod generated;
mod moments;

use crate::support::{Shop, shop};
use pg_categorize_e2e::Session;
use pg_categorize_fake_llm::{Config, Latency};
use std::time::{Duration, Instant};

/// A shop with titles of which nothing is known.
fn stocked(name: &str, config: Config) -> Shop {
    let shop = shop(name, config);
    shop.session().run(
        "CREATE TABLE item AS SELECT i AS id, i % 7 AS brand, i % 10 AS price, 'thing number ' || (i * 7919) % 1000 AS title
           FROM generate_series(1, 400) i;
         CREATE INDEX ON item (id);
         CREATE TABLE brand AS SELECT i AS id, 'brand ' || i AS name FROM generate_series(0, 6) i;
         CREATE TABLE nothing (id int);
         ANALYZE item, brand, nothing",
    );
    shop
}

/// Titles that were paid for since the account had so many requests, in their order by text.
fn paid_since(shop: &Shop, requests: usize) -> Vec<String> {
    let account = shop.model.account();
    let mut titles: Vec<_> = account.list[requests..].iter().flat_map(|request| request.items.clone()).collect();
    titles.sort();
    titles
}

/// Rows as text, or what the server said, and the titles that were paid for.
type Bought = (Result<Vec<String>, String>, Vec<String>);

/// The rows of a statement, where nothing was known before.
fn bought(shop: &Shop, session: &mut Session, sql: &str) -> Bought {
    bought_by(shop, session, |session| {
        let rows = session.query(&format!("SELECT q::text FROM ({sql}) q"), &[])?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    })
}

/// What `work` gives, where nothing was known before.
fn bought_by(
    shop: &Shop,
    session: &mut Session,
    work: impl FnOnce(&mut Session) -> Result<Vec<String>, postgres::Error>,
) -> Bought {
    shop.rest();
    session.run("DELETE FROM categorize.cache");
    let before = shop.model.account().list.len();
    let rows = work(session);
    let rows = rows.map_err(|error| error.as_db_error().map_or_else(|| error.to_string(), |e| e.message().to_owned()));
    (rows, paid_since(shop, before))
}

#[test]
fn a_plain_select_buys_in_packs_at_once_and_pays_once() {
    let latency = Latency::Fixed(Duration::from_millis(100));
    let shop = stocked("ahead_packs", Config { latency, ..Config::default() });
    let mut session = shop.session();
    session.run(r#"SELECT categorize.configure('shop', '{"pack_size": 10, "pack_wait_ms": 10}')"#);
    assert!(session.text("SELECT categorize('wake')").is_some());
    let begun = Instant::now();
    let rows = session.query("SELECT title, categorize(title) FROM item", &[]).unwrap();
    let time = begun.elapsed();
    assert!(rows.iter().all(|row| row.get::<_, Option<String>>(1).is_some()));
    let account = shop.model.account();
    assert_eq!((account.titles_paid, account.second_payments), (401, 0));
    assert!(account.requests < 60, "{} requests", account.requests);
    // One after the other takes 40 s, and 20 packs at once 0.2 s.
    assert!(time < Duration::from_secs(5), "{time:?}");
    assert_eq!((shop.settled(), shop.reserved()), (shop.charged(), 0));
}

#[test]
fn only_what_is_asked_for_is_paid_for() {
    let shop = stocked("ahead_thrift", Config::default());
    let mut session = shop.session();
    session.run(
        "SET shop.word = 'none';
         SET enable_hashagg = off;
         CREATE VIEW one_by_one AS SELECT * FROM item ORDER BY id, brand OFFSET 0;
         CREATE FUNCTION first_three() RETURNS SETOF text LANGUAGE plpgsql AS $$
         DECLARE row record; n int := 0;
         BEGIN
             FOR row IN SELECT categorize(title) AS c FROM item ORDER BY id LOOP
                 n := n + 1;
                 RETURN NEXT row.c;
                 EXIT WHEN n = 3;
             END LOOP;
         END $$;
         CREATE FUNCTION first_of_cursor() RETURNS SETOF text LANGUAGE plpgsql AS $$
         DECLARE c NO SCROLL CURSOR FOR SELECT categorize(title) FROM item ORDER BY id; v text;
         BEGIN
             OPEN c;
             FETCH c INTO v; RETURN NEXT v;
             FETCH c INTO v; RETURN NEXT v;
             CLOSE c;
         END $$",
    );
    for (sql, most) in [
        ("SELECT categorize(title) FROM item LIMIT 10", 10),
        ("SELECT id, categorize(title) FROM item ORDER BY price, id LIMIT 10 OFFSET 5", 15),
        ("SELECT EXISTS (SELECT FROM item WHERE categorize(title) IS NOT NULL)", 1),
        (
            "SELECT count(*) FROM brand b WHERE EXISTS (SELECT FROM item WHERE brand = b.id AND categorize(title) IS NOT NULL)",
            400,
        ),
        ("SELECT CASE WHEN price = 3 THEN categorize(title) END FROM item", 40),
        ("SELECT CASE WHEN price < 0 THEN categorize(title) ELSE 'none' END FROM item", 0),
        ("SELECT count(*) FROM item WHERE price = 3 AND categorize(title) = 'Toys'", 40),
        ("SELECT count(*) FROM item WHERE price = 3 OR categorize(title) = 'Toys'", 360),
        ("SELECT categorize(title) FROM item JOIN nothing USING (id)", 0),
        ("SELECT count(*) FROM (SELECT id, categorize(title) AS c FROM item OFFSET 0) i JOIN nothing USING (id)", 400),
        ("SELECT * FROM first_of_cursor()", 2),
        // Of several readers of a common table expression, one that stops may be the only one that reads.
        (
            "WITH c AS MATERIALIZED (SELECT id, categorize(title) AS cat FROM item)
             SELECT CASE WHEN EXISTS (SELECT FROM c WHERE cat IS NOT NULL) THEN 0 ELSE (SELECT count(*) FROM c) END",
            1,
        ),
        // Groups of groups are rows that need no row of the table.
        ("SELECT id, brand, max(categorize(title)) FROM one_by_one GROUP BY ROLLUP (id, brand) LIMIT 10", 5),
        // A pattern may be none, in a row that nobody asks for.
        (
            "SELECT categorize(title) FROM
                 (SELECT * FROM item ORDER BY id OFFSET 0) i WHERE title LIKE CASE id WHEN 9 THEN '\\' ELSE '%' END LIMIT 5",
            5,
        ),
        // What a row sets the next one reads.
        (
            "SELECT set_config('shop.word', id::text, false), categorize(title || current_setting('shop.word')) FROM item
              WHERE id <= 30 ORDER BY id",
            30,
        ),
    ] {
        session.run("SET categorize.prefetch = off");
        let (plain_rows, plain) = bought(&shop, &mut session, sql);
        session.run("SET categorize.prefetch = on");
        let (rows, paid) = bought(&shop, &mut session, sql);
        assert_eq!((rows, &paid), (plain_rows, &plain), "{sql}");
        assert!(paid.len() <= most, "{} titles paid for: {sql}", paid.len());
    }
    // A loop fetches ten rows before it sees the first, with the node as without.
    let (_, paid) = bought(&shop, &mut session, "SELECT * FROM first_three()");
    assert_eq!(paid.len(), 10);
    let mut transaction = session.transaction().unwrap();
    let before = shop.model.account().list.len();
    let portal = transaction.bind("SELECT categorize('portal ' || id) FROM item ORDER BY id", &[]).unwrap();
    assert_eq!(transaction.query_portal(&portal, 3).unwrap().len(), 3);
    assert_eq!(transaction.query_portal(&portal, 2).unwrap().len(), 2);
    assert_eq!(paid_since(&shop, before).len(), 5);
    // A sort that knows its bound gives no row beyond it, whatever is fetched at a time.
    let sorted = "SELECT id, categorize(title) FROM item ORDER BY price, id LIMIT 5";
    let portal = transaction.bind(sorted, &[]).unwrap();
    let fetched = [2, 2, 2].map(|rows| transaction.query_portal(&portal, rows).unwrap().len());
    assert_eq!(fetched, [2, 2, 1]);
}

#[test]
fn who_allows_speculation_buys_ahead_within_it() {
    let shop = stocked("ahead_speculation", Config::default());
    let mut session = shop.session();
    let sql = "SELECT id FROM (SELECT * FROM item ORDER BY id OFFSET 0) i WHERE categorize(title) = 'Toys' LIMIT 2";
    let (rows, paid) = bought(&shop, &mut session, sql);
    session.run("SET categorize.speculation = 20");
    let (again, more) = bought(&shop, &mut session, sql);
    assert_eq!(rows, again);
    assert!(more.len() > paid.len() && more.len() <= paid.len() + 20, "{} and {}", paid.len(), more.len());
}

#[test]
fn a_spent_budget_is_told_once_a_statement() {
    let shop = stocked("ahead_spent", Config::default());
    let mut session = shop.session();
    // Requests at the same time reserve more than they cost: what they leave is spent by the calls one by one.
    session.run("SELECT categorize.set_budget('database', 0.0005, 'day')");
    session.run("SELECT count(categorize('first ' || i)) FROM generate_series(1, 100) i");
    assert_eq!(session.warnings().len(), 1);
    for _ in 0..2 {
        session.warnings();
        let rows = session.query("SELECT categorize('more ' || i) FROM generate_series(1, 3) i", &[]).unwrap();
        assert!(rows.iter().all(|row| row.get::<_, Option<String>>(0).is_none()));
        assert_eq!(session.warnings().len(), 1);
    }
}
