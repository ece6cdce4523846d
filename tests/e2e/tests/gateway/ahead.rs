//! The plan node and money: answers are bought together, and none that the statement does not need.

use crate::support::{Shop, shop};
use pg_categorize_e2e::{Session, within};
use pg_categorize_fake_llm::{Config, Latency};
use std::time::{Duration, Instant};

/// A shop with titles of which nothing is known.
fn stocked(name: &str, config: Config) -> Shop {
    let shop = shop(name, config);
    session(&shop).run(
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

/// The rows of a statement as text, and the titles that were paid for, where nothing was known before.
fn bought(shop: &Shop, session: &mut Session, sql: &str) -> (Result<Vec<String>, String>, Vec<String>) {
    shop.rest();
    session.run("DELETE FROM categorize.cache");
    let before = shop.model.account().list.len();
    let rows = session.query(&format!("SELECT q::text FROM ({sql}) q"), &[]);
    let rows = rows.map(|rows| rows.iter().map(|row| row.get(0)).collect());
    let rows = rows.map_err(|error| error.as_db_error().map_or_else(|| error.to_string(), |e| e.message().to_owned()));
    (rows, paid_since(shop, before))
}

/// A session whose plans look ahead.
fn session(shop: &Shop) -> Session {
    let mut session = shop.session();
    session.run("SET categorize.prefetch = on");
    session
}

#[test]
fn a_plain_select_buys_in_packs_at_once_and_pays_once() {
    let latency = Latency::Fixed(Duration::from_millis(100));
    let shop = stocked("ahead_packs", Config { latency, ..Config::default() });
    let mut session = session(&shop);
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
    let mut session = session(&shop);
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
    transaction.batch_execute("DELETE FROM categorize.cache WHERE false").unwrap();
    let portal = transaction.bind("SELECT categorize('portal ' || id) FROM item ORDER BY id", &[]).unwrap();
    assert_eq!(transaction.query_portal(&portal, 3).unwrap().len(), 3);
    assert_eq!(transaction.query_portal(&portal, 2).unwrap().len(), 2);
    assert_eq!(paid_since(&shop, before).len(), 5);
}

#[test]
fn who_allows_speculation_buys_ahead_within_it() {
    let shop = stocked("ahead_speculation", Config::default());
    let mut session = session(&shop);
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
    let mut session = session(&shop);
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

/// A small generator of numbers, told by its seed (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % sides as u64) as usize
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

/// A statement of a determined order over at most 80 items.
fn statement(dice: &mut Dice) -> String {
    let call = dice.one(&[
        "categorize(i.title)",
        "categorize(upper(i.title))",
        "categorize(i.title || ' ' || i.brand)",
        "CASE WHEN i.price > 4 THEN categorize(i.title) END",
        "CASE i.brand WHEN 1 THEN categorize(i.title) WHEN 2 THEN 'two' ELSE categorize(i.title || '!') END",
        "coalesce(CASE WHEN i.price < 3 THEN 'cheap' END, categorize(i.title))",
        "(categorize_detail(i.title)).category",
        "categorize_cached(i.title)",
        "categorize(CASE WHEN i.price > 2 THEN i.title ELSE (100 / (i.price + 1))::text END)",
    ]);
    let mut conditions = vec![format!("i.id <= {}", 1 + dice.below(80))];
    for _ in 0..dice.below(3) {
        conditions.push(
            dice.one(&[
                "i.price <> 3",
                "categorize(i.title) = 'Toys'",
                "(i.price > 5 OR categorize(i.title) = 'Tools')",
                "categorize(i.title || i.price) IS NOT NULL",
                "i.brand IN (1, 2, 3)",
                "EXISTS (SELECT FROM brand WHERE brand.id = i.brand AND categorize(name) = 'Toys')",
                "coalesce(random() < 2, false)",
            ])
            .to_owned(),
        );
    }
    let conditions = conditions.join(" AND ");
    let from = dice.one(&[
        "item i",
        "item i JOIN brand b ON b.id = i.brand",
        "item i LEFT JOIN brand b ON b.id = i.brand AND b.id > 3",
        "(SELECT * FROM item ORDER BY id OFFSET 0) i",
        "item i CROSS JOIN LATERAL categorize_detail(i.title || 'x') d",
    ]);
    let base = format!("SELECT i.id, {call} AS c FROM {from} WHERE {conditions}");
    let count = 1 + dice.below(12);
    match dice.below(9) {
        0 => format!("{base} ORDER BY i.id"),
        1 => format!("{base} ORDER BY i.id LIMIT {count}"),
        2 => format!("{base} ORDER BY i.id LIMIT {count} OFFSET {}", dice.below(5)),
        3 => format!("SELECT c, count(*) FROM ({base}) s GROUP BY c ORDER BY c"),
        4 => format!("WITH s AS ({base}) SELECT c, min(id) FROM s GROUP BY c ORDER BY 2 LIMIT {count}"),
        5 => format!("SELECT * FROM ({base} ORDER BY i.id OFFSET 0) s WHERE c IS NOT NULL LIMIT {count}"),
        6 => format!("SELECT DISTINCT c FROM ({base}) s ORDER BY c"),
        7 => format!("SELECT id, c, row_number() OVER (ORDER BY id) FROM ({base}) s ORDER BY id LIMIT {count}"),
        _ => format!("({base} ORDER BY i.id LIMIT {count}) UNION ALL (SELECT id, name FROM brand ORDER BY id)"),
    }
}

#[test]
fn generated_statements_give_and_pay_the_same_with_the_node_as_without() {
    let shop = stocked("ahead_generated", Config::default());
    let mut session = session(&shop);
    session.run("SET max_parallel_workers_per_gather = 0");
    let count: usize = std::env::var("PREFETCH_STATEMENTS").ok().and_then(|count| count.parse().ok()).unwrap_or(60);
    let mut placed = 0;
    for seed in 0..count as u64 {
        let mut dice = Dice(seed);
        let sql = statement(&mut dice);
        let planner =
            dice.one(&["enable_hashjoin", "enable_nestloop", "enable_hashagg", "enable_sort", "enable_mergejoin"]);
        session.run(&format!("SET {planner} = off; SET categorize.prefetch = off"));
        let plain = bought(&shop, &mut session, &sql);
        session.run("SET categorize.prefetch = on");
        let ahead = bought(&shop, &mut session, &sql);
        let plan: Vec<String> = session.column(&format!("EXPLAIN (COSTS OFF) {sql}"));
        placed += usize::from(plan.iter().any(|line| line.contains("Custom Scan (Categorize)")));
        assert_eq!(plain, ahead, "seed {seed}, {planner} off\n{sql}\n{}", plan.join("\n"));
        session.run(&format!("RESET {planner}"));
    }
    assert!(placed * 10 > count * 7, "only {placed} of {count} plans have the node");
    shop.database.cluster.assert_tidy();
}

#[test]
fn statements_that_end_at_any_moment_lose_nothing() {
    let latency = Latency::Fixed(Duration::from_millis(20));
    let shop = stocked("ahead_cancel", Config { latency, ..Config::default() });
    let mut session = session(&shop);
    assert!(session.text("SELECT categorize('wake')").is_some());
    let mut dice = Dice(7);
    let (mut ended, count) = (0, 60);
    for round in 0..count {
        let time = 5 + dice.below(100);
        session.run(&format!("SET statement_timeout = {time}"));
        let sql = format!("SELECT categorize(title || ' of round {round}') FROM item ORDER BY id LIMIT 100");
        ended += usize::from(session.query(&sql, &[]).is_err());
    }
    assert!(ended > 0 && ended < count, "{ended} of {count} were cancelled");
    session.run("SET statement_timeout = 0");
    within("a whole statement", 30, || assert!(session.query("SELECT categorize(title) FROM item", &[]).is_ok()));
    assert_eq!(shop.settled() + shop.reserved(), shop.charged());
    let account = shop.model.account();
    let known: i64 = session.one("SELECT count(*) FROM categorize.cache");
    assert_eq!((known as u64, account.second_payments), (account.titles_paid, 0));
    shop.database.cluster.assert_tidy();
}
