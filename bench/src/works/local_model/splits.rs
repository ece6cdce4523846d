//! Accuracy, calibration and training time on five splits of two sets of titles, each side on the same rows.

use super::dataset::{Data, Rows};
use super::judge::{Figures, judge, mean};
use super::ours::Ours;
use super::peer::{Peer, Run};
use super::{percent, share};
use crate::bench::{Bench, step};
use crate::report::{Bar, Chart, Item, Kind, Report, Row, Section, Series, Table, count, figure};

/// Both sides on one split.
pub struct Pair {
    /// How good we were.
    pub ours: Figures,
    /// How good the peer was, and how long it took.
    pub peer: Run,
    seconds: f64,
    titles_per_second: f64,
    bytes: usize,
}

/// What is split, the first of them judged by coverage and precision, too.
const DATASETS: [&str; 2] = ["flipkart", "myntra_fashion"];

/// Titles that a bin needs to be drawn: of fewer, the share that was right says little.
const DRAWN: f64 = 10.0;

const HEAD: [&str; 8] =
    ["split", "accuracy", "macro F1", "calibration error", "coverage", "precision", "training, s", "titles/s"];

/// Measures us on the peer's splits; returns flipkart's.
pub fn run(bench: &Bench, report: &mut Report, section: &mut Section, data: &Data, peer: &Peer) -> Vec<Pair> {
    let [flipkart, myntra] = DATASETS.map(|dataset| {
        let rows = data.rows(&format!("{dataset}/dedup.tsv"));
        let runs = peer.of(dataset, None, bench.sizes.seeds);
        let pairs: Vec<Pair> = runs.into_iter().map(|run| pair(&rows, run)).collect();
        let size = mean(pairs.iter().map(|pair| pair.bytes as f64));
        report.note(format!("A model of {dataset} takes {} MB.", figure(size / 1e6)));
        judged(report, dataset, &pairs);
        pairs
    });
    let rows = flipkart.iter().chain(&myntra).map(line).collect();
    section.items.push(Item::Table(Table { head: HEAD.to_vec(), rows }));
    section.items.push(Item::Chart(calibration(&flipkart[0])));
    flipkart
}

fn pair(rows: &Rows, run: &Run) -> Pair {
    let (train, test) = run.split();
    let (train, test) = (rows.part(&train), rows.part(&test));
    step(&format!("{}, split {}: {} titles", run.dataset, run.seed, count(train.titles.len() as f64)), || {
        let ours = Ours::learn(&train);
        Pair {
            ours: judge(&ours.ask(&test.titles), &test.labels),
            peer: run.clone(),
            seconds: ours.seconds,
            titles_per_second: ours.titles_per_second(&test.titles),
            bytes: ours.size(),
        }
    })
}

/// Adds the lines of the table that are judged, means of all splits.
fn judged(report: &mut Report, dataset: &str, pairs: &[Pair]) {
    let means = |of: fn(&Figures) -> f64| {
        [mean(pairs.iter().map(|pair| of(&pair.ours))), mean(pairs.iter().map(|pair| of(&pair.peer.figures)))]
    };
    let mut row = |what: &str, [ours, peer]: [String; 2], ratio: f64, bar: Bar| {
        let work = format!("local model, {dataset}: {what}, mean of {} splits", pairs.len());
        report.rows.push(Row { work, ours, peer, ratio: Some(ratio), bar });
    };
    let points = |[ours, peer]: [f64; 2]| 100.0 * (ours - peer);
    let accuracy = means(|f| f.accuracy);
    row("accuracy", accuracy.map(percent), points(accuracy), Bar::Points(-0.5));
    let f1 = means(|f| f.macro_f1);
    row("macro F1", f1.map(percent), points(f1), Bar::Difference);
    let error = means(|f| f.ece);
    row("calibration error", error.map(|error| format!("{error:.4}")), error[0], Bar::AtMost(0.03));
    let (coverage, precision) = (means(|f| f.coverage), means(|f| f.precision.unwrap_or_default()));
    for (what, both, least) in [("coverage", coverage, 85.0), ("precision", precision, 96.0)] {
        let is_judged = dataset == DATASETS[0];
        let (ratio, bar) =
            if is_judged { (100.0 * both[0], Bar::Percent(least)) } else { (points(both), Bar::Difference) };
        row(&format!("{what} at 0.70"), both.map(percent), ratio, bar);
    }
    let training =
        [mean(pairs.iter().map(|pair| pair.seconds)), mean(pairs.iter().map(|pair| pair.peer.train_seconds))];
    row(
        "training",
        training.map(|seconds| format!("{} s", figure(seconds))),
        training[0] / training[1],
        Bar::AtMost(0.5),
    );
}

/// A line of one split, ours before the peer's.
fn line(pair: &Pair) -> Vec<String> {
    let (ours, peer) = (&pair.ours, &pair.peer.figures);
    let both = |of: fn(&Figures) -> f64| format!("{} / {}", percent(of(ours)), percent(of(peer)));
    let seconds = [pair.seconds, pair.peer.train_seconds, pair.peer.train_seconds_refit].map(figure);
    vec![
        format!("{} {}", pair.peer.dataset, pair.peer.seed),
        both(|f| f.accuracy),
        both(|f| f.macro_f1),
        format!("{:.4} / {:.4}", ours.ece, peer.ece),
        both(|f| f.coverage),
        format!("{} / {}", share(ours.precision), share(peer.precision)),
        format!("{} / {} ({})", seconds[0], seconds[1], seconds[2]),
        format!("{} / {}", count(pair.titles_per_second), count(pair.peer.titles_per_second)),
    ]
}

fn calibration(pair: &Pair) -> Chart {
    let series = |name: &str, bins: &[(f64, f64, f64)], peer| {
        let filled = bins.iter().filter(|bin| bin.0 >= DRAWN).map(|bin| (bin.1, bin.2));
        Series { name: name.to_owned(), points: filled.collect(), peer }
    };
    Chart {
        kind: Kind::Calibration,
        file: "local-model-calibration",
        title: "Calibration: flipkart, split 42, titles that training did not see".to_owned(),
        sizes: "confidence, mean of a bin of ten titles or more",
        series: vec![
            series("ours", &pair.ours.bins, false),
            series("peer: LinearSVC with a temperature", &pair.peer.figures.bins, true),
            Series { name: "means what it says".to_owned(), points: vec![(0.0, 0.0), (1.0, 1.0)], peer: true },
        ],
    }
}
