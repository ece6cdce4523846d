//! What a shop's day looks like: most titles are cached, some match a rule, some are sure to the local model, and a few must be
//! bought. A plain SELECT over all, against the larger of two times: that of the free part by itself, and that which the provider
//! needs for the rest.

use crate::bench::{Bench, step};
use crate::data::{copy, product};
use crate::measure::{self, Timing};
use crate::report::{Bar, Report, count, milliseconds};
use crate::works::gateway::{LATENCY, Shop};
use pg_categorize_fake_llm::{Config, Latency};
use std::sync::Arc;

/// Titles of one request, and requests at once.
const PACK: usize = 10;
const IN_FLIGHT: usize = 100;

/// Who answers a row, of each twenty.
const PARTS: [(&str, usize); 4] = [("cache", 14), ("rule", 3), ("local_model", 2), ("llm", 1)];

/// A row: its title, its category, and who is to answer it.
type Item = (String, String, &'static str);

/// Asks for a mixture, run by run: what is bought in one is known in the next, and is another title there.
pub fn run(bench: &Bench, report: &mut Report) {
    let (size, runs) = if bench.quick { (10_000, 1) } else { (100_000, 3) };
    let tables: Vec<Vec<Item>> = (0..runs).map(|run| items(size, run)).collect();
    let asked = tables.iter().flatten().filter(|(.., part)| matches!(*part, "llm" | "local_model"));
    let labels = asked.map(|(title, category, _)| (title.clone(), category.clone())).collect();
    let config = Config {
        labels: Arc::new(labels),
        latency: Latency::Fixed(LATENCY),
        keep_requests: false,
        ..Config::default()
    };
    let shop = Shop::open(config);
    // While nobody else can answer.
    shop.wake();
    shop.configure(&format!(
        r#""tiers": ["correction", "rule", "cache", "local_model", "llm"], "pack_size": {PACK}, "pack_wait_ms": 10,
           "in_flight": {IN_FLIGHT}, "audit_share": 0"#
    ));
    for (run, items) in tables.iter().enumerate() {
        stock(&shop, run, items);
    }
    learn(&shop);
    let (mut all, mut free, mut misses, mut requests) = (Vec::new(), Vec::new(), 0, 0);
    for run in 0..runs {
        misses = check(&shop, run, size);
        let account = shop.model.account();
        let (before, asked_before) = (account.titles_paid, account.requests);
        free.push(ask(&shop, run, "WHERE part <> 'llm'", size - misses));
        assert_eq!(shop.model.account().titles_paid, before, "the free part was paid for");
        all.push(ask(&shop, run, "", size));
        shop.quiet();
        let account = shop.model.account();
        requests = account.requests - asked_before;
        assert_eq!((account.titles_paid - before, account.second_payments), (misses as u64, 0), "titles paid for");
    }
    let (all, free) = (Timing::new(all), Timing::new(free));
    let ideal = misses as f64 / PACK as f64 / IN_FLIGHT as f64 * LATENCY.as_secs_f64() * 1e3;
    let peer = free.median().max(ideal);
    let rows = count(size as f64);
    let work =
        format!("{rows} mixed rows, {} of them bought; peer: the larger of free part and model", count(misses as f64));
    let ratio = all.median() / peer;
    report.line(work.clone(), milliseconds(all.median()), milliseconds(peer), Some(ratio), Bar::AtMost(1.2));
    report.timed(&work, &all);
    report.timed("the free part of the mixed rows", &free);
    report.note(format!(
        "Mixed rows, in random order: 70% are cached, 15% match one of 100 rules, 10% are answered by a trained model, and 5% by a \
         language model that takes {} ms a request of up to {PACK} titles, {IN_FLIGHT} requests at once: {} at best. The free part by \
         itself takes {}. At most {} requests were in flight, and {requests} were made in the last run.",
        LATENCY.as_millis(),
        milliseconds(ideal),
        milliseconds(free.median()),
        shop.model.account().max_in_flight
    ));
}

/// The rows of a run, in an order that mixes them.
fn items(size: usize, run: usize) -> Vec<Item> {
    let mut parts: Vec<&'static str> = (0..size).map(|row| part(row % 20)).collect();
    crate::data::shuffle(&mut parts, 1 + run as u64);
    let item = |(row, part): (usize, &'static str)| {
        let number = run * size + row;
        let product = product(number as u64);
        let title = match part {
            "rule" => format!("{} offer-{:02}", product.title, number % 100),
            // No word that anybody has taught, and none that is twice in the table.
            "llm" => format!("{} {}", nonsense(number), nonsense(number + 7_919)),
            _ => product.title,
        };
        (title, product.category, part)
    };
    parts.into_iter().enumerate().map(item).collect()
}

fn part(of_twenty: usize) -> &'static str {
    let mut above = 0;
    let is_it = |(_, share): &&(&str, usize)| {
        above += share;
        of_twenty < above
    };
    PARTS.iter().find(is_it).expect("shares of twenty").0
}

/// A word that is none.
fn nonsense(number: usize) -> String {
    let letters: &[u8] = b"qxzjwvky";
    (0..7).map(|place| char::from(letters[(number >> (3 * place)) % 8])).collect()
}

fn stock(shop: &Shop, run: usize, items: &[Item]) {
    let mut session = shop.session();
    session.run(&format!("CREATE TABLE mixed_{run} (title text NOT NULL, category text NOT NULL, part text NOT NULL)"));
    let rows = items.iter().map(|(title, category, part)| format!("{title}\t{category}\t{part}"));
    copy(&mut session, &format!("mixed_{run}"), rows);
    session.run(&format!("VACUUM ANALYZE mixed_{run}"));
    step("learning the titles that are to be cached", || {
        let query = format!("SELECT title, category FROM mixed_{run} WHERE part = ''cache''");
        session.run(&format!("SELECT categorize.learn('{query}')"));
    });
}

/// Rules, and a model of what is cached.
fn learn(shop: &Shop) {
    let mut session = shop.session();
    session.run(
        "SELECT categorize.add_rule('shop', '\\moffer-' || lpad(i::text, 2, '0') || '\\M',
                                    (SELECT path FROM categorize.categories WHERE taxonomy = 'shop' ORDER BY path LIMIT 1))
           FROM generate_series(0, 99) i",
    );
    step("training", || session.run("SELECT categorize.train('shop')"));
    session.run("VACUUM ANALYZE");
}

/// Has each row say who answers it, as far as that costs nothing, and asserts that it is whom it was made for, but for a title in a
/// thousand of which the model is not sure. How many must be bought.
fn check(shop: &Shop, run: usize, size: usize) -> usize {
    let mut session = shop.session();
    session.run("SET categorize.mode = 'cached'");
    let table = format!("mixed_{run}");
    let source = "replace((categorize_detail(title)).source, 'unresolved', 'llm')";
    let sql = format!("CREATE TABLE told AS SELECT title, category, part AS made_for, {source} AS part FROM {table}");
    step("who answers what", || session.run(&sql));
    let others: i64 = session.one("SELECT count(*) FROM told WHERE part <> made_for");
    assert!(others as usize <= size / 1000, "{others} rows are answered by another tier than they were made for");
    session.run(&format!("DROP TABLE {table}; ALTER TABLE told RENAME TO {table}"));
    session.run(&format!("VACUUM ANALYZE {table}"));
    session.one::<i64>(&format!("SELECT count(*) FROM {table} WHERE part = 'llm'")) as usize
}

fn ask(shop: &Shop, run: usize, condition: &str, rows: usize) -> std::time::Duration {
    let sql = format!("SELECT count(categorize(title)) FROM mixed_{run} {condition}");
    let (time, answer) = step(&sql, || measure::timed(&mut shop.session(), &sql));
    assert_eq!(answer, rows.to_string(), "not every title was answered");
    time
}
