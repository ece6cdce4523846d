//! Ten thousand categories: does training end, in what memory and time, and what does a prediction cost then?

use super::dataset::Data;
use super::many_categories_child::{COMMAND, Outcome};
use super::{percent, python, sql};
use crate::bench::{Bench, step};
use crate::data::{self, LargeShop};
use crate::measure::{self, Statement};
use crate::report::{Bar, Report, Row, count, figure};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Memory that lessons and their training may take: a million rows do not fit into what is the default.
const MEGABYTES: usize = 1_024;

/// Where the real taxonomy lies.
const PATHS: &str = "taxonomies/shopify_categories.tsv";

/// Trains in a process of its own, puts the model into the database, and asks it there, in turns with flipkart's.
pub fn run(bench: &Bench, report: &mut Report, data: &Data) {
    let (categories, rows) = bench.sizes.many_categories;
    let text = data.text(PATHS);
    let paths: Vec<&str> = text.lines().skip(1).filter_map(|line| line.split('\t').nth(1)).take(categories).collect();
    assert_eq!(paths.len(), categories, "{PATHS} is too short");
    let ids = create(bench, &paths);
    let folder = python::folder();
    fs::create_dir_all(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let (listed, stored) = (folder.join("many-categories.tsv"), folder.join("many-categories.model"));
    let lines: Vec<String> = ids.iter().zip(&paths).map(|(id, path)| format!("{id}\t{path}\n")).collect();
    fs::write(&listed, lines.concat()).unwrap_or_else(|e| panic!("{}: {e}", listed.display()));
    let outcome = step(&format!("training on {} rows", count(rows as f64)), || train(&listed, rows, &stored));
    let size = insert(bench, &outcome, &stored);
    let shop = LargeShop::new(paths.iter().copied());
    let row = |number: u64| {
        let (title, category) = shop.title(number);
        format!("{title}\t{}", paths[category])
    };
    let asked = bench.sizes.model_titles;
    bench.run("CREATE TABLE many_category_titles (title text NOT NULL, category text NOT NULL)");
    let beyond = rows as u64..(rows + asked) as u64;
    data::copy(&mut bench.session(), "many_category_titles", beyond.map(row));
    bench.settle();
    let asking = "SELECT count(categorize(title, 'many')) FROM many_category_titles";
    let timings = step("asking the trained model, in turns with that of flipkart", || {
        measure::interleaved(bench, &[Statement::new(asking), Statement::new(sql::ASKED)])
    });
    let [many, few] = [&timings[0], &timings[1]].map(|timing| timing.median() / asked as f64);
    let right: i64 =
        bench.session().one("SELECT count(*) FROM many_category_titles WHERE categorize(title, 'many') = category");
    let answered: f64 = timings[0].answer.parse().unwrap_or_default();
    let named = format!("local model, {} categories", count(categories as f64));
    report.rows.push(Row {
        work: format!("{named}: training on {} rows", count(rows as f64)),
        ours: format!("{} s, peak of {} MB", figure(outcome.seconds), count(outcome.peak_bytes / 1e6)),
        peer: "-".to_owned(),
        ratio: None,
        bar: Bar::None,
    });
    report.rows.push(Row {
        work: format!("{named}: prediction through SQL; peer: the model of flipkart"),
        ours: format!("{} microseconds a title", figure(many * 1e3)),
        peer: format!("{} microseconds a title", figure(few * 1e3)),
        ratio: Some(many / few),
        bar: Bar::AtMost(10.0),
    });
    report.timed(&format!("{named}: {} titles through SQL", count(asked as f64)), &timings[0]);
    report.timed("local model, flipkart, in turns with it", &timings[1]);
    report.note(format!(
        "{} categories are paths of Shopify's product taxonomy, the rows titles made from their words. Training took {} s for the lessons and {} s for the rest, in a process whose memory peaked at {} MB (VmHWM), with categorize.training_memory at {} MB, for which {} rows were left out. At its default of 512 MB, {} would have been kept.",
        count(categories as f64),
        figure(outcome.lesson_seconds),
        figure(outcome.seconds - outcome.lesson_seconds),
        count(outcome.peak_bytes / 1e6),
        count(MEGABYTES as f64),
        count(outcome.left_out),
        count(outcome.kept_by_default)
    ));
    report.note(format!(
        "Its model takes {} MB and reports an accuracy of {} on what it held out. Of {} more titles it answers {}, {} of them right.",
        figure(size as f64 / 1e6),
        percent(outcome.accuracy),
        count(asked as f64),
        percent(answered / asked as f64),
        percent(right as f64 / answered.max(1.0))
    ));
}

/// Makes the taxonomy; returns the ids of the paths.
fn create(bench: &Bench, paths: &[&str]) -> Vec<i32> {
    step(&format!("a taxonomy of {} categories", count(paths.len() as f64)), || {
        let mut session = bench.session();
        let create = "SELECT categorize.create_taxonomy('many', $1)";
        session.execute(create, &[&paths]).unwrap_or_else(|e| panic!("{create}: {e}"));
        let ids = "SELECT c.id FROM unnest($1::text[]) WITH ORDINALITY p (path, n)
                     JOIN categorize.categories c ON c.taxonomy = 'many' AND c.path = p.path ORDER BY p.n";
        let rows = session.query(ids, &[&paths]).unwrap_or_else(|e| panic!("{ids}: {e}"));
        assert_eq!(rows.len(), paths.len(), "paths without a category");
        rows.iter().map(|row| row.get(0)).collect()
    })
}

/// Trains in a process of its own, so that its memory is that of the training.
fn train(listed: &Path, rows: usize, stored: &Path) -> Outcome {
    let program = std::env::current_exe().unwrap_or_else(|e| panic!("this program has no name: {e}"));
    let mut command = Command::new(program);
    command
        .arg(COMMAND)
        .arg(listed)
        .arg(rows.to_string())
        .arg(MEGABYTES.to_string())
        .arg(stored)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    let output = command.output().unwrap_or_else(|e| panic!("cannot start: {e}"));
    assert!(output.status.success(), "training {}", output.status);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("what it found cannot be read: {e}"))
}

/// Stores the model as train() does, and makes it live; returns its size.
fn insert(bench: &Bench, outcome: &Outcome, stored: &Path) -> usize {
    let bytes = fs::read(stored).unwrap_or_else(|e| panic!("{}: {e}", stored.display()));
    step("storing the model", || {
        let sql = "INSERT INTO categorize.local_model (taxonomy_id, tenant, version, active, examples, corrections,
                                                       categories, metrics, weights)
                   SELECT id, '', 1, true, $1, 0, $2, '{}', $3 FROM categorize.taxonomies WHERE name = 'many'";
        let stored = bench.session().execute(sql, &[&outcome.examples, &outcome.categories, &bytes]);
        assert_eq!(stored.unwrap_or_else(|e| panic!("{sql}: {e}")), 1, "the model was not stored");
    });
    let mut session = bench.session();
    session.run("SELECT categorize('a title', 'many')");
    let warnings = session.warnings();
    assert!(warnings.is_empty(), "the model is not that of the installed library: {warnings:?}");
    bytes.len()
}
