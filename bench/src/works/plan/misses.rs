//! Many misses of a plain SELECT, against the time that the model needs at so many requests at once; and its first row.

use crate::bench::{Bench, step};
use crate::data;
use crate::measure::Timing;
use crate::report::{Bar, Report, count, milliseconds};
use crate::works::gateway::{self, LATENCY, Shop};
use pg_categorize_fake_llm::{Config, Latency};
use postgres::fallible_iterator::FallibleIterator;
use std::ops::Range;
use std::time::{Duration, Instant};

/// Titles of one request, and requests at once.
const PACK: usize = 10;
const IN_FLIGHT: usize = 100;

/// Asks for titles that nobody knows, run by run.
pub fn run(bench: &Bench, report: &mut Report) {
    let (misses, runs) = if bench.quick { (1_000, 1) } else { (10_000, 3) };
    let config = Config {
        labels: gateway::labels(0..misses * runs),
        latency: Latency::Fixed(LATENCY),
        keep_requests: false,
        ..Config::default()
    };
    let shop = Shop::open(config);
    shop.configure(&format!(r#""pack_size": {PACK}, "pack_wait_ms": 10, "in_flight": {IN_FLIGHT}"#));
    data::titles_table(&mut shop.session(), "miss", 0..misses * runs);
    shop.session().run("VACUUM ANALYZE miss");
    shop.wake();
    let (times, first): (Vec<_>, Vec<_>) = (0..runs).map(|run| ask(&shop, run * misses..(run + 1) * misses)).unzip();
    let account = shop.model.account();
    assert_eq!(account.second_payments, 0, "titles that were paid for twice");

    let (all, first) = (Timing::new(times), Timing::new(first));
    let latency = LATENCY.as_secs_f64() * 1e3;
    let ideal = misses as f64 / PACK as f64 / IN_FLIGHT as f64 * latency;
    let work = format!("{} distinct misses, a plain SELECT", count(misses as f64));
    for (work, timing, peer, bar) in [
        (format!("{work}; peer: nothing but the model"), &all, ideal, 1.3),
        (format!("{work}: its first row; peer: one call of the model"), &first, latency, 2.0),
    ] {
        let ratio = timing.median() / peer;
        report.line(work, milliseconds(timing.median()), milliseconds(peer), Some(ratio), Bar::AtMost(bar));
    }
    report.timed(&work, &all);
    report.timed(&format!("{work}: its first row"), &first);
    report.note(format!(
        "Misses: the model takes {} ms a request of up to {PACK} titles, and up to {IN_FLIGHT} requests are in flight at once; \
         {} were at most. Medians of {runs} runs; all answers were compared.",
        LATENCY.as_millis(),
        account.max_in_flight
    ));
}

/// The times until the last row and until the first.
fn ask(shop: &Shop, numbers: Range<usize>) -> (Duration, Duration) {
    let mut session = shop.session();
    let sql = "SELECT category, categorize(title) FROM miss WHERE id > $1 AND id <= $2";
    let ends = [numbers.start as i32, numbers.end as i32];
    step(&format!("{} misses of a plain SELECT", count(numbers.len() as f64)), || {
        let start = Instant::now();
        let (mut rows, mut first) = (0, None);
        let mut answers = session.query_raw(sql, ends).unwrap_or_else(|e| panic!("{sql}: {e}"));
        while let Some(row) = answers.next().unwrap_or_else(|e| panic!("{sql}: {e}")) {
            first.get_or_insert_with(|| start.elapsed());
            assert_eq!(row.get::<_, Option<String>>(1), row.get(0), "an answer that is another's");
            rows += 1;
        }
        assert_eq!(rows, numbers.len(), "rows that are missing");
        (start.elapsed(), first.expect("a first row"))
    })
}
