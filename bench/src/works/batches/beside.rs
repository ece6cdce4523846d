//! A session that asks for what the cache knows, alone and beside a night's work.

use super::{Sizes, queue};
use crate::bench::{Bench, step};
use crate::data::product;
use crate::measure::Timing;
use crate::report::{Bar, Report, count, milliseconds};
use crate::works::gateway::Shop;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Between two calls.
const PERIOD: Duration = Duration::from_millis(10);

/// The share of the calls that are not slower.
const SHARE: f64 = 0.95;

/// What is known, by numbers that nothing is queued of.
const KNOWN: std::ops::Range<usize> = 5_000_000..5_020_000;

/// Asks alone, beside it, and alone again.
pub fn run(bench: &Bench, report: &mut Report) {
    let &Sizes { beside, asked, .. } = Sizes::of(bench);
    let shop = queue::open(0..beside, 10);
    shop.wake();
    learn(&shop);
    let mut numbers = KNOWN;
    let alone = || -> (AtomicBool, usize) { (AtomicBool::new(false), asked) };
    let (over, most) = alone();
    let first = step("alone", || ask(&shop, &mut numbers, &over, most));
    let over = AtomicBool::new(false);
    let (mut session, mut times) = (shop.session(), Vec::new());
    let busy = step(&format!("beside {} titles that are queued, sent and read", count(beside as f64)), || {
        std::thread::scope(|threads| {
            let asking = threads.spawn(|| ask(&shop, &mut numbers, &over, KNOWN.len()));
            times = vec![
                queue::enqueue(&mut session, 0..beside),
                queue::send(&mut session, beside),
                queue::read(&shop, &mut session),
            ];
            over.store(true, Ordering::Relaxed);
            asking.join().expect("a session that asks")
        })
    });
    queue::check(&shop, &mut session, 0..beside);
    let (over, most) = alone();
    let last = step("alone again", || ask(&shop, &mut numbers, &over, most));
    let (busy, alone) = (Timing::new(busy), Timing::new([first, last].concat()));
    for (share, name, bar) in [(SHARE, "95th percentile", Bar::AtMost(1.2)), (0.5, "median", Bar::Ratio)] {
        let (ours, peer) = (busy.percentile(share), alone.percentile(share));
        report.line(
            format!(
                "categorize() of what the cache knows, {name}, beside {} titles queued, sent and read; peer: alone",
                count(beside as f64)
            ),
            milliseconds(ours),
            milliseconds(peer),
            Some(ours / peer),
            bar,
        );
    }
    report.timed("categorize() of what the cache knows, beside batches", &busy);
    report.timed("categorize() of what the cache knows, alone", &alone);
    let [queued, sent, read] = [0, 1, 2].map(|at: usize| milliseconds(times[at].as_secs_f64() * 1e3));
    report.note(format!(
        "Beside: a session asks for another title each {} ms or so; queueing took {queued}, sending {sent}, reading {read}, with the \
         provider's own work on the same processors.",
        PERIOD.as_millis()
    ));
}

fn learn(shop: &Shop) {
    let products: Vec<_> = KNOWN.map(|number| product(number as u64)).collect();
    let titles: Vec<&str> = products.iter().map(|product| product.title.as_str()).collect();
    let categories: Vec<&str> = products.iter().map(|product| product.category.as_str()).collect();
    let mut session = shop.session();
    session.run("CREATE TABLE known (title text, category text)");
    let sql = "INSERT INTO known SELECT * FROM ROWS FROM (unnest($1::text[]), unnest($2::text[])) AS n";
    session.execute(sql, &[&titles, &categories]).unwrap_or_else(|e| panic!("{sql}: {e}"));
    session.run("SELECT categorize.learn('SELECT title, category FROM known', 'shop')");
    session.run("VACUUM ANALYZE");
    session.run("CHECKPOINT");
}

/// Asks for one title after the other until it is over; how long each took. No title comes twice: nothing is answered from memory
/// that the session keeps.
fn ask(shop: &Shop, numbers: &mut std::ops::Range<usize>, over: &AtomicBool, most: usize) -> Vec<Duration> {
    let mut session = shop.session();
    let sql = session.prepare("SELECT categorize($1)").unwrap_or_else(|e| panic!("a statement: {e}"));
    // The first call of a session loads the taxonomy.
    let first = product(KNOWN.start as u64);
    session.query_one(&sql, &[&first.title]).unwrap_or_else(|e| panic!("a call: {e}"));
    let mut times = Vec::new();
    while !over.load(Ordering::Relaxed) && times.len() < most {
        let Some(number) = numbers.next() else { break };
        let product = product(number as u64);
        let start = Instant::now();
        let row = session.query_one(&sql, &[&product.title]).unwrap_or_else(|e| panic!("a call: {e}"));
        times.push(start.elapsed());
        assert_eq!(row.get::<_, Option<String>>(0), Some(product.category), "{}", product.title);
        std::thread::sleep(PERIOD);
    }
    times
}
