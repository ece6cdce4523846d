//! A night: all that waits goes to the provider, and all results come back.

use super::watch::Watch;
use super::{Sizes, lines, queue};
use crate::bench::{Bench, step};
use crate::measure::Timing;
use crate::report::{Bar, Report, count, figure, milliseconds};
use crate::works::gateway::own_memory;

/// Nights with packs of each size.
pub fn run(bench: &Bench, report: &mut Report) {
    for pack in Sizes::of(bench).packs {
        night(bench, report, *pack);
    }
}

fn night(bench: &Bench, report: &mut Report, pack: usize) {
    let numbers = 0..Sizes::of(bench).queued;
    let shop = queue::open(numbers.clone(), pack);
    let pid = shop.wake();
    let mut session = shop.session();
    let what = format!("{} titles, pack {pack}", count(numbers.len() as f64));
    let before = own_memory(pid);
    let watch = Watch::begin(pid);
    let queued = step(&format!("{what}: queueing them"), || queue::enqueue(&mut session, numbers.clone()));
    session.run("VACUUM ANALYZE categorize.job_entry, categorize.job_waiting, categorize.job_key");
    session.run("CHECKPOINT");
    let sent = step(&format!("{what}: sending them"), || queue::send(&mut session, numbers.len()));
    let most = watch.end();
    assert_eq!(shop.gateway(), Some(pid), "it is another gateway");
    let row = session
        .query_one("SELECT count(*), sum(requests), sum(bytes)::bigint FROM categorize.batch", &[])
        .unwrap_or_else(|e| panic!("the batches: {e}"));
    let (batches, requests, bytes): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
    let (written, of_copy) =
        step(&format!("{what}: the same lines by COPY"), || lines::write(bench, &shop, &mut session));
    let megabytes = |kilobytes: f64| format!("{} MB", figure(kilobytes / 1024.0));
    let rise = (most - before) / 1024.0;
    report.line(
        format!("{what}, sent: memory of the gateway rises by MB"),
        megabytes(most),
        megabytes(before),
        Some(rise),
        Bar::AtMost(64.0),
    );
    let sent = Timing::new(vec![sent]);
    report.compare(&format!("{what}, sent; peer: COPY of the same lines to a file"), &sent, &written, Bar::AtMost(3.0));

    session.run("VACUUM ANALYZE");
    session.run("CHECKPOINT");
    let watch = Watch::begin(pid);
    let read = step(&format!("{what}: reading their results"), || queue::read(&shop, &mut session));
    let most_read = watch.end();
    queue::check(&shop, &mut session, numbers);
    let read = Timing::new(vec![read]);
    // What was written while they were read.
    let cache = ("cache", "true");
    let ledger = ("ledger", "kind <> 'reserve'");
    for (tables, named, bar) in [
        (&[cache][..], "the cache's rows", Bar::TimesShown),
        (&[cache, ledger][..], "the rows of cache and ledger", Bar::Times(0.5)),
        (&[cache, ledger, ("job_end", "true")][..], "the rows of cache, ledger and queue", Bar::TimesShown),
    ] {
        let copied = step(&format!("{what}: {named} by COPY"), || lines::copy_in(bench, &shop, &mut session, tables));
        let work = format!("{what}, read; peer: COPY of {named}");
        let (ours, peer) = (milliseconds(read.median()), milliseconds(copied.median()));
        report.line(work.clone(), ours, peer, Some(copied.median() / read.median()), bar);
        report.timed(&work, &copied);
    }
    report.timed(&format!("{what}, read"), &read);
    report.note(format!(
        "{what}: queued in {}; {requests} requests in {batches} batches, {} MB of lines (those of COPY: {} MB); while results are \
         read the gateway has {} at most.",
        milliseconds(queued.as_secs_f64() * 1e3),
        figure(bytes as f64 / 1e6),
        figure(of_copy as f64 / 1e6),
        megabytes(most_read)
    ));
}
