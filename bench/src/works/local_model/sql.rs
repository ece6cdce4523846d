//! Prediction through SQL: titles that nothing but the trained model can answer.

use super::dataset::Data;
use crate::bench::{Bench, step};
use crate::data;
use crate::measure::{self, Statement};
use crate::report::{Bar, Report, Row, count, figure};
use crate::works::accuracy::load;
use std::collections::HashSet;

/// Asks flipkart's model for all titles.
pub const ASKED: &str = "SELECT count(categorize(title, 'trained')) FROM model_titles";

/// Learns flipkart's training part, trains, and asks for titles of the test part, made distinct by an article number.
pub fn run(bench: &Bench, report: &mut Report, data: &Data, peer: Option<f64>) {
    let text = data.text("flipkart/dedup.tsv");
    let held_out: HashSet<usize> = data.test_rows().into_iter().collect();
    let lines = text.split_terminator('\n').skip(1).enumerate();
    let (test, train): (Vec<_>, Vec<_>) = lines.partition(|(row, _)| held_out.contains(row));
    let mut session = bench.session();
    step("learning flipkart through SQL", || {
        load(&mut session, "train", train.iter().map(|(_, line)| *line));
        session.run("SELECT categorize.create_taxonomy('trained')");
        session.run("SELECT categorize.learn('SELECT title, category FROM train', 'trained', true)");
    });
    let (time, _) =
        step("categorize.train()", || measure::timed(&mut session, "SELECT * FROM categorize.train('trained')"));
    let model = "SELECT categories FROM categorize.local_model m JOIN categorize.taxonomy t ON t.id = m.taxonomy_id
                  WHERE t.name = 'trained' AND m.active";
    let categories: i32 = session.one(model);
    let titles: Vec<&str> = test.iter().filter_map(|(_, line)| line.split('\t').next()).collect();
    make_titles(bench, &titles);
    bench.settle();
    let timing = step("asking the trained model", || measure::interleaved(bench, &[Statement::new(ASKED)])).remove(0);
    let asked = bench.sizes.model_titles as f64;
    let each = timing.median() / asked;
    let sources: Vec<String> = step("which tier answered", || {
        bench.session().column(
            "SELECT count(*) || ' ' || d.source
               FROM model_titles CROSS JOIN LATERAL categorize_detail(title, 'trained') d GROUP BY d.source ORDER BY 1",
        )
    });
    report.rows.push(Row {
        work: format!("local model, prediction through SQL, {categories} categories, {} titles", count(asked)),
        ours: per_second(1e3 / each),
        peer: peer.map_or("-".to_owned(), per_second),
        ratio: peer.map(|peer| 1e3 / each / peer),
        bar: if peer.is_some() { Bar::AtLeast(4.0) } else { Bar::None },
    });
    report.timed("local model, prediction through SQL", &timing);
    report.note(format!(
        "Prediction through SQL takes {} microseconds a title. The {} titles are those of flipkart's test part with an article number behind each, which neither a cache nor a memo knows; answers by tier: {}. The peer predicts them without the number; its rate is that of its fastest split.",
        figure(each * 1e3),
        count(asked),
        sources.join(", ")
    ));
    report.note(format!(
        "categorize.train() on {} examples of flipkart takes {} s, reading and storing included.",
        count(train.len() as f64),
        figure(time.as_secs_f64())
    ));
}

/// The table that is asked: titles over and over, each time with another number behind them.
fn make_titles(bench: &Bench, titles: &[&str]) {
    let mut session = bench.session();
    session.run("CREATE TABLE model_titles (title text NOT NULL)");
    let row = |(number, title): (usize, &&str)| format!("{} {number:06}", title.replace('\\', "\\\\"));
    data::copy(
        &mut session,
        "model_titles",
        titles.iter().cycle().take(bench.sizes.model_titles).enumerate().map(|(n, t)| row((n, t))),
    );
    let distinct: i64 = session.one("SELECT count(DISTINCT lower(title)) FROM model_titles");
    assert_eq!(distinct as usize, bench.sizes.model_titles, "titles that are asked twice");
}

/// A rate as people read it.
pub fn per_second(rate: f64) -> String {
    format!("{} titles/s", count(rate))
}
