//! What is known without any label, and what the first labels add: the shipped taxonomy and one of bare names.

use super::vectors;
use crate::bench::Bench;
use crate::bench::step;
use crate::data::{copy, shuffle};
use crate::report::{Bar, Item, Report, Row, Section, Table, count, figure};
use pg_categorize_e2e::{Cluster, Session};
use std::sync::Arc;
use std::time::Instant;

/// Labels that are known, one number after the other.
const LABELS: [usize; 4] = [0, 100, 250, 500];

/// How many labels have to add to what is answered rightly.
const JUDGED: usize = 100;

/// Titles that are asked; all others may be learnt.
const ASKED: usize = 500;

/// The order of the titles.
const SEED: u64 = 42;

const WHAT: &str = "\
500 titles that nobody has taught, asked of the free tiers with so many others learnt by `learn()`, in one order of a fixed seed. No
provider, no rule, no setting. *Described*: `demo/titles.tsv` and the shipped taxonomy `products`, whose categories have
descriptions. *Bare names*: titles of flipkart, categories that nobody described, so that only a trained model can add anything. *After* is the time from `learn()` until a model
is trained and the vectors are made. Parts of the curve of confidence were fitted to other titles of both sets, so the first
line of each flatters a little.";

/// What was said of all titles that were asked.
struct Said {
    answered: f64,
    rightly: f64,
}

/// Asks, learns, and asks again.
pub fn run(_bench: &Bench, report: &mut Report) {
    let database = Arc::new(Cluster::builder().start()).extended("few_labels");
    let mut session = database.session();
    if let Err(why) = vectors::install(&mut session) {
        return report.note(format!("The first labels were not measured, {why}."));
    }
    let mut rows = Vec::new();
    let demo = crate::root().join("demo/titles.tsv");
    let text = std::fs::read_to_string(&demo).unwrap_or_else(|e| panic!("{}: {e}", demo.display()));
    measure(&mut session, report, &mut rows, "demo/titles.tsv, described", &text, "products");
    let flipkart = crate::root().join("../shared/data/flipkart/dedup.tsv");
    match std::fs::read_to_string(flipkart) {
        Ok(text) => {
            let names: Vec<String> = titles(&text).into_iter().map(|(_, category)| category).collect();
            let create =
                "SELECT categorize.create_taxonomy('bare', (SELECT array_agg(DISTINCT n) FROM unnest($1::text[]) n))";
            session.execute(create, &[&names]).unwrap_or_else(|e| panic!("{create}: {e}"));
            measure(&mut session, report, &mut rows, "flipkart, bare names", &text, "bare");
        }
        Err(_) => report.note("The first labels of bare names: skipped, ../shared/data/flipkart is absent.".to_owned()),
    }
    let head = vec!["titles", "labels", "after, s", "answered", "right, of these", "answered rightly, of all"];
    let items = vec![Item::Text(WHAT.to_owned()), Item::Table(Table { head, rows })];
    report.sections.push(Section { title: "The first labels", items });
}

/// Titles and categories of lines whose first two columns are these, in their order.
fn titles(text: &str) -> Vec<(String, String)> {
    let two = |line: &str| line.split_once('\t').map(|(title, rest)| (title.to_owned(), rest.to_owned()));
    let first = |(title, rest): (String, String)| (title, rest.split('\t').next().unwrap_or_default().to_owned());
    text.lines().skip(1).filter_map(two).map(first).collect()
}

fn measure(
    session: &mut Session,
    report: &mut Report,
    rows: &mut Vec<Vec<String>>,
    name: &str,
    text: &str,
    taxonomy: &str,
) {
    let mut titles = titles(text);
    shuffle(&mut titles, SEED);
    let (asked, taught) = titles.split_at(ASKED);
    make_table(session, "asked", asked);
    let mut nothing = None;
    let mut known = 0;
    for labels in LABELS {
        let after = step(&format!("{name}: {} labels", count(labels as f64)), || {
            make_table(session, "taught", &taught[known..labels.min(taught.len())]);
            known = labels;
            let start = Instant::now();
            if labels > 0 {
                session.run(&format!("SELECT categorize.learn('SELECT title, category FROM taught', '{taxonomy}')"));
                session.run(&format!("SELECT * FROM categorize.train('{taxonomy}')"));
                vectors::await_index(session, taxonomy, labels as i64);
            }
            start.elapsed().as_secs_f64()
        });
        let said = ask(session, taxonomy);
        let percent = |share: f64| format!("{:.1}%", 100.0 * share);
        let waited = if labels == 0 { "-".to_owned() } else { figure(after) };
        rows.push(vec![
            name.to_owned(),
            count(labels as f64),
            waited,
            percent(said.answered),
            percent(said.rightly / said.answered.max(f64::MIN_POSITIVE)),
            percent(said.rightly),
        ]);
        let before = *nothing.get_or_insert(said.rightly);
        if labels == JUDGED {
            report.rows.push(Row {
                work: format!("{name}, {JUDGED} labels: answered rightly; peer: nothing learnt"),
                ours: percent(said.rightly),
                peer: percent(before),
                ratio: Some(100.0 * (said.rightly - before)),
                bar: Bar::Points(0.0),
            });
        }
    }
}

fn make_table(session: &mut Session, table: &str, titles: &[(String, String)]) {
    session.run(&format!("DROP TABLE IF EXISTS {table}; CREATE TABLE {table} (title text, category text)"));
    let line = |(title, category): &(String, String)| format!("{title}\t{category}").replace('\\', "\\\\");
    copy(session, table, titles.iter().map(line));
}

fn ask(session: &mut Session, taxonomy: &str) -> Said {
    let sql = format!(
        "SELECT avg((d.category IS NOT NULL)::int)::float8, avg((d.category IS NOT DISTINCT FROM a.category)::int)::float8
           FROM asked a CROSS JOIN LATERAL categorize_detail(a.title, '{taxonomy}') d"
    );
    let row = session.query_one(&sql, &[]).unwrap_or_else(|e| panic!("{sql}: {e}"));
    Said { answered: row.get(0), rightly: row.get(1) }
}
