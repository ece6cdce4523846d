//! Exact hits: every title was learnt. The peer is the join that a user would write against a table of answers.

use crate::bench::{Bench, step};
use crate::data;
use crate::measure::{self, Statement, Timing};
use crate::report::{Bar, Chart, Kind, Report, Series, count};
use std::ops::Range;

/// Examples learnt by one statement, so that there is something to print in between.
const PORTION: usize = 100_000;

/// Learns more and more titles of one table, and asks for all that are learnt.
pub fn run(bench: &Bench, report: &mut Report) {
    let sizes = bench.sizes.rows;
    let all = sizes[sizes.len() - 1];
    step(&format!("making {} titles", count(all as f64)), || {
        data::titles_table(&mut bench.session(), "products", 0..all);
    });
    super::create_taxonomy(bench, "shop");
    let mut ours = Vec::new();
    let mut peer = Vec::new();
    let mut learnt = 0;
    for size in sizes {
        learn(bench, "products", "shop", "id", learnt..*size);
        learnt = *size;
        bench.run(&format!("CREATE TABLE products_{size} AS SELECT * FROM products WHERE id <= {size} ORDER BY id"));
        cache_table(bench, &format!("cache_{size}"), &format!("products_{size}"));
        bench.settle();
        let asked = [
            Statement::new(format!("SELECT count(categorize(title, 'shop')) FROM products_{size}")),
            Statement::new(join(&format!("products_{size}"), &format!("cache_{size}"))),
            Statement::new(format!("SELECT count(categorize(title)) FROM products_{size}"))
                .after("SET categorize.taxonomy = 'shop'"),
        ];
        check_plan(bench, &asked[1].sql);
        let timings = step(&format!("{} exact hits against the hash join", count(*size as f64)), || {
            measure::interleaved(bench, &asked)
        });
        assert!(timings.iter().all(|t| t.answer == size.to_string()), "not every title was answered: {timings:?}");
        if *size == all {
            check_answers(bench, all);
            add_rows(report, all, &timings);
        }
        ours.push(timings[0].clone());
        peer.push(timings[1].clone());
    }
    shuffled(bench, report, all);
    let mut join = Series::new("peer: hash join", sizes, &peer);
    join.peer = true;
    report.grow(Chart {
        kind: Kind::Growth,
        file: "growth-rows",
        title: "Exact hits: time by rows, all of them learnt".to_owned(),
        sizes: "rows",
        series: vec![Series::new("exact hits", sizes, &ours), join],
    });
}

fn add_rows(report: &mut Report, size: usize, timings: &[Timing]) {
    let rows = count(size as f64);
    let [named, peer, default] = timings else { unreachable!("three statements were timed") };
    report.compare(&format!("{rows} exact hits, categorize(title, 'shop')"), named, peer, Bar::AtMost(2.0));
    report.compare(&format!("{rows} exact hits, categorize(title)"), default, peer, Bar::AtMost(2.0));
    let each = |timing: &Timing| timing.median() * 1e3 / size as f64;
    report.note(format!(
        "Exact hits take {:.2} microseconds a row, the hash join {:.2}. The answers to all {rows} titles were compared once.",
        each(named),
        each(peer)
    ));
}

/// Learns a range of the titles of a table in an order, in portions.
pub(super) fn learn(bench: &Bench, titles: &str, taxonomy: &str, order: &str, range: Range<usize>) {
    let mut session = bench.session();
    let mut stored = range.start;
    while stored < range.end {
        let next = (stored + PORTION).min(range.end);
        step(&format!("learning titles {} to {}", count(stored as f64 + 1.0), count(next as f64)), || {
            let query = format!(
                "SELECT title, category FROM {titles} WHERE id <= {} ORDER BY {order} LIMIT {} OFFSET {stored}",
                range.end,
                next - stored
            );
            let learnt: i64 = session.one(&format!("SELECT categorize.learn('{query}', '{taxonomy}')"));
            assert_eq!(learnt as usize, next - stored, "learn() stored another number");
        });
        stored = next;
    }
}

/// All exact hits once more, learnt in an order that is not that of the table: neighbours there are none in the cache.
fn shuffled(bench: &Bench, report: &mut Report, size: usize) {
    super::create_taxonomy(bench, "shuffled");
    learn(bench, "products", "shuffled", "hashint4(id), id", 0..size);
    bench.settle();
    let asked = [
        Statement::new(format!("SELECT count(categorize(title, 'shuffled')) FROM products_{size}")),
        Statement::new(join(&format!("products_{size}"), &format!("cache_{size}"))),
    ];
    let timings = step("exact hits, learnt in another order", || measure::interleaved(bench, &asked));
    assert_eq!(timings[0].answer, size.to_string(), "not every title was answered");
    let work = format!("{} exact hits, learnt in another order", count(size as f64));
    report.compare(&work, &timings[0], &timings[1], Bar::Ratio);
}

/// Makes the peer's table: the same answers by the hash of the title, as narrow as it can be, with its key.
pub(super) fn cache_table(bench: &Bench, table: &str, titles: &str) {
    step(&format!("making the peer's table {table}"), || {
        bench.run(&format!(
            "CREATE TABLE {table} AS SELECT sha256(convert_to(title, 'UTF8')) AS k, min(category) AS category
               FROM {titles} GROUP BY 1;
             ALTER TABLE {table} ADD PRIMARY KEY (k)"
        ));
    });
}

/// The peer's statement.
pub(super) fn join(titles: &str, cache: &str) -> String {
    format!("SELECT count(c.category) FROM {titles} p LEFT JOIN {cache} c ON c.k = sha256(convert_to(p.title, 'UTF8'))")
}

/// Asserts that the peer's statement is planned as it should be: a hash join that stays in memory.
pub(super) fn check_plan(bench: &Bench, sql: &str) {
    let plan: Vec<String> = bench.session().column(&format!("EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF) {sql}"));
    let plan = plan.join("\n");
    let hashes = plan.lines().any(|line| line.contains("Hash") && line.contains("Join"));
    assert!(hashes && plan.contains("Batches: 1 "), "the peer is not planned as a hash join in memory:\n{plan}");
}

fn check_answers(bench: &Bench, size: usize) {
    let wrong: i64 = step("comparing all answers", || {
        bench.session().one(&format!(
            "SELECT count(*) FROM products_{size} p
               LEFT JOIN cache_{size} c ON c.k = sha256(convert_to(p.title, 'UTF8'))
              WHERE categorize(p.title, 'shop') IS DISTINCT FROM c.category OR c.category <> p.category"
        ))
    });
    assert_eq!(wrong, 0, "answers that differ from the peer's");
}
