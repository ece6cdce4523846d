//! Whether the share of wrong free answers stays below `max_error`, and how much is answered then. What is measured is the
//! example `error_bound` of the core crate, which says how.

use super::Sizes;
use crate::bench::{Bench, step};
use crate::report::{Bar, Chart, Item, Kind, Report, Section, Series, Table, count};
use run::{MAX_ERRORS, Outcome};

#[path = "../../../../crates/core/examples/error_bound/near.rs"]
mod near;
#[path = "../../../../crates/core/examples/error_bound/run.rs"]
mod run;
#[path = "../../../../crates/core/examples/error_bound/titles.rs"]
mod titles;

/// Titles that are labelled.
const LABELS: usize = 5_000;

/// The sets, the first of them judged by what is answered, too.
const SETS: [&str; 3] = ["flipkart", "myntra_fashion", "banking77"];

/// Which of [`MAX_ERRORS`] coverage is judged at.
const JUDGED: f64 = 0.03;

/// Runs of 40 whose error may be above `max_error`. The bound holds at a confidence of 0.95: two of 40 are to be expected at
/// worst, and more than five come by chance in one of seventy such sets of runs.
const ABOVE: f64 = 5.0;

const WHAT: &str = "\
Each run takes 5,000 titles by its own seed as labels, trains, gathers the evidence as the trainer does, finds the thresholds
of the local model and of similarity for each `max_error`, and asks both tiers, one after the other, about all other titles
of the set. *Above* counts the runs in which more than `max_error` of their answers was wrong. Beside it what a fixed threshold
on the similarity of the nearest label answers, the lowest that reaches the same precision on the same titles, by vectors and
by trigrams as pg_trgm compares them: it is chosen with the answers known, which nobody has who sets one. Means of all runs.";

const HEAD: [&str; 9] = [
    "titles",
    "max_error",
    "above",
    "wrong answers",
    "answered",
    "by the local model",
    "by similarity",
    "fixed cosine",
    "fixed trigrams",
];

/// All runs of a set.
struct Measured {
    set: &'static str,
    /// Each run, with an outcome for each of [`MAX_ERRORS`].
    runs: Vec<Vec<Outcome>>,
}

/// Measures the sets that are there.
pub fn run(bench: &Bench, report: &mut Report) {
    let folder = crate::root().join("../shared/data");
    let runs = Sizes::of(bench).bound;
    let mut measured = Vec::new();
    for set in SETS {
        let Some(titles) = titles::read(&folder, set) else {
            report.note(format!("The error bound was not measured on {set}, skipped: ../shared/data is absent."));
            continue;
        };
        let near = step(&format!("{set}: the nearest of each title"), || near::Near::new(&titles));
        let runs = step(&format!("{set}: {runs} runs"), || {
            near::in_parallel(runs, |seed| run::run(&titles, &near, LABELS, seed as u64))
        });
        measured.push(Measured { set, runs });
    }
    if measured.is_empty() {
        return;
    }
    measured.iter().for_each(|of| judge(report, of));
    let rows = measured.iter().flat_map(|of| (0..MAX_ERRORS.len()).map(|at| line(of, at))).collect();
    let items = vec![
        Item::Text(WHAT.to_owned()),
        Item::Table(Table { head: HEAD.to_vec(), rows }),
        Item::Chart(chart(&measured)),
    ];
    report.sections.push(Section { title: "The error bound", items });
}

impl Measured {
    fn mean(&self, at: usize, value: impl Fn(&Outcome) -> f64) -> f64 {
        self.runs.iter().map(|run| value(&run[at])).sum::<f64>() / self.runs.len() as f64
    }

    /// Runs whose error was above.
    fn above(&self, at: usize) -> usize {
        self.runs.iter().filter(|run| run[at].error() > MAX_ERRORS[at]).count()
    }
}

fn judge(report: &mut Report, of: &Measured) {
    let (set, runs) = (of.set, of.runs.len());
    for (at, max_error) in MAX_ERRORS.iter().enumerate() {
        let above = of.above(at);
        report.line(
            format!("{set}, {} labels, max_error {max_error}: runs with more wrong answers", count(LABELS as f64)),
            format!("{above} of {runs}"),
            "-".to_owned(),
            Some(above as f64),
            Bar::AtMost(ABOVE),
        );
    }
    if set == SETS[0]
        && let Some(at) = MAX_ERRORS.iter().position(|of| *of == JUDGED)
    {
        let (ours, cosine) = (of.mean(at, Outcome::coverage), of.mean(at, |o| o.cosine));
        report.line(
            format!("{set}, max_error {JUDGED}: answered; peer: the best fixed cosine of the same precision"),
            percent(ours),
            percent(cosine),
            Some(ours / cosine),
            Bar::Times(1.2),
        );
        let trigrams = of.mean(at, |o| o.trigrams);
        report.line(
            format!("{set}, max_error {JUDGED}: answered; peer: the best fixed similarity of pg_trgm's kind"),
            percent(ours),
            percent(trigrams),
            Some(ours / trigrams),
            Bar::TimesShown,
        );
    }
}

fn line(of: &Measured, at: usize) -> Vec<String> {
    let mean = |value: fn(&Outcome) -> f64| percent(of.mean(at, value));
    vec![
        of.set.to_owned(),
        MAX_ERRORS[at].to_string(),
        format!("{} of {}", of.above(at), of.runs.len()),
        format!("{:.2}%", 100.0 * of.mean(at, Outcome::error)),
        mean(Outcome::coverage),
        mean(|o| o.local_model),
        mean(|o| o.similarity),
        mean(|o| o.cosine),
        mean(|o| o.trigrams),
    ]
}

/// What is answered at each `max_error`.
fn chart(measured: &[Measured]) -> Chart {
    let points = |of: &Measured, value: fn(&Outcome) -> f64| {
        MAX_ERRORS.iter().enumerate().map(|(at, max_error)| (*max_error, of.mean(at, value))).collect()
    };
    let mut series: Vec<Series> = measured
        .iter()
        .map(|of| Series { name: of.set.to_owned(), points: points(of, Outcome::coverage), peer: false })
        .collect();
    if let Some(first) = measured.first() {
        let name = format!("{}, fixed cosine of the same precision", first.set);
        series.push(Series { name, points: points(first, |o| o.cosine), peer: true });
    }
    Chart {
        kind: Kind::Bound,
        file: "similarity-bound",
        title: "What is answered for nothing, by the error that is tolerated".to_owned(),
        sizes: "max_error",
        series,
    }
}

fn percent(share: f64) -> String {
    format!("{:.1}%", 100.0 * share)
}
