//! Many sessions that ask the same at the same time: each answer is paid for once.

use super::shop::{self, Shop};
use super::{LATENCY, Sizes};
use crate::bench::{Bench, step};
use crate::report::{Bar, Report, count, milliseconds};
use pg_categorize_fake_llm::{Config, Latency};
use std::sync::Barrier;
use std::time::Instant;

/// Asks for the same titles from all sessions at once, each in one statement.
pub fn run(bench: &Bench, report: &mut Report) {
    let (sessions, titles) = Sizes::of(bench).sessions;
    let config = Config {
        labels: shop::labels(0..titles),
        latency: Latency::Fixed(LATENCY),
        keep_requests: false,
        ..Config::default()
    };
    let shop = Shop::open(config);
    shop.wake();
    let before = shop.model.account();
    let asked = shop::titles(0..titles);
    let ready = Barrier::new(sessions + 1);
    let what = format!("{sessions} sessions ask for the same {} titles", count(titles as f64));
    let time = step(&what, || {
        std::thread::scope(|threads| {
            for _ in 0..sessions {
                threads.spawn(|| {
                    let mut session = shop.session();
                    ready.wait();
                    let answers = shop::ask(&mut session, &asked);
                    shop::check(0..titles, &answers);
                });
            }
            ready.wait();
            Instant::now()
        })
        .elapsed()
    });
    let account = shop.model.account();
    let paid = account.answers_paid - before.answers_paid;
    let ours = format!("{} answers paid for", count(paid as f64));
    let peer = format!("{} titles", count(titles as f64));
    let off = paid.abs_diff(titles as u64) + account.second_payments;
    report.line(format!("{what}: answers paid for twice or never"), ours, peer, Some(off as f64), Bar::Never);
    report.note(format!(
        "{sessions} sessions at once: {} requests brought {} answers to {} rows in {}.",
        account.requests - before.requests,
        count(paid as f64),
        count((sessions * titles) as f64),
        milliseconds(time.as_secs_f64() * 1e3)
    ));
}
