//! Exact hits, with the node and without it, against the hash join.

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
    let with_node = || Statement::new(&ours).after("SET categorize.prefetch = on");
    let asked = [with_node(), Statement::new(peer), Statement::new(&ours)];
    let timings =
        step("exact hits with the node and without it, and the hash join", || measure::interleaved(bench, &asked));
    assert!(timings.iter().all(|t| t.answer == size.to_string()), "not every title was answered: {timings:?}");
    let [ahead, join, plain] = &timings[..] else { unreachable!("three statements were timed") };
    report.compare(&format!("{rows} exact hits, memo cold; peer: hash join"), ahead, join, Bar::AtMost(1.0));
    report.compare(&format!("{rows} exact hits, memo cold; peer: the same without the node"), ahead, plain, Bar::Ratio);
}
