//! The tier through SQL against the bare queries of pgvector that it is made of.

use super::{Sizes, vectors};
use crate::bench::{Bench, step};
use crate::data::{self, product};
use crate::measure::{self, Statement};
use crate::report::{Bar, Report, count, figure};
use pg_categorize_core::similarity::NEIGHBOURS;

/// Learns titles, and asks for others.
pub fn run(bench: &Bench, report: &mut Report) {
    let (cached, asked) = Sizes::of(bench).speed;
    let mut session = bench.session();
    if let Err(why) = vectors::install(&mut session) {
        return report.note(format!("The similarity tier was not compared with pgvector, {why}."));
    }
    step(&format!("learning {} titles", count(cached as f64)), || {
        data::titles_table(&mut session, "similar_known", 0..cached);
        super::super::create_taxonomy(bench, "similar");
        session.run(r#"SELECT categorize.configure('similar', '{"tiers": ["similarity"]}')"#);
        session.run("SELECT categorize.learn('SELECT title, category FROM similar_known', 'similar')");
    });
    let index = vectors::await_index(&mut session, "similar", cached as i64);
    make_asked(bench, cached, asked);
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

/// The titles that are asked, none of them known, and their vectors for the peer.
fn make_asked(bench: &Bench, cached: usize, asked: usize) {
    let mut session = bench.session();
    data::titles_table(&mut session, "similar_asked", cached..cached + asked);
    session.run("CREATE TABLE similar_vectors (id int PRIMARY KEY, embedding halfvec(256) NOT NULL)");
    let row = |(id, number): (usize, usize)| {
        let vector = vectors::literal(&product(number as u64).title).expect("made-up titles have words");
        format!("{}\t{vector}", id + 1)
    };
    data::copy(&mut session, "similar_vectors", (cached..cached + asked).enumerate().map(row));
}

/// Asserts that the peer's statement is planned as it should be: by the same index.
fn check_plan(bench: &Bench, sql: &str, has_hnsw: bool) {
    let plan = bench.session().column::<String>(&format!("EXPLAIN (COSTS OFF) {sql}")).join("\n");
    assert!(!has_hnsw || plan.contains("Index Scan using"), "the peer does not use the index:\n{plan}");
}
