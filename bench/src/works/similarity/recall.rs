//! Whether the right category is among the 20 that a language model would be offered, and what happens to inputs that belong
//! nowhere. The lists are measured by the example `candidates` of the core crate, which says how.

use crate::bench::{Bench, step};
use crate::data::copy;
use crate::report::{Bar, Item, Report, Row, Section, Table, count, figure};
use crate::works::accuracy::load;
use data::Set;
use recall::{K, Recall};

#[path = "../../../../crates/core/examples/candidates/data.rs"]
mod data;
// Mounted under its own name: the files of the example name each other.
#[path = "../../../../crates/core/examples/candidates/recall.rs"]
#[allow(clippy::module_inception, reason = "it is the example's file of that name")]
mod recall;
#[path = "../../../../crates/core/examples/candidates/shopify.rs"]
mod shopify;

/// Labels that hints come from; the last of them of flipkart only.
const LABELS: [usize; 4] = [0, 250, 1_000, 5_000];

/// Of which set, and of how many labels, recall is judged.
const JUDGED: (&str, usize) = ("flipkart", 1_000);

const WHAT: &str = "\
How often the category of a text is on the list of 20 that a language model would be offered. *First*: it is the first of the
list by words and vectors of the categories alone. The hints are the likeliest categories of a model that was trained on the
labels, and those of the five nearest labelled titles. Flipkart and myntra: the test part of split 42; banking77: its own,
its intents written as words. Shopify: its own titles have no
labels that are public, so the titles of `demo/titles.tsv` are asked; each of their categories was matched by hand with the
node of Shopify's taxonomy that means the same, and a list is right where it has that node or one below it.";

const NOWHERE: &str = "\
Clinc150 has requests that belong to none of its 150 intents. All 15,000 labelled requests are learnt and trained on, and both
kinds are asked of the free tiers through SQL.";

/// Measures lists, then what belongs nowhere.
pub fn run(bench: &Bench, report: &mut Report) {
    let folder = crate::root().join("../shared/data");
    let needed = [
        "flipkart/dedup.tsv",
        "myntra_fashion/dedup.tsv",
        "banking77/test.tsv",
        "taxonomies/shopify_categories.tsv",
        "clinc150/oos_test.tsv",
    ];
    if let Some(absent) = needed.iter().find(|file| !folder.join(file).is_file()) {
        return report.note(format!("Short lists were not measured, skipped: ../shared/data/{absent} is absent."));
    }
    let mut rows = Vec::new();
    for set in [Set::flipkart(&folder), Set::myntra(&folder), Set::banking77(&folder)] {
        let is_main = set.name == JUDGED.0;
        for labels in LABELS.into_iter().filter(|labels| is_main || *labels <= JUDGED.1) {
            let name = format!("{}, {} labels", set.name, count(labels as f64));
            let of = step(&format!("lists for {name}"), || recall::measure(&set, labels));
            if is_main {
                judge(report, &name, &of, if labels == JUDGED.1 { Bar::Percent(90.0) } else { Bar::None });
            }
            rows.push(line(name, &of));
        }
    }
    let demo = crate::root().join("demo/titles.tsv");
    let of = step("lists for Shopify's taxonomy", || shopify::measure(&folder, &demo));
    judge(report, "Shopify, no labels", &of, Bar::None);
    rows.push(line("Shopify, no labels".to_owned(), &of));
    let head = vec![
        "texts",
        "categories",
        "asked",
        "first",
        "on the list",
        "with the model's guesses",
        "and the neighbours'",
        "a list, microseconds",
    ];
    let mut items =
        vec![Item::Text(WHAT.to_owned()), Item::Table(Table { head, rows }), Item::Text(NOWHERE.to_owned())];
    items.push(Item::Table(nowhere(bench, report)));
    report.sections.push(Section { title: "Short lists", items });
}

fn judge(report: &mut Report, name: &str, of: &Recall, bar: Bar) {
    let percent = of.percent(of.with_both);
    report.rows.push(Row {
        work: format!("{name}: category on the list of {K}, of {}", count(of.categories as f64)),
        ours: format!("{percent:.1}%"),
        peer: "-".to_owned(),
        ratio: (bar != Bar::None).then_some(percent),
        bar,
    });
}

fn line(name: String, of: &Recall) -> Vec<String> {
    let percent = |found: usize| format!("{:.1}%", of.percent(found));
    vec![
        name,
        count(of.categories as f64),
        count(of.texts as f64),
        percent(of.first),
        percent(of.without),
        percent(of.with_model),
        percent(of.with_both),
        figure(of.microseconds),
    ]
}

/// What the free tiers say of requests that belong somewhere and of those that belong nowhere.
fn nowhere(bench: &Bench, report: &mut Report) -> Table {
    let mut session = bench.session();
    let text = |file: &str| data::read(&crate::root().join("../shared/data/clinc150").join(file));
    step("learning clinc150", || {
        load(&mut session, "requests", text("train.tsv").split_terminator('\n').skip(1));
        session.run("SELECT categorize.create_taxonomy('requests')");
        session.run("SELECT categorize.learn('SELECT title, category FROM requests', 'requests', true)");
        session.run("SELECT * FROM categorize.train('requests')");
    });
    let mut rows = Vec::new();
    for (what, file) in [("of an intent", "test.tsv"), ("of none", "oos_test.tsv")] {
        session.run("DROP TABLE IF EXISTS asked; CREATE TEMP TABLE asked (title text, category text)");
        let of_two = |line: &str| line.split('\t').take(2).collect::<Vec<_>>().join("\t").replace('\\', "\\\\");
        copy(&mut session, "asked", text(file).split_terminator('\n').skip(1).map(of_two));
        let sql = "SELECT count(*)::float8, count(d.category)::float8,
                          count(*) FILTER (WHERE d.category = a.category)::float8,
                          count(*) FILTER (WHERE d.source = 'local_model')::float8,
                          count(*) FILTER (WHERE d.source = 'similarity')::float8
                     FROM asked a CROSS JOIN LATERAL categorize_detail(a.title, 'requests') d";
        let row = session.query_one(sql, &[]).unwrap_or_else(|e| panic!("{sql}: {e}"));
        let share = |at: usize| format!("{:.1}%", 100.0 * row.get::<_, f64>(at) / row.get::<_, f64>(0));
        rows.push(vec![
            format!("{} requests {what}", count(row.get(0))),
            share(1),
            share(3),
            share(4),
            if what == "of none" { "-".to_owned() } else { share(2) },
        ]);
        if what == "of none" {
            report.line(
                format!("clinc150, {} requests that belong nowhere: answered by the free tiers", count(row.get(0))),
                share(1),
                "-".to_owned(),
                None,
                Bar::None,
            );
        }
    }
    let head = vec!["asked", "answered", "by the local model", "by similarity", "answered rightly, of all"];
    Table { head, rows }
}
