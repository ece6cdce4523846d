//! Exact hits, with the node and without it, against the hash join; and by several processes.

use super::PARALLEL;
use crate::bench::{Bench, step};
use crate::data;
use crate::measure::{self, Statement};
use crate::report::{Bar, Report, count};
use crate::works::{create_taxonomy, exact};

const TITLES: &str = "plan_titles";

/// Learns all titles, and asks for them.
pub fn run(bench: &Bench, report: &mut Report) {
    let size = bench.sizes.rows[bench.sizes.rows.len() - 1];
    let rows = count(size as f64);
    step(&format!("making {rows} titles"), || data::titles_table(&mut bench.session(), TITLES, 0..size));
    create_taxonomy(bench, "plan");
    exact::learn(bench, TITLES, "plan", "id", 0..size);
    exact::cache_table(bench, "plan_cache", TITLES);
    bench.settle();
    let ours = format!("SELECT count(categorize(title, 'plan')) FROM {TITLES}");
    let peer = exact::join(TITLES, "plan_cache");
    exact::check_plan(bench, &peer);
    check_parallel(bench, &ours);
    let asked = [
        Statement::new(&ours),
        Statement::new(peer),
        Statement::new(&ours).after("SET categorize.prefetch = off"),
        Statement::new(&ours).after(PARALLEL),
    ];
    let timings = step("exact hits with the node, without it, by two workers, and the hash join", || {
        measure::interleaved(bench, &asked)
    });
    assert!(timings.iter().all(|t| t.answer == size.to_string()), "not every title was answered: {timings:?}");
    let [ahead, join, plain, parallel] = &timings[..] else { unreachable!("four statements were timed") };
    report.compare(&format!("{rows} exact hits, memo cold; peer: hash join"), ahead, join, Bar::AtMost(1.0));
    report.compare(&format!("{rows} exact hits, memo cold; peer: the same without the node"), ahead, plain, Bar::Ratio);
    let two = format!("{rows} exact hits, memo cold, 2 parallel workers; peer: the same in one process");
    report.compare(&two, parallel, ahead, Bar::AtLeast(1.6));
    let each = |timing: &measure::Timing| timing.median() * 1e3 / size as f64;
    report.note(format!(
        "Exact hits take {:.2} microseconds a row with the node, {:.2} without, the hash join {:.2}. Of the parallel plan two workers \
         work; the session that asks waits for them (`parallel_leader_participation = off`).",
        each(ahead),
        each(plain),
        each(join)
    ));
}

/// Asserts that each worker has a node.
fn check_parallel(bench: &Bench, sql: &str) {
    let mut session = bench.session();
    session.run(PARALLEL);
    let plan = session.column::<String>(&format!("EXPLAIN (COSTS OFF) {sql}")).join("\n");
    let (gather, node) = (plan.find("Gather"), plan.find("Custom Scan (Categorize)"));
    assert!(gather.is_some() && gather < node, "no node below a Gather:\n{plan}");
}
