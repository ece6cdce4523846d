//! Statements over a million unseen rows that need few of them: what is paid for, by the provider's own count.

use crate::bench::{Bench, step};
use crate::data;
use crate::report::{Bar, Report, count};
use crate::works::gateway::{self, Shop};
use pg_categorize_e2e::Session;
use pg_categorize_fake_llm::Config;

/// Inputs that each statement may pay for.
const MOST: usize = 10;

/// A statement by what it is, and how it is run.
type Asked = (&'static str, fn(&mut Session));

const ASKED: [Asked; 8] = [
    ("LIMIT 10", |session| rows(session, "SELECT title, categorize(title) FROM unseen LIMIT 10", 10)),
    ("ORDER BY id LIMIT 10", |session| {
        rows(session, "SELECT title, categorize(title) FROM unseen ORDER BY id LIMIT 10", 10);
    }),
    ("ORDER BY title LIMIT 5 OFFSET 5", |session| {
        rows(session, "SELECT title, categorize(title) FROM unseen ORDER BY title LIMIT 5 OFFSET 5", 5);
    }),
    ("EXISTS", |session| {
        rows(session, "SELECT 1 WHERE EXISTS (SELECT FROM unseen WHERE categorize(title) IS NOT NULL)", 1);
    }),
    ("WHERE ... LIMIT 1", |session| {
        rows(session, "SELECT id FROM unseen WHERE categorize(title) IS NOT NULL LIMIT 1", 1);
    }),
    ("a cursor, FETCH 10", |session| {
        session.run("BEGIN; DECLARE c CURSOR FOR SELECT title, categorize(title) FROM unseen");
        rows(session, "FETCH 10 FROM c", 10);
        session.run("COMMIT");
    }),
    ("a client's page of 10 rows", |session| {
        let mut transaction = session.transaction().expect("a transaction");
        let sql = "SELECT title, categorize(title) FROM unseen";
        let portal = transaction.bind(sql, &[]).unwrap_or_else(|e| panic!("{sql}: {e}"));
        let page = transaction.query_portal(&portal, 10).unwrap_or_else(|e| panic!("{sql}: {e}"));
        assert_eq!(page.len(), 10, "{sql}");
    }),
    ("CASE for 10 of them", |session| {
        let sql = "SELECT count(CASE WHEN id % 100000 = 1 THEN categorize(title) END) FROM unseen";
        rows(session, sql, 1);
    }),
];

fn rows(session: &mut Session, sql: &str, expected: usize) {
    let rows = session.query(sql, &[]).unwrap_or_else(|e| panic!("{sql}: {e}"));
    assert_eq!(rows.len(), expected, "{sql}");
}

/// Asks for little of much.
pub fn run(bench: &Bench, report: &mut Report) {
    let size = bench.sizes.rows[bench.sizes.rows.len() - 1];
    let rows = count(size as f64);
    let shop = Shop::open(Config { labels: gateway::labels(0..size), ..Config::default() });
    step(&format!("making {rows} titles"), || data::titles_table(&mut shop.session(), "unseen", 0..size));
    shop.session().run("VACUUM ANALYZE unseen");
    shop.wake();
    for (what, ask) in ASKED {
        shop.quiet();
        // What one has paid for must not serve the next.
        shop.session().run("DELETE FROM categorize.cache");
        let before = shop.model.account().list.len();
        step(&format!("{what} on {rows} unseen rows"), || ask(&mut shop.session()));
        shop.quiet();
        let paid: usize = shop.model.account().list[before..].iter().map(|request| request.items.len()).sum();
        assert!(paid > 0, "{what}: nothing was asked");
        let work = format!("{rows} unseen rows, {what}: inputs paid for");
        report.line(work, count(paid as f64), "-".to_owned(), Some(paid as f64), Bar::AtMost(MOST as f64));
    }
}
