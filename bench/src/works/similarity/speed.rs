//! The tier through SQL against the bare queries of pgvector that it is made of.

use super::{Sizes, vectors};
use crate::bench::{Bench, step};
use crate::data::{self, LargeShop};
use crate::measure::{self, Statement};
use crate::report::{Bar, Report, count, figure};
use pg_categorize_core::normalise::{Case, normalise};
use pg_categorize_core::similarity::NEIGHBOURS;
use pg_categorize_e2e::Session;
use std::collections::HashSet;

/// Learns titles, and asks for others.
pub fn run(bench: &Bench, report: &mut Report) {
    let (cached, asked) = Sizes::of(bench).speed;
    let mut session = bench.session();
    if let Err(why) = vectors::install(&mut session) {
        return report.note(format!("The similarity tier was not compared with pgvector, {why}."));
    }
    let titles = titles(cached + asked);
    let (known, others) = titles.split_at(cached);
    step(&format!("learning {} titles", count(cached as f64)), || {
        make_table(&mut session, "similar_known", known);
        super::super::create_taxonomy(bench, "similar");
        session.run(r#"SELECT categorize.configure('similar', '{"tiers": ["similarity"]}')"#);
        session.run("SELECT categorize.learn('SELECT title, category FROM similar_known', 'similar')");
    });
    let index = vectors::await_index(&mut session, "similar", cached as i64);
    make_table(&mut session, "similar_asked", others);
    make_vectors(&mut session, others);
    bench.settle();
    let ours = Statement::new("SELECT count(categorize(title, 'similar')) FROM similar_asked");
    let peer = Statement::new(format!(
        "SELECT count(n.distance) FROM similar_vectors a
           CROSS JOIN LATERAL (SELECT e.fingerprint, e.embedding <=> a.embedding AS distance FROM {} e
                                ORDER BY e.embedding <=> a.embedding LIMIT {NEIGHBOURS}) n",
        index.table
    ));
    check_plan(bench, &peer.sql, index.has_hnsw);
    let timings = step("the tier against bare queries", || measure::interleaved(bench, &[ours, peer]));
    assert_eq!(timings[1].answer, (asked * NEIGHBOURS).to_string(), "the peer found too few neighbours");
    let answered: f64 = timings[0].answer.parse().unwrap_or_default();
    assert!(answered > 0.0, "the tier answered nothing: what was measured is not its work");
    let work = format!("{} titles, {} cached: the tier through SQL", count(asked as f64), count(cached as f64));
    report.compare(&format!("{work}; peer: bare queries of pgvector"), &timings[0], &timings[1], Bar::AtMost(1.2));
    let each = |at: usize| figure(timings[at].median() * 1e3 / asked as f64);
    report.note(format!(
        "The similarity tier takes {} microseconds a title, of which it answers {:.1}%: embedding, one query for many titles, the texts of the neighbours, votes and guard. The bare query takes {}: the same vectors and index, the same ef_search (its default), {NEIGHBOURS} neighbours, the vectors of the titles made before.",
        each(0),
        100.0 * answered / asked as f64,
        each(1)
    ));
}

/// So many distinct titles with their categories, without the article numbers that no two titles share: the guard looks at
/// those.
fn titles(count: usize) -> Vec<(String, String)> {
    let paths = data::paths();
    let shop = LargeShop::new(paths.iter().map(String::as_str));
    let mut seen = HashSet::new();
    let all = (0..).map(|number| shop.title(number)).map(|(title, category)| (title, paths[category].clone()));
    all.filter(|(title, _)| seen.insert(normalise(title, Case::Folded))).take(count).collect()
}

fn make_table(session: &mut Session, table: &str, titles: &[(String, String)]) {
    session.run(&format!("CREATE TABLE {table} (title text NOT NULL, category text NOT NULL)"));
    data::copy(session, table, titles.iter().map(|(title, category)| format!("{title}\t{category}")));
}

/// The vectors of titles, for the peer.
fn make_vectors(session: &mut Session, titles: &[(String, String)]) {
    session.run("CREATE TABLE similar_vectors (embedding halfvec(256) NOT NULL)");
    let vector = |(title, _): &(String, String)| vectors::literal(title).expect("made-up titles have words");
    data::copy(session, "similar_vectors", titles.iter().map(vector));
}

/// Asserts that the peer's statement is planned as it should be: by the same index.
fn check_plan(bench: &Bench, sql: &str, has_hnsw: bool) {
    let plan = bench.session().column::<String>(&format!("EXPLAIN (COSTS OFF) {sql}")).join("\n");
    assert!(!has_hnsw || plan.contains("Index Scan using"), "the peer does not use the index:\n{plan}");
}
