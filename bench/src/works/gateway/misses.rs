//! Many misses in one statement: against the time that the model needs at so many requests at once, and against the
//! function that asks for one row after the other.

use super::shop::{self, Shop};
use super::{IN_FLIGHT, LATENCY, Sizes, row_by_row};
use crate::bench::{Bench, step};
use crate::measure::Timing;
use crate::report::{Bar, Report, count, milliseconds};
use pg_categorize_fake_llm::{Config, Latency};
use std::time::Instant;

/// Asks for titles one in a request and ten in a request, run by run.
pub fn run(bench: &Bench, report: &mut Report) {
    let sizes = Sizes::of(bench);
    let (misses, runs) = (sizes.misses, sizes.runs);
    let all = 2 * misses * runs + sizes.rows;
    let config = Config {
        labels: shop::labels(0..all),
        latency: Latency::Fixed(LATENCY),
        keep_requests: false,
        ..Config::default()
    };
    let shop = Shop::open(config);
    shop.wake();
    let (mut alone, mut packed) = (Vec::new(), Vec::new());
    for run in 0..runs {
        let first = 2 * misses * run;
        alone.push(ask(&shop, 1, first..first + misses));
        packed.push(ask(&shop, 10, first + misses..first + 2 * misses));
    }
    let account = shop.model.account();
    assert_eq!(account.second_payments, 0, "titles that were paid for twice");
    assert!(account.max_in_flight <= IN_FLIGHT as u64, "{} requests at once", account.max_in_flight);

    let ideal = misses as f64 / IN_FLIGHT as f64 * LATENCY.as_secs_f64() * 1e3;
    let number = count(misses as f64);
    let (alone, packed) = (Timing::new(alone), Timing::new(packed));
    for (timing, pack, bar) in [(&alone, 1, 1.15), (&packed, 10, 0.2)] {
        let work = format!("{number} distinct misses, pack {pack}; peer: one in a request, nothing but the model");
        let ratio = timing.median() / ideal;
        report.line(work, milliseconds(timing.median()), milliseconds(ideal), Some(ratio), Bar::AtMost(bar));
        report.timed(&format!("{number} distinct misses, pack {pack}"), timing);
    }
    report.note(format!(
        "Misses: the model takes {} ms a request and {IN_FLIGHT} requests are in flight at once (profile balanced), so that \
         {number} requests take {} at best. Medians of {runs} runs; all answers were compared.",
        LATENCY.as_millis(),
        milliseconds(ideal)
    ));
    row_by_row::run(&shop, report, all - sizes.rows..all, misses, [&alone, &packed]);
}

fn ask(shop: &Shop, pack: usize, numbers: std::ops::Range<usize>) -> std::time::Duration {
    let wait = if pack == 1 { 0 } else { 10 };
    shop.configure(&format!(r#""pack_size": {pack}, "pack_wait_ms": {wait}"#));
    let titles = shop::titles(numbers.clone());
    let mut session = shop.session();
    step(&format!("{} misses, {pack} in a request", count(titles.len() as f64)), || {
        let start = Instant::now();
        let answers = shop::ask(&mut session, &titles);
        let time = start.elapsed();
        shop::check(numbers, &answers);
        time
    })
}
