//! How many labels it takes: accuracy, coverage and precision of models of few labels.

use super::dataset::Data;
use super::judge::{Figures, judge, median};
use super::ours::Ours;
use super::peer::{Peer, Run};
use super::splits::Pair;
use super::{percent, share};
use crate::bench::{Bench, step};
use crate::report::{Bar, Chart, Item, Kind, Report, Row, Section, Series, Table, count};

/// Labels to learn from.
const SIZES: [usize; 3] = [250, 1_000, 5_000];

/// What share of the answers of each size must be right, in percent.
const PRECISION: f64 = 94.0;

/// Medians of both sides at one number of labels.
struct Point {
    labels: usize,
    seeds: usize,
    ours: [f64; 3],
    peer: [f64; 3],
    /// Lowest and highest precision of ours; none where no model answered.
    range: Option<(f64, f64)>,
    /// Models that answered nothing.
    silent: usize,
}

/// Measures us on the peer's samples of labels; `whole` is the whole training part that they are samples of.
pub fn run(bench: &Bench, report: &mut Report, section: &mut Section, data: &Data, peer: &Peer, whole: &Pair) {
    let rows = data.rows("flipkart/dedup.tsv");
    let (train, test) = whole.peer.split();
    let test = rows.part(&test);
    let mut points = Vec::new();
    for labels in SIZES {
        let runs = peer.of("flipkart", Some(labels), bench.sizes.seeds);
        let ours: Vec<Figures> = step(&format!("{} labels, {} samples", count(labels as f64), runs.len()), || {
            let of = |run: &&Run| {
                let sample = rows.part(&run.split().0);
                judge(&Ours::learn(&sample).ask(&test.titles), &test.labels)
            };
            runs.iter().map(of).collect()
        });
        let named: Vec<Figures> = step("the same with the names of the categories", || {
            let of = |run: &&Run| {
                let sample = rows.part(&run.split().0);
                judge(&Ours::learn_with_names(&sample, &rows.labels).ask(&test.titles), &test.labels)
            };
            runs.iter().map(of).collect()
        });
        let peers: Vec<Figures> = runs.iter().map(|run| run.figures.clone()).collect();
        points.push(point(labels, &ours, &peers));
        report.note(names(points.last().expect("it was just added"), &point(labels, &named, &peers)));
    }
    points.iter().for_each(|point| report.rows.push(row(point)));
    points.push(point(train.len(), std::slice::from_ref(&whole.ours), std::slice::from_ref(&whole.peer.figures)));
    section.items.push(Item::Table(table(&points)));
    section.items.push(Item::Chart(chart(&points)));
}

/// What the names of the categories add, which `categorize.train()` always has.
fn names(without: &Point, with: &Point) -> String {
    let said = |of: usize| format!("{} instead of {}", percent(with.ours[of]), percent(without.ours[of]));
    format!(
        "{} labels of flipkart, with the names of all categories, as categorize.train() has them from the taxonomy: accuracy {}, coverage {}, precision {} (medians; {} silent).",
        count(without.labels as f64),
        said(0),
        said(1),
        said(2),
        with.silent
    )
}

fn point(labels: usize, ours: &[Figures], peer: &[Figures]) -> Point {
    let medians = |of: &[Figures]| {
        [
            median(of.iter().map(|f| f.accuracy)),
            median(of.iter().map(|f| f.coverage)),
            median(of.iter().filter_map(|f| f.precision)),
        ]
    };
    let precisions = || ours.iter().filter_map(|f| f.precision);
    let lowest = precisions().reduce(f64::min);
    Point {
        labels,
        seeds: ours.len(),
        ours: medians(ours),
        peer: medians(peer),
        range: lowest.zip(precisions().reduce(f64::max)),
        silent: ours.iter().filter(|f| f.precision.is_none()).count(),
    }
}

fn row(point: &Point) -> Row {
    let said = |[accuracy, coverage, precision]: [f64; 3]| {
        format!("precision {}, coverage {}, accuracy {}", percent(precision), percent(coverage), percent(accuracy))
    };
    Row {
        work: format!(
            "local model, {} labels of flipkart, median of {}, {} silent",
            count(point.labels as f64),
            point.seeds,
            point.silent
        ),
        ours: said(point.ours),
        peer: said(point.peer),
        // Models that are all silent miss the bar.
        ratio: Some(100.0 * point.ours[2]),
        bar: Bar::Percent(PRECISION),
    }
}

fn table(points: &[Point]) -> Table {
    let row = |point: &Point| {
        let both = |of: usize| format!("{} / {}", percent(point.ours[of]), percent(point.peer[of]));
        let range = |(lowest, highest)| format!("{} to {}", percent(lowest), percent(highest));
        vec![
            count(point.labels as f64),
            point.seeds.to_string(),
            both(0),
            both(1),
            both(2),
            point.range.map_or_else(|| share(None), range),
            point.silent.to_string(),
        ]
    };
    let head =
        vec!["labels", "samples", "accuracy", "coverage", "precision", "ours, lowest to highest", "ours, silent"];
    Table { head, rows: points.iter().map(row).collect() }
}

fn chart(points: &[Point]) -> Chart {
    let series = |name: &str, peer: bool, of: fn(&Point) -> f64| {
        let points = points.iter().map(|point| (point.labels as f64, of(point))).collect();
        Series { name: name.to_owned(), points, peer }
    };
    Chart {
        kind: Kind::Learning,
        file: "local-model-learning",
        title: "Learning: flipkart, titles that training did not see".to_owned(),
        sizes: "labels",
        series: vec![
            series("precision of the answers", false, |point| point.ours[2]),
            series("coverage: share that is answered", false, |point| point.ours[1]),
            series("peer: precision at 0.70", true, |point| point.peer[2]),
            series("peer: coverage at 0.70", true, |point| point.peer[1]),
        ],
    }
}
