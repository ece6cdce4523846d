//! What one call costs beside the model: one session that asks for one new title after the other, against a client
//! without a database that asks the same of the same model, in turns.

use super::Sizes;
use super::direct::Direct;
use super::litellm::Proxy;
use super::shop::{self, Shop};
use crate::bench::{Bench, step};
use crate::data::{self, product};
use crate::measure::Timing;
use crate::report::{Bar, Report, count, milliseconds};
use pg_categorize_e2e::Session;
use pg_categorize_fake_llm::Config;
use postgres::Statement;
use std::ops::Range;
use std::time::{Duration, Instant};

/// Calls of each side before anything is measured: connections, caches, plans.
const WARM: usize = 50;

/// What is judged: the median and the tail, with their bars in milliseconds.
const PERCENTILES: [(&str, f64, f64); 2] = [("median", 0.5, 1.0), ("99th percentile", 0.99, 5.0)];

/// Asks for one title in a call.
pub fn run(bench: &Bench, report: &mut Report) {
    let calls = Sizes::of(bench).calls;
    let turns = WARM + calls;
    let config = Config { labels: shop::labels(0..4 * turns), keep_requests: false, ..Config::default() };
    let shop = Shop::open(config);
    shop.configure(r#""pack_size": 1, "pack_wait_ms": 0"#);
    shop.wake();
    let mut session = shop.session();
    let asking = session.prepare("SELECT categorize($1)").expect("it is SQL");
    let direct = Direct::new(&format!("{}/v1", shop.model.url()), data::paths());
    let (ours, peer) = step(&format!("{} calls of each side, in turns", count(calls as f64)), || {
        let turn = |turn| (ask(&mut session, &asking, 2 * turn), direct.ask(2 * turn + 1));
        let (ours, peer): (Vec<_>, Vec<_>) = (0..turns).map(turn).skip(WARM).unzip();
        (Timing::new(ours), Timing::new(peer))
    });
    for (name, share, most) in PERCENTILES {
        let (one, other) = (ours.percentile(share), peer.percentile(share));
        let work = format!("one call, {name}; peer: a client without a database");
        report.line(work, milliseconds(one), milliseconds(other), Some(one - other), Bar::Milliseconds(most));
    }
    report.timed("one call: ours", &ours);
    report.timed("one call: a client without a database", &peer);
    through_proxy(&shop, report, 2 * turns..3 * turns, &ours);
    where_it_goes(&shop, report, 3 * turns..3 * turns + calls / 2, [&ours, &peer]);
}

/// The same by way of LiteLLM's proxy, which routes and logs and keeps no budget here.
fn through_proxy(shop: &Shop, report: &mut Report, numbers: Range<usize>, ours: &Timing) {
    let proxy = match Proxy::start(&shop.model.url()) {
        Ok(proxy) => proxy,
        Err(why) => return report.note(format!("The LiteLLM proxy was not measured, skipped: {why}.")),
    };
    let client = Direct::new(&proxy.base(), data::paths());
    let times = step("calls through the LiteLLM proxy", || {
        Timing::new(numbers.map(|number| client.ask(number)).skip(WARM).collect())
    });
    for (name, share, _) in PERCENTILES {
        let (one, other) = (ours.percentile(share), times.percentile(share));
        let work = format!("one call, {name}; peer: a client without a database, through the LiteLLM proxy");
        report.line(work, milliseconds(one), milliseconds(other), Some(other / one), Bar::Faster);
    }
    report.timed("one call: through the LiteLLM proxy", &times);
}

/// The parts of a call that can be told apart from outside.
fn where_it_goes(shop: &Shop, report: &mut Report, numbers: Range<usize>, [ours, peer]: [&Timing; 2]) {
    let mut session = shop.session();
    session.run("CREATE TABLE kept (i int)");
    let [asking, insert] =
        ["SELECT categorize($1)", "INSERT INTO kept VALUES (1)"].map(|sql| session.prepare(sql).expect("it is SQL"));
    let numbers: Vec<usize> = numbers.collect();
    let (durable, risky) = numbers.split_at(numbers.len() / 2);
    let known = product(0).title;
    let free = Timing::new(durable.iter().map(|_| timed(|| session.query_one(&asking, &[&known])).0).collect());
    // In turns: what a disk takes differs from minute to minute.
    let turn = |number: &usize| (ask(&mut session, &asking, *number), timed(|| session.execute(&insert, &[])).0);
    let (rested, commit): (Vec<_>, Vec<_>) = durable.iter().map(turn).unzip();
    let (rested, commit) = (Timing::new(rested), Timing::new(commit));
    session.run("ALTER SYSTEM SET fsync = off");
    session.run("SELECT pg_reload_conf()");
    // Until the gateway has read it.
    std::thread::sleep(Duration::from_secs(1));
    let risky = Timing::new(risky.iter().map(|number| ask(&mut session, &asking, *number)).collect());
    let parts: Vec<String> = [
        ("all of it", ours),
        ("the request itself (the client without a database)", peer),
        ("a commit of one row by a session", &commit),
        ("all of it in turns with such commits", &rested),
        ("all of it without fsync", &risky),
        ("a call of SQL that is answered from memory", &free),
    ]
    .iter()
    .map(|(part, timing)| {
        format!("{part} {} / {}", milliseconds(timing.median()), milliseconds(timing.percentile(0.99)))
    })
    .collect();
    report.note(format!(
        "Where the time of one call goes, median / 99th percentile: {}. Each call waits for one durable commit of the \
         gateway, that of the reservation, before anything is sent.",
        parts.join("; ")
    ));
}

/// Asks for one product through SQL.
fn ask(session: &mut Session, asking: &Statement, number: usize) -> Duration {
    let product = product(number as u64);
    let (time, row) = timed(|| session.query_one(asking, &[&product.title]));
    assert_eq!(row.get::<_, Option<String>>(0).as_ref(), Some(&product.category), "{}", product.title);
    time
}

fn timed<T>(work: impl FnOnce() -> Result<T, postgres::Error>) -> (Duration, T) {
    let start = Instant::now();
    let value = work();
    (start.elapsed(), value.unwrap_or_else(|e| panic!("a statement failed: {e}")))
}
