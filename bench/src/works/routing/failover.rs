//! The provider that is asked first dies in the middle, and comes back: who answers, and how soon it is asked again.

use super::Sizes;
use super::market::{CHEAP, LIKE_OPENAI, Market, PAID_ONLY};
use crate::bench::{Bench, step};
use crate::data::{self, product};
use crate::report::{Bar, Report, count, figure};
use crate::works::gateway::{labels, titles};
use pg_categorize_fake_llm::{Config, Latency, Outage};
use std::ops::Range;
use std::time::{Duration, Instant};

/// Longer than a breaker rests.
const PATIENCE: Duration = Duration::from_secs(330);

/// Kills the first of two providers while titles are asked, and waits until it is found again.
pub fn run(bench: &Bench, report: &mut Report) {
    let number = Sizes::of(bench).failover;
    let config = || Config {
        labels: labels(0..2 * number),
        latency: Latency::Lognormal(Duration::from_millis(100), 0.3),
        ..Config::default()
    };
    let mut market = Market::open();
    let at = |priority: i32| format!(r#"{LIKE_OPENAI}, "model": "{}", "priority": {priority}"#, CHEAP.0);
    market.add("primary", "openai", "/v1", config(), &at(1));
    market.add("second", "openai", "/v1", config(), &at(2));
    market.taxonomy("shop", &data::paths(), PAID_ONLY);
    let half = number as u64 / 2;
    let primary = &market.providers[0];
    let asked = titles(0..number);
    let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
    let mut died = Instant::now();
    let mut answered_by_then = 0;
    let answers = step(&format!("{} titles, half of which the primary lives to see", count(number as f64)), || {
        std::thread::scope(|threads| {
            let asking = threads.spawn(|| market.ask("shop", &asked));
            while primary.account().answers_paid < half {
                std::thread::sleep(Duration::from_millis(5));
            }
            answered_by_then = primary.account().answers_paid;
            assert_eq!(health(&market).0, 0, "it has failed before it died");
            primary.down(Outage::Reset);
            died = Instant::now();
            asking.join().expect("the session ends")
        })
    });
    market.quiet();
    let account = primary.account();
    let wrong =
        answers.iter().zip(0..).filter(|(answer, i)| answer.category.as_ref() != Some(&product(*i).category)).count();
    let what = format!("the primary dies among {} titles", count(number as f64));
    let by = |name: &str| answers.iter().filter(|answer| answer.provider.as_deref() == Some(name)).count();
    let ours = format!("{} by the primary, {} by the second", count(by("primary") as f64), count(by("second") as f64));
    report.line(format!("{what}: titles without their answer"), ours, "-".to_owned(), Some(wrong as f64), Bar::Never);
    let (failures, open) = health(&market);
    let until_open = failures_until_open(&market);
    report.line(
        format!("{what}: failures there until its breaker is open"),
        count(until_open as f64),
        "-".to_owned(),
        Some(until_open as f64),
        Bar::AtMost(10.0),
    );
    // These were under way when it opened, and nobody can call them back. The next provider answers their titles.
    let ours = count((failures - until_open) as f64);
    report.line(format!("{what}: failures there of what was in flight by then"), ours, "-".to_owned(), None, Bar::None);
    let sent = count(account.while_down as f64);
    report.line(format!("{what}: requests sent to it after its death"), sent, "-".to_owned(), None, Bar::None);
    assert!(open, "the breaker of a dead provider is not open");
    if let Err(error) = primary.up() {
        return report.note(format!("Failover: the primary could not come back: {error}."));
    }
    let found = if bench.quick {
        None
    } else {
        step("waiting for the primary to be found again", || found_again(&market, number, died))
    };
    match found {
        Some((after, probes)) => {
            let ours = format!("{} s after its death", figure(after.as_secs_f64()));
            report.line(
                "the primary is back: found by a probe".to_owned(),
                ours,
                "-".to_owned(),
                Some(after.as_secs_f64() / 300.0),
                Bar::AtMost(1.1),
            );
            report.note(format!("Failover: a breaker rests for 300 s; titles were asked every second, and {probes} of them went to the second provider in the meantime."));
        }
        None if bench.quick => {
            report.note("Failover: the return of the primary takes five minutes; skipped in a quick run.".to_owned())
        }
        None => report.line(
            "the primary is back: found by a probe".to_owned(),
            "never".to_owned(),
            "-".to_owned(),
            Some(f64::INFINITY),
            Bar::AtMost(1.1),
        ),
    }
    report.note(format!("Failover: {answered_by_then} titles were answered when the primary died; it had {} requests in flight at most.", account.max_in_flight));
}

/// Failures at the primary by our own count, and whether its breaker is open.
fn health(market: &Market) -> (i64, bool) {
    let sql = "SELECT failures, state = 'open' FROM categorize.provider_health WHERE provider = 'primary'";
    let row = market.session().query_one(sql, &[]).unwrap_or_else(|e| panic!("{sql}: {e}"));
    (row.get(0), row.get(1))
}

/// Failures at the primary until its breaker opened, as the alert tells them.
fn failures_until_open(market: &Market) -> i64 {
    let sql = r"SELECT substring(message FROM 'failures so far: (\d+)')::bigint FROM categorize.alert
                 WHERE kind = 'breaker_open' AND provider = 'primary'";
    market.session().one(sql)
}

/// Asks for a title a second until the primary answers one: how long that took from its death, and what others answered.
fn found_again(market: &Market, first: usize, died: Instant) -> Option<(Duration, usize)> {
    let numbers: Range<usize> = first..2 * first;
    for (asked, number) in numbers.enumerate() {
        let title = product(number as u64).title;
        let answer = &market.ask("shop", &[&title])[0];
        assert!(answer.category.is_some(), "a title without an answer: {:?}", answer.reason);
        if answer.provider.as_deref() == Some("primary") {
            return Some((died.elapsed(), asked));
        }
        if died.elapsed() > PATIENCE {
            return None;
        }
        std::thread::sleep(Duration::from_secs(1));
    }
    None
}
