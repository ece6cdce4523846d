//! What confidence is worth after people corrected, and confirmed, some hundreds of answers: for each source of it.

use super::Sizes;
use super::flipkart::{ABSENT, Titles, titles};
use super::market::{Answer, LIKE_OPENAI, Market, PAID_ONLY, check};
use crate::bench::{Bench, step};
use crate::data::copy;
use crate::report::{Bar, Report, count};
use crate::works::accuracy::calibration_error;
use pg_categorize_fake_llm::{Confidence, Config, Model};
use std::collections::BTreeMap;

/// People look at so many answers.
const CORRECTED: usize = 500;

/// How often each model errs.
const ERRORS: f64 = 0.12;

/// Each is a model: its name, what it is called here, its settings, and what its confidence is worth.
const MODELS: [(&str, &str, &str, Confidence); 7] = [
    ("probable", "probabilities of decisions, calibrated", r#"{"mode": "decision"}"#, Confidence::Calibrated),
    (
        "probable-over",
        "probabilities of decisions, overconfident",
        r#"{"mode": "decision"}"#,
        Confidence::Overconfident,
    ),
    ("tokens", "log-probabilities, calibrated", r#"{"log_probabilities": true}"#, Confidence::Calibrated),
    ("tokens-over", "log-probabilities, overconfident", r#"{"log_probabilities": true}"#, Confidence::Overconfident),
    ("written", "self-reported, calibrated", "{}", Confidence::Calibrated),
    ("written-over", "self-reported, overconfident", "{}", Confidence::Overconfident),
    ("silent", "assumed, since it is not told", r#"{"mode": "text"}"#, Confidence::Calibrated),
];

/// Asks each model, corrects a sample, and asks for other titles.
pub fn run(bench: &Bench, report: &mut Report) {
    let Some(all) = Titles::flat() else { return report.note(format!("Calibration: {ABSENT}.")) };
    let (before, after) = Sizes::of(bench).calibration;
    let (earlier, rest) = all.all.split_at(before);
    let later = &rest[..after.min(rest.len())];
    let model = |confidence| Model { error_rate: Some(ERRORS), confidence, ..Model::default() };
    let models: BTreeMap<_, _> = MODELS.iter().map(|(name, _, _, of)| ((*name).to_owned(), model(*of))).collect();
    let mut market = Market::open();
    let config = Config { labels: all.labels(), models, keep_requests: false, ..Config::default() };
    market.add("model", "openai", "/v1", config, LIKE_OPENAI);
    let categories = all.categories();
    for (name, _, settings, _) in MODELS {
        market.run(&format!("SELECT categorize.set_price('{name}', 0.10, 0.50)"));
        market.run(&format!("SELECT categorize.set_model('{name}', 'openai', '{settings}')"));
        market.taxonomy(
            name,
            &categories,
            &format!(r#"{PAID_ONLY}, "models": {{"cheap": "{name}"}}, "upgrade": "never""#),
        );
        // Each model is asked for a tenant of its own, as a new installation would.
        step(&format!("{name}: asking, and correcting {CORRECTED}"), || {
            check(name, &market.ask(name, &titles(earlier)));
            correct(&market, name, earlier);
        });
    }
    market.restart_gateway();
    for (name, what, _, _) in MODELS {
        let answers = step(&format!("{name}: other titles"), || market.ask(name, &titles(later)));
        check(name, &answers);
        judge(report, what, later, &answers);
    }
}

/// Tells the truth about a sample, right answers and wrong ones. The order of the file says nothing of categories, nor of
/// what a model gets wrong.
fn correct(market: &Market, taxonomy: &str, pairs: &[(String, String)]) {
    let mut session = market.session();
    session.run("SET categorize.train_after_corrections = 0; SET categorize.train_after_growth = 0");
    session.run("CREATE TEMP TABLE truth (title text, category text)");
    let escaped = |(title, category): &(String, String)| format!("{title}\t{category}").replace('\\', "\\\\");
    copy(&mut session, "truth", pairs.iter().step_by((pairs.len() / CORRECTED).max(1)).take(CORRECTED).map(escaped));
    let corrected: i64 =
        session.one(&format!("SELECT categorize.correct_many('SELECT title, category FROM truth', '{taxonomy}')"));
    assert_eq!(corrected as usize, CORRECTED, "corrections that were not stored");
}

fn judge(report: &mut Report, what: &str, asked: &[(String, String)], answers: &[Answer]) {
    let pairs = |confidence: fn(&Answer) -> f64| -> Vec<(f64, bool)> {
        let told = asked.iter().zip(answers).filter(|(_, answer)| answer.category.is_some());
        told.map(|((_, category), answer)| (confidence(answer), answer.category.as_ref() == Some(category))).collect()
    };
    let calibrated = pairs(|answer| answer.confidence);
    let right = calibrated.iter().filter(|(_, right)| *right).count() as f64 / calibrated.len().max(1) as f64;
    let ours = calibration_error(&calibrated);
    let raw = calibration_error(&pairs(|answer| answer.raw.unwrap_or(0.0)));
    report.line(
        format!("calibration error after {CORRECTED} corrections, {what}; peer: as the model says it"),
        format!("{ours:.4}"),
        format!("{raw:.4}"),
        Some(ours),
        Bar::AtMost(0.05),
    );
    report.note(format!(
        "Calibration, {what}: {} other titles, {:.1}% of them right.",
        count(calibrated.len() as f64),
        100.0 * right
    ));
}
