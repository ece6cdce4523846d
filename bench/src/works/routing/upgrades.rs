//! A cheap model, and a strong one where that is not sure: how right, and for how much, against the strong one for all.

use super::Sizes;
use super::flipkart::{ABSENT, Titles, titles};
use super::market::{Answer, CHEAP, LIKE_OPENAI, Market, PAID_ONLY, STRONG, ask, check, pair};
use crate::bench::{Bench, step};
use crate::report::{Bar, Item, Report, Section, Table, count};
use pg_categorize_core::confidence::{Calibration, Source};
use pg_categorize_fake_llm::{Account, Config};
use std::collections::BTreeMap;

/// Where the confidence comes from: what it is called, how both models are asked, and what the core calls it.
const SOURCES: [(&str, &str, Source); 2] = [
    ("json_schema, self-reported", "json_schema", Source::SelfReported),
    ("decisions, probabilities", "decision", Source::Probabilities),
];

/// How often each of the models errs.
pub(super) const ERRORS: [f64; 2] = [0.12, 0.03];

/// Where a request waits longer for company than it does by default, what a strong model is asked comes in fuller packs.
const PATIENCE_MS: u32 = 200;

/// Tenants share no observations: this one has none when it asks.
const NEW: &str = "new";

/// This one has asked about other titles before.
const TAUGHT: &str = "taught";

/// A pair of titles and categories.
pub(super) type Pair = (String, String);

/// What one run of all titles came to.
struct Run {
    answers: Vec<Answer>,
    /// Dollars, by the provider's account.
    cost: f64,
    /// Titles in each request, by model.
    packs: BTreeMap<String, f64>,
}

/// Asks all titles in each way, for each source of confidence.
pub fn run(bench: &Bench, report: &mut Report) {
    let Some(all) = Titles::flat() else { return report.note(format!("Upgrades: {ABSENT}.")) };
    let (asked, others) = all.all.split_at(Sizes::of(bench).upgrades.min(all.all.len()));
    let mut items = Vec::new();
    for (name, mode, source) in SOURCES {
        let market = open(&all, mode);
        let new = step(&format!("{name}: nothing is known of the models"), || of(&market, NEW, "routed", asked));
        let strong = step(&format!("{name}: the strong model alone"), || of(&market, NEW, "strong", asked));
        step(&format!("{name}: other titles"), || of(&market, TAUGHT, "routed", others));
        let observed = "SELECT count(*) FROM categorize.confidence_observation WHERE tenant = 'taught'";
        let observed: i64 = market.session().one(observed);
        market.restart_gateway();
        // Alone first: a gateway that goes on calibrates anew by what is observed of these titles.
        let cheap = step(&format!("{name}: the cheap model alone"), || of(&market, TAUGHT, "cheap", asked));
        let taught = step(&format!("{name}: after other titles"), || of(&market, TAUGHT, "routed", asked));
        let patient = step(&format!("{name}: the same with patience"), || of(&market, TAUGHT, "patient", asked));
        let patiently = format!("after other titles, packs wait {PATIENCE_MS} ms");
        for (run, when) in [(&new, "nothing observed yet"), (&taught, "after other titles"), (&patient, &patiently)] {
            judge(report, &format!("{}, {name}, {when}", count(asked.len() as f64)), asked, run, &strong);
        }
        let right = |run: &Run| percent(accuracy(asked, &run.answers));
        report.note(format!(
            "Upgrades, {name}: the cheap model alone is right for {} at ${:.4}, the strong one alone for {} at ${:.4}. Titles \
             in a request: {}. The {} other titles left {} observations.",
            right(&cheap),
            cheap.cost,
            right(&strong),
            strong.cost,
            told(&[("cheap alone", &cheap), ("strong alone", &strong), ("routed", &new), ("routed, after others", &taught),
                ("the same with patience", &patient)]),
            count(others.len() as f64),
            count(observed as f64)
        ));
        items.extend(curves(name, source, asked, &cheap, &strong));
    }
    report.sections.push(Section { title: "Thresholds of an upgrade", items });
}

fn open(all: &Titles, mode: &str) -> Market {
    let mut market = Market::open();
    for (name, _) in [CHEAP, STRONG] {
        market.run(&format!(r#"SELECT categorize.set_model('{name}', 'openai', '{{"mode": "{mode}"}}')"#));
    }
    market.add(
        "model",
        "openai",
        "/v1",
        Config { labels: all.labels(), models: pair(ERRORS), ..Config::default() },
        LIKE_OPENAI,
    );
    let (cheap, strong) = (CHEAP.0, STRONG.0);
    let categories = all.categories();
    let with = |name: &str, settings: &str| market.taxonomy(name, &categories, &format!("{PAID_ONLY}, {settings}"));
    let models = format!(r#""models": {{"cheap": "{cheap}", "strong": "{strong}"}}"#);
    with("patient", &format!(r#"{models}, "pack_wait_ms": {PATIENCE_MS}"#));
    with("routed", &models);
    with("cheap", &format!(r#""models": {{"cheap": "{cheap}"}}, "upgrade": "never""#));
    with("strong", &format!(r#""models": {{"cheap": "{strong}"}}, "upgrade": "never""#));
    market
}

/// Asks for all in one statement.
fn of(market: &Market, tenant: &str, taxonomy: &str, asked: &[Pair]) -> Run {
    let mut session = market.session();
    session.run(&format!("SELECT categorize.set_tenant('{tenant}', false)"));
    let before = market.providers[0].account();
    let answers = ask(&mut session, taxonomy, &titles(asked));
    check(taxonomy, &answers);
    market.quiet();
    let after = market.providers[0].account();
    let nano = after.charged_nanousd - before.charged_nanousd;
    // The ledger must say the same: what answers cost is what was charged.
    let told: f64 = answers.iter().map(|answer| answer.cost).sum();
    assert!((told - nano as f64 / 1e9).abs() < 1e-6, "answers cost ${told}, the provider charged {nano} nano-dollars");
    Run { answers, cost: nano as f64 / 1e9, packs: packs(&before, &after) }
}

fn packs(before: &Account, after: &Account) -> BTreeMap<String, f64> {
    let mut sums: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    for request in after.list.iter().skip(before.list.len()) {
        let sum = sums.entry(request.model.clone()).or_default();
        *sum = (sum.0 + request.items.len() as f64, sum.1 + 1.0);
    }
    sums.into_iter().map(|(model, (items, requests))| (model, items / requests)).collect()
}

fn judge(report: &mut Report, what: &str, asked: &[Pair], run: &Run, strong: &Run) {
    let (ours, peer) = (accuracy(asked, &run.answers), accuracy(asked, &strong.answers));
    report.line(
        format!("{what}: right; peer: the strong model for all"),
        percent(ours),
        percent(peer),
        Some(100.0 * ours),
        Bar::Percent(96.0),
    );
    let (one, other) = (format!("${:.4}", run.cost), format!("${:.4}", strong.cost));
    report.line(
        format!("{what}: cost; peer: the strong model for all"),
        one,
        other,
        Some(run.cost / strong.cost),
        Bar::AtMost(0.4),
    );
    let upgraded = run.answers.iter().filter(|answer| answer.upgraded).count();
    report.note(format!(
        "Upgrades, {what}: {} of all titles went to the strong model.",
        percent(upgraded as f64 / asked.len() as f64)
    ));
}

fn told(runs: &[(&str, &Run)]) -> String {
    let of = |(name, run): &(&str, &Run)| {
        let packs: Vec<String> = run.packs.iter().map(|(model, items)| format!("{items:.1} to {model}")).collect();
        format!("{name} {}", packs.join(" and "))
    };
    runs.iter().map(of).collect::<Vec<_>>().join("; ")
}

/// What each threshold would come to, from what both models said alone.
fn curves(name: &str, source: Source, asked: &[Pair], cheap: &Run, strong: &Run) -> Vec<Item> {
    let prior = Calibration::prior(source);
    let fresh: Vec<f64> = cheap.answers.iter().map(|a| f64::from(prior.apply(a.raw.unwrap_or(0.0) as f32))).collect();
    let taught: Vec<f64> = cheap.answers.iter().map(|answer| answer.confidence).collect();
    let mut rows = Vec::new();
    for threshold in (60..=95).step_by(5).map(|hundredths| f64::from(hundredths) / 100.0) {
        let mut row = vec![format!("{threshold:.2}")];
        for confidence in [&fresh, &taught] {
            let (mut upgraded, mut right, mut cost) = (0, 0, cheap.cost);
            for (at, (_, category)) in asked.iter().enumerate() {
                let unsure = confidence[at] < threshold;
                let answer = if unsure { &strong.answers[at] } else { &cheap.answers[at] };
                right += usize::from(answer.category.as_ref() == Some(category));
                upgraded += usize::from(unsure);
                cost += if unsure { strong.answers[at].cost } else { 0.0 };
            }
            let share = |part: usize| percent(part as f64 / asked.len() as f64);
            row.extend([share(upgraded), share(right), format!("{:.3}", cost / strong.cost)]);
        }
        rows.push(row);
    }
    let text = format!(
        "{name}: what each `upgrade_threshold` comes to, reckoned from what both models say alone, at what a title costs the \
         strong model in full packs; first where nothing is observed yet, then after other titles."
    );
    let head = vec!["threshold", "upgraded", "right", "cost", "upgraded, after others", "right", "cost"];
    vec![Item::Text(text), Item::Table(Table { head, rows })]
}

pub(super) fn accuracy(asked: &[Pair], answers: &[Answer]) -> f64 {
    let right = asked.iter().zip(answers).filter(|((_, category), answer)| answer.category.as_ref() == Some(category));
    right.count() as f64 / asked.len().max(1) as f64
}

pub(super) fn percent(share: f64) -> String {
    format!("{:.2}%", 100.0 * share)
}
