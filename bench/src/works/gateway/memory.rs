//! Whether the gateway grows with what it has done.

use super::Sizes;
use super::process::{self, Memory};
use super::shop::{self, Shop};
use crate::bench::{Bench, step};
use crate::report::{Bar, Report, count, figure};
use pg_categorize_fake_llm::Config;
use std::ops::Range;

/// Titles of one statement.
const PORTION: usize = 1_000;

/// Asks a model that answers at once, each title in a request of its own.
pub fn run(bench: &Bench, report: &mut Report) {
    let (few, many) = Sizes::of(bench).memory;
    let shop = Shop::open(Config { labels: shop::labels(0..many), keep_requests: false, ..Config::default() });
    shop.configure(r#""pack_size": 1, "pack_wait_ms": 0, "profile": "aggressive""#);
    let pid = shop.wake();
    let after = |numbers: Range<usize>| -> Memory {
        step(&format!("calls {} to {}", count(numbers.start as f64 + 1.0), count(numbers.end as f64)), || {
            let mut session = shop.session();
            for first in numbers.clone().step_by(PORTION) {
                let portion = first..(first + PORTION).min(numbers.end);
                shop::check(portion.clone(), &shop::ask(&mut session, &shop::titles(portion)));
            }
        });
        shop.quiet();
        assert_eq!(shop.gateway(), Some(pid), "it is another gateway");
        process::memory(pid)
    };
    let (before, then) = (after(0..few), after(few..many));
    let own = |memory: Memory| memory.resident - memory.shared;
    let megabytes = |kilobytes: f64| format!("{} MB", figure(kilobytes / 1024.0));
    let work = format!("memory of the gateway after {} calls; peer: after {}", count(many as f64), count(few as f64));
    let ratio = own(then) / own(before);
    report.line(work, megabytes(own(then)), megabytes(own(before)), Some(ratio), Bar::AtMost(1.1));
    report.note(format!(
        "Memory of the gateway is VmRSS without the server's shared memory, of which a process has what it ever touched: with \
         it {} after {} calls and {} after {}. {} requests were answered, {} at once at most.",
        megabytes(before.resident),
        count(few as f64),
        megabytes(then.resident),
        count(many as f64),
        count(shop.model.account().requests as f64),
        shop.model.account().max_in_flight
    ));
}
