//! The whole cascade: a shop's titles as they come, from an empty taxonomy on, and then the same titles once more.

use super::Sizes;
use super::course::{self, Course, Row};
use crate::bench::{Bench, step};
use crate::data;
use crate::report::{Bar, Item, Report, Section, count};
use crate::works::gateway::LATENCY;
use crate::works::routing::flipkart::{ABSENT, Titles, titles};
use crate::works::routing::market::{CHEAP, LIKE_OPENAI, Market};
use pg_categorize_e2e::{Session, eventually};
use pg_categorize_fake_llm::{Config, Latency, Model, Oracle};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Of the order in which the titles come.
const SEED: u64 = 6;

/// A statement comes so long after the one before it: 200 titles a second, if answers are no slower.
const EVERY: Duration = Duration::from_millis(500);

/// The trainer runs as it does by itself; the harness of the tests turns that off.
pub const WORKERS: [&str; 2] = ["categorize.train_after_growth = 25", "categorize.train_after_corrections = 1000"];

/// What an answer of the model costs, in US dollars.
const ANSWER: f64 = 0.0002;

const WHAT: &str = "\
Titles of flipkart with their real repeats, in a random order of a fixed seed, as statements of 100, each half a second after
the one before it. The taxonomy has all paths of the data and nothing else: no label, no description, no rule. Gateway and
trainer run as they do in any installation; all settings are the defaults but for the audits, which are off, and for a single
model, which is right about 95 titles in 100 and answers within 200 ms. What was paid is the number of answers in the account
of the provider, at 0.0002 dollars each; the peer asks the same model for every title. A title counts as right if it got the
category of its row.";

/// Asks for the stream twice.
pub fn run(bench: &Bench, report: &mut Report) {
    let Some(all) = Titles::stream() else { return report.note(format!("The cascade: {ABSENT}.")) };
    let (size, _) = Sizes::of(bench).stream;
    let categories = all.categories();
    let model = Model { error_rate: Some(0.05), ..Model::default() };
    let config = Config {
        labels: all.labels(),
        models: [(CHEAP.0.to_owned(), model)].into(),
        latency: Latency::Fixed(LATENCY),
        keep_requests: false,
        ..Config::default()
    };
    let mut stream = all.all;
    data::shuffle(&mut stream, SEED);
    stream.truncate(size);
    let oracle = Oracle::new(&config);
    let knows = |(title, truth): &&(String, String)| {
        oracle.says_of(CHEAP.0, title, &categories).is_some_and(|(said, _)| said == *truth)
    };
    let alone = stream.iter().filter(knows).count() as f64 / stream.len() as f64;
    let mut market = Market::open_with(&WORKERS);
    embed(&mut market.session(), "The cascade", report);
    market.add("model", "openai", "/v1", config, LIKE_OPENAI);
    let settings = format!(r#""models": {{"cheap": "{}"}}, "upgrade": "never", "audit_share": 0"#, CHEAP.0);
    market.taxonomy("shop", &categories, &settings);
    let first = step(&format!("{} titles, from nothing on", count(size as f64)), || pass(bench, &market, &stream));
    let second = step("the same titles a second time", || pass(bench, &market, &stream));
    judge(bench, report, [&first, &second], alone);
    let charged = market.providers[0].account().charged_nanousd as f64 / 1e9;
    report.note(format!(
        "The cascade, as the provider charged by tokens at its prices: ${charged:.4} for both passes, {:.6} an answer.",
        charged / market.providers[0].account().answers_paid.max(1) as f64
    ));
}

/// Without pgvector the tier abstains: said, since every figure is then another.
pub fn embed(session: &mut Session, what: &str, report: &mut Report) {
    let offered: bool = session.one("SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector')");
    if offered {
        session.run("CREATE EXTENSION IF NOT EXISTS vector");
    } else {
        report.note(format!("{what} ran without pgvector, so without the similarity tier."));
    }
}

/// Asks for all titles, statement by statement, and waits until no worker has anything left to do.
fn pass(bench: &Bench, market: &Market, stream: &[(String, String)]) -> Course {
    let (_, portion) = Sizes::of(bench).stream;
    let mut session = market.session();
    let sql =
        "SELECT category, source, evidence ->> 'model_version' FROM categorize_many($1, 'shop') ORDER BY ordinality";
    let mut course = Course::default();
    let mut due = Instant::now();
    for portion in stream.chunks(portion) {
        sleep(due.saturating_duration_since(Instant::now()));
        due = Instant::now() + EVERY;
        let asked = titles(portion);
        let before = market.providers[0].account().answers_paid;
        let rows = session.query(sql, &[&asked]).unwrap_or_else(|e| panic!("{sql}: {e}"));
        assert_eq!(rows.len(), portion.len(), "rows that are missing");
        course.rows.extend(portion.iter().zip(&rows).map(|((_, truth), row)| Row {
            right: row.get::<_, Option<String>>(0).as_ref() == Some(truth),
            answered: row.get::<_, Option<String>>(0).is_some(),
            source: row.get(1),
            version: row.get(2),
        }));
        course.paid.push((portion.len(), market.providers[0].account().answers_paid - before));
    }
    market.quiet();
    let busy = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_categorize trainer'";
    eventually("the end of all trainings", 300, || session.one::<i64>(busy) == 0);
    course
}

fn judge(bench: &Bench, report: &mut Report, [first, second]: [&Course; 2], alone: f64) {
    let Sizes { ends, window, .. } = Sizes::of(bench);
    let all = first.rows.len();
    let what = format!("cascade, {} titles", count(all as f64));
    let percent = |share: f64| format!("{:.2}%", 100.0 * share);
    for (pass, course) in [("", first), (", a second time", second)] {
        let bar = if pass.is_empty() { Bar::Points(-1.5) } else { Bar::Difference };
        let right = course.right(0..all);
        let (ours, peer) = (percent(right), percent(alone));
        report.line(
            format!("{what}{pass}: right; peer: the model alone"),
            ours,
            peer,
            Some(100.0 * (right - alone)),
            bar,
        );
    }
    let size = count(*ends as f64);
    let paid = |course: &Course, range: std::ops::Range<usize>| {
        let paid = course.paid(range.clone());
        (format!("{} answers", count(paid as f64)), Some(paid as f64 / range.len() as f64))
    };
    for (part, course, range, most) in [
        (format!("the first {size}"), first, 0..*ends, 0.55),
        (format!("the last {size}"), first, all - ends..all, 0.22),
        ("all, a second time".to_owned(), second, 0..all, 0.005),
    ] {
        let (ours, share) = paid(course, range);
        report.line(format!("{what}: paid for of {part}"), ours, "-".to_owned(), share, Bar::AtMost(most));
    }
    let mut items = vec![Item::Text(WHAT.to_owned())];
    items.push(Item::Table(course::table(first, second, *ends)));
    items.push(Item::Chart(course::shares(first, alone, *window)));
    items.push(Item::Chart(course::spending(first, ANSWER)));
    items.push(Item::Text(course::again(first, second)));
    report.sections.push(Section { title: "The whole cascade", items });
}
