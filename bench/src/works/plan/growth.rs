//! Cached titles by their number: time, and the memory of the session that asks.

use crate::bench::{Bench, step};
use crate::data;
use crate::measure::{self, Timing};
use crate::report::{Bar, Chart, Kind, Report, Series, count, figure};
use crate::works::gateway::own_memory;
use crate::works::{create_taxonomy, exact};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

const TITLES: &str = "grown_titles";

/// Some of them in an order that is not that of their answers.
const SHUFFLED: &str = "grown_titles_shuffled";

/// Memory of a session, whatever the server has: what a statement keeps must not depend on it.
const SESSION: &str = "SET work_mem = '4MB'; SET categorize.taxonomy = 'grown'";

/// From so many titles on, a session holds as many answers as its settings let it.
const FULL: usize = 1_000_000;

/// Learns more and more titles, and asks for all that are learnt.
pub fn run(bench: &Bench, report: &mut Report) {
    let mut sizes = bench.sizes.rows.to_vec();
    if bench.large {
        sizes.push(10_000_000);
    }
    let all = sizes[sizes.len() - 1];
    step(&format!("making {} titles", count(all as f64)), || {
        data::titles_table(&mut bench.session(), TITLES, 0..all);
    });
    create_taxonomy(bench, "grown");
    let (mut timings, mut memory) = (Vec::new(), Vec::new());
    let mut learnt = 0;
    for size in &sizes {
        exact::learn(bench, TITLES, "grown", "id", learnt..*size);
        learnt = *size;
        bench.settle();
        let runs = if *size > 1_000_000 { 1 } else { bench.repetitions };
        let rows = count(*size as f64);
        let (times, kilobytes): (Vec<_>, Vec<_>) =
            step(&format!("{rows} cached titles"), || (0..=runs).map(|_| ask(bench, TITLES, *size)).skip(1).unzip());
        let timing = Timing::new(times);
        if bench.sizes.rows.last() == Some(size) {
            shuffled(bench, report, *size, &timing);
        }
        timings.push(timing);
        memory.push(kilobytes.into_iter().fold(0.0, f64::max));
    }
    let megabytes = |kilobytes: f64| format!("{} MB", figure(kilobytes / 1024.0));
    let (small, large) = (memory[memory.len() - 2], memory[memory.len() - 1]);
    let [smaller, larger] = [sizes[sizes.len() - 2], sizes[sizes.len() - 1]].map(|size| count(size as f64));
    let work = format!("memory of a session that asks for {larger} cached titles; peer: for {smaller}");
    let bar = if sizes[sizes.len() - 2] >= FULL { Bar::AtMost(1.1) } else { Bar::Ratio };
    report.line(work, megabytes(large), megabytes(small), Some(large / small), bar);
    report.grow(Chart {
        kind: Kind::Growth,
        file: "growth-plan",
        title: "A plain SELECT over cached titles: time by rows".to_owned(),
        sizes: "rows",
        series: vec![Series::new("cached titles", &sizes, &timings)],
    });
    report.note(
        "Growth: `work_mem` is 4 MB, so that no more of the cached answers is held than a hash table may have. Titles are asked \
         for in about the order in which their answers were stored, which is that of their ids by 5,000 (`learn()` stores so many at once). \
         Memory is the most that the session had for itself while it asked, shared memory apart; it grows until the memo \
         (`categorize.memo_size`, 16 MB), the answers that a hash table may have (8 MB) and the pages that were read (2 MB) are full, \
         which they are at a million titles: with fewer it has no bar."
            .to_owned(),
    );
}

/// The same titles in another order: what does not fit into memory is looked up then, title by title.
fn shuffled(bench: &Bench, report: &mut Report, size: usize, ordered: &Timing) {
    bench.run(&format!(
        "CREATE TABLE {SHUFFLED} AS SELECT * FROM {TITLES} WHERE id <= {size} ORDER BY hashint4(id), id"
    ));
    bench.settle();
    let rows = count(size as f64);
    let times = step(&format!("{rows} cached titles in another order"), || {
        (0..=bench.repetitions).map(|_| ask(bench, SHUFFLED, size).0).skip(1).collect()
    });
    let work = format!("{rows} cached titles, in another order than they were stored; peer: in that order");
    report.compare(&work, &Timing::new(times), ordered, Bar::Ratio);
}

/// The time that so many titles of a table take in a fresh session, and the most memory, in kilobytes, that it had for itself.
fn ask(bench: &Bench, titles: &str, size: usize) -> (Duration, f64) {
    let mut session = bench.session();
    session.run(SESSION);
    let pid = session.pid();
    let sql = format!("SELECT count(categorize(title)) FROM {titles} WHERE id <= {size}");
    let over = AtomicBool::new(false);
    thread::scope(|threads| {
        let watched = threads.spawn(|| {
            let mut most = 0.0_f64;
            while !over.load(Relaxed) {
                most = most.max(own_memory(pid));
                thread::sleep(Duration::from_millis(2));
            }
            most.max(own_memory(pid))
        });
        let (time, answer) = measure::timed(&mut session, &sql);
        over.store(true, Relaxed);
        assert_eq!(answer, size.to_string(), "not every title was answered");
        (time, watched.join().expect("a session that is there"))
    })
}
