//! Growth by the number of rules.

use super::rules::add_rules;
use crate::bench::{Bench, step};
use crate::data;
use crate::measure::{self, Statement};
use crate::report::{Chart, Kind, Report, Series, count};

/// Asks the same titles of larger and larger sets of rules; and only one, which leaves the time to compile them.
pub fn run(bench: &Bench, report: &mut Report) {
    let (sizes, titles) = (bench.sizes.growth, bench.sizes.growth_titles);
    step("making titles", || {
        data::titles_table(&mut bench.session(), "rule_titles", 7_000_000..7_000_000 + titles);
    });
    sizes.iter().for_each(|size| add_rules(bench, &format!("rules_{size}"), *size));
    bench.settle();
    let all = sizes
        .iter()
        .map(|size| Statement::new(format!("SELECT count(categorize(title, 'rules_{size}')) FROM rule_titles")));
    let one = sizes.iter().map(|size| Statement::new(format!("SELECT categorize('a title', 'rules_{size}')")));
    let asked: Vec<Statement> = all.chain(one).collect();
    let timings = step("asking sets of rules of all sizes", || measure::interleaved(bench, &asked));
    let (all, one) = timings.split_at(sizes.len());
    let matched: Vec<&str> = all.iter().map(|t| t.answer.as_str()).collect();
    let number = count(titles as f64);
    report.note(format!("Of {number} titles, by number of rules, a rule matches {}.", matched.join(", ")));
    report.grow(Chart {
        kind: Kind::Growth,
        file: "growth-rules",
        title: format!("{number} titles: time by rules of the taxonomy"),
        sizes: "rules",
        series: vec![
            Series::new(&format!("{number} titles, fresh session"), sizes, all),
            Series::new("first call: compiling the rules", sizes, one),
        ],
    });
}
