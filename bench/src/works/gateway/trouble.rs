//! Whatever is wrong with the model: answers that need none come as fast as ever, and the others say why they do not come.

use super::Sizes;
use super::shop::{self, Shop};
use crate::bench::{Bench, step};
use crate::data;
use crate::measure::{self, Timing};
use crate::report::{Bar, Report, count};
use pg_categorize_fake_llm::Config;
use std::time::Duration;

/// Runs of each; they are short, and an odd one of them counts for nothing.
const RUNS: usize = 15;

/// One trouble, with what a call says that needs the model.
struct Trouble {
    name: &'static str,
    shop: Shop,
    reasons: &'static [&'static str],
    /// A word of what helps.
    hint: &'static str,
}

/// Measures free answers with and without trouble, in turns.
pub fn run(bench: &Bench, report: &mut Report) {
    let titles = Sizes::of(bench).free;
    let healthy = Shop::open(Config::default());
    healthy.wake();
    let troubles = troubles(&healthy);
    let shops: Vec<&Shop> = [&healthy].into_iter().chain(troubles.iter().map(|trouble| &trouble.shop)).collect();
    step("teaching the free tiers", || shops.iter().for_each(|shop| teach(shop, titles)));
    let mut wrong = 0;
    for Trouble { name, shop, reasons, hint } in &troubles {
        let (reason, evidence) = said(shop);
        wrong += u64::from(!reasons.contains(&reason.as_str()) || !evidence.contains(hint));
        report.note(format!("{name}: reason {reason}, evidence {evidence}"));
    }
    let mut runs: Vec<Vec<Duration>> = vec![Vec::new(); shops.len()];
    step(&format!("{} free answers, with and without trouble", count(titles as f64)), || {
        for _ in 0..=RUNS {
            shops.iter().zip(&mut runs).for_each(|(shop, runs)| runs.push(free(shop, titles)));
        }
    });
    // The first of each warms up.
    let timings: Vec<Timing> = runs.into_iter().map(|runs| Timing::new(runs[1..].to_vec())).collect();
    for (trouble, timing) in troubles.iter().zip(&timings[1..]) {
        let work = format!("{} free answers, {}; peer: nothing is wrong", count(titles as f64), trouble.name);
        report.compare(&work, timing, &timings[0], Bar::AtMost(1.1));
    }
    let work = "trouble with the model: wrong reasons or hints".to_owned();
    report.line(work, format!("{} kinds", troubles.len()), "-".to_owned(), Some(wrong as f64), Bar::Never);
}

fn troubles(healthy: &Shop) -> [Trouble; 4] {
    let no_slot = Shop::open_with(Config::default(), &["max_worker_processes = 1"]);
    let off = Shop::open_with(Config::default(), &["categorize.external = off"]);
    let cluster = healthy.cluster();
    let mut unreachable = Shop::within(cluster, "unreachable", Config::default());
    unreachable.model.stop();
    let keyless = Shop::within(cluster, "keyless", Config::default());
    let mut session = keyless.session();
    session.run("SELECT categorize.drop_provider('model')");
    let with_key = format!("'{}/v1', key_env => 'PG_CATEGORIZE_ABSENT'", keyless.model.url());
    shop::add_provider(&mut session, &with_key);
    let trouble = |name, shop, reasons, hint| Trouble { name, shop, reasons, hint };
    [
        trouble("gateway down", no_slot, &["gateway_down"], "max_worker_processes"),
        trouble("provider down", unreachable, &["provider_error", "breaker_open", "timeout"], "provider_health"),
        trouble("key missing", keyless, &["no_provider"], "key"),
        trouble("external off", off, &["external_off"], "categorize.external"),
    ]
}

fn teach(shop: &Shop, titles: usize) {
    let mut session = shop.session();
    data::titles_table(&mut session, "known", 0..titles);
    session.run("SELECT categorize.learn('SELECT title, category FROM known', 'shop')");
    session.run("VACUUM (ANALYZE)");
    session.run("CHECKPOINT");
}

/// Reason and evidence of a title that only the model could answer.
fn said(shop: &Shop) -> (String, String) {
    let mut session = shop.session();
    session.run("SET categorize.timeout_ms = '3s'");
    let sql =
        "SELECT coalesce(reason, 'none'), coalesce(evidence::text, '') FROM categorize_detail('what nobody knows')";
    let row = session.query_one(sql, &[]).unwrap_or_else(|e| panic!("{sql}: {e}"));
    (row.get(0), row.get(1))
}

/// The time of answers that need no model, in a session of its own that has answered one of them.
fn free(shop: &Shop, titles: usize) -> Duration {
    let mut session = shop.session();
    session.run("SELECT categorize(title) FROM known LIMIT 1");
    let (time, answered) = measure::timed(&mut session, "SELECT count(categorize(title)) FROM known");
    assert_eq!(answered, titles.to_string(), "not every known title was answered");
    time
}
