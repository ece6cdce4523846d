//! Titles with the same words share an answer: what that saves, and what it costs in accuracy.

use super::Sizes;
use super::flipkart::{ABSENT, Titles, titles};
use super::market::{CHEAP, LIKE_OPENAI, Market, PAID_ONLY, check};
use crate::bench::{Bench, step};
use crate::report::{Bar, Report, Row, count};
use pg_categorize_fake_llm::{Config, Model};

/// Titles of one statement.
const PORTION: usize = 1_000;

/// Asks for a shop's titles as they came, without and with it.
pub fn run(bench: &Bench, report: &mut Report) {
    let Some(all) = Titles::stream() else { return report.note(format!("Near-duplicates: {ABSENT}.")) };
    let stream = &all.all[..Sizes::of(bench).near.min(all.all.len())];
    let mut market = Market::open();
    let model = Model { error_rate: Some(0.05), ..Model::default() };
    let models = [(CHEAP.0.to_owned(), model)].into();
    let config = Config { labels: all.labels(), models, keep_requests: false, ..Config::default() };
    market.add("model", "openai", "/v1", config, LIKE_OPENAI);
    let categories = all.categories();
    let [without, with] = [false, true].map(|shared| {
        let name = if shared { "with" } else { "without" };
        let settings = format!(
            r#"{PAID_ONLY}, "models": {{"cheap": "{}"}}, "upgrade": "never", "near_duplicates": {shared}"#,
            CHEAP.0
        );
        market.taxonomy(name, &categories, &settings);
        let before = market.providers[0].account();
        let answers = step(&format!("{} titles, {name} sharing", count(stream.len() as f64)), || {
            stream.chunks(PORTION).flat_map(|portion| market.ask(name, &titles(portion))).collect::<Vec<_>>()
        });
        check(name, &answers);
        market.quiet();
        let after = market.providers[0].account();
        let right =
            stream.iter().zip(&answers).filter(|((_, category), answer)| answer.category.as_ref() == Some(category));
        let share = right.count() as f64 / stream.len() as f64;
        (after.answers_paid - before.answers_paid, after.charged_nanousd - before.charged_nanousd, share)
    });
    let told = |(paid, nano, right): (u64, i64, f64)| {
        format!("{} answers paid for, ${:.4}, {:.2}% right", count(paid as f64), nano as f64 / 1e9, 100.0 * right)
    };
    report.rows.push(Row {
        work: format!("{} titles as they came, near_duplicates; peer: without", count(stream.len() as f64)),
        ours: told(with),
        peer: told(without),
        ratio: Some(100.0 * (with.2 - without.2)),
        bar: Bar::Difference,
    });
    report.note(format!(
        "Near-duplicates: of {} rows, all but {} repeat a title and are known; sharing saves {:.1}% of the rest, and {:.1}% of the money.",
        count(stream.len() as f64),
        count(without.0 as f64),
        100.0 * (1.0 - with.0 as f64 / without.0 as f64),
        100.0 * (1.0 - with.1 as f64 / without.1 as f64)
    ));
}
