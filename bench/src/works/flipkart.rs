//! The free tiers on real titles, where the data set lies beside the repository.

use super::accuracy::{add, judge, load};
use crate::bench::{Bench, step};
use crate::report::Report;
use std::collections::{BTreeMap, HashSet};

/// Learns the training part and asks for the rest.
pub fn run(bench: &Bench, report: &mut Report) {
    let folder = crate::root().join("../shared/data/flipkart");
    let read = |name: &str| std::fs::read_to_string(folder.join(name));
    let (Ok(data), Ok(split)) = (read("dedup.tsv"), read("split42_test_rows.txt")) else {
        report.note("skipped: ../shared/data is absent".to_owned());
        return;
    };
    let held_out: HashSet<usize> = split.lines().filter_map(|line| line.trim().parse().ok()).collect();
    let (test, train): (Vec<_>, Vec<_>) = data.lines().skip(1).enumerate().partition(|(i, _)| held_out.contains(i));
    let judged = step("learning and asking flipkart", || {
        let mut session = bench.session();
        load(&mut session, "train", train.iter().map(|(_, line)| *line));
        load(&mut session, "test", test.iter().map(|(_, line)| *line));
        session.run("SELECT categorize.create_taxonomy('flipkart')");
        session.run("SELECT categorize.learn('SELECT title, category FROM train', 'flipkart', true)");
        judge(&mut session, "test", "flipkart")
    });
    let mut sources: BTreeMap<&str, usize> = BTreeMap::new();
    judged.iter().for_each(|j| *sources.entry(&j.source).or_default() += 1);
    let told: Vec<String> = sources.iter().map(|(source, number)| format!("{number} {source}")).collect();
    let name = format!("flipkart, {} learnt, no titles in common", train.len());
    add(report, &name, &judged);
    report.note(format!("Sources of the answers on flipkart: {}.", told.join(", ")));
}
