//! Texts of another kind: questions to a bank, and requests of which some belong nowhere.

use super::dataset::Data;
use super::judge::{Figures, judge};
use super::ours::Ours;
use super::peer::Peer;
use super::{percent, share};
use crate::bench::step;
use crate::report::{Bar, Item, Report, Row, Section, Table, figure};

/// Measures us on the sets that come split; their settings were not chosen for them on either side.
pub fn run(report: &mut Report, section: &mut Section, data: &Data, peer: &Peer) {
    let mut lines = Vec::new();
    for dataset in ["banking77", "clinc150"] {
        let Some(theirs) = peer.of(dataset, None, 1).pop() else { continue };
        let (train, test) = (data.rows(&format!("{dataset}/train.tsv")), data.rows(&format!("{dataset}/test.tsv")));
        let ours = step(&format!("{dataset}: {} texts", train.titles.len()), || Ours::learn(&train));
        let figures = judge(&ours.ask(&test.titles), &test.labels);
        let refused = theirs.oos_refused.map(|theirs| (refused(&ours, data, dataset), theirs));
        report.rows.push(Row {
            work: format!("local model, {dataset}: accuracy"),
            ours: percent(figures.accuracy),
            peer: percent(theirs.figures.accuracy),
            ratio: Some(100.0 * (figures.accuracy - theirs.figures.accuracy)),
            bar: Bar::Difference,
        });
        if let Some((ours, theirs)) = refused {
            report.rows.push(Row {
                work: format!("local model, {dataset}: texts of no category, refused at 0.70"),
                ours: percent(ours),
                peer: percent(theirs),
                ratio: Some(100.0 * (ours - theirs)),
                bar: Bar::Difference,
            });
        }
        let both = |of: fn(&Figures) -> f64| format!("{} / {}", percent(of(&figures)), percent(of(&theirs.figures)));
        lines.push(vec![
            dataset.to_owned(),
            both(|f| f.accuracy),
            both(|f| f.macro_f1),
            format!("{:.4} / {:.4}", figures.ece, theirs.figures.ece),
            both(|f| f.coverage),
            format!("{} / {}", share(figures.precision), share(theirs.figures.precision)),
            refused.map_or_else(|| share(None), |(ours, theirs)| format!("{} / {}", percent(ours), percent(theirs))),
            format!("{} / {}", figure(ours.seconds), figure(theirs.train_seconds)),
        ]);
    }
    let head = vec![
        "texts",
        "accuracy",
        "macro F1",
        "calibration error",
        "coverage",
        "precision",
        "of no category, refused",
        "training, s",
    ];
    section.items.push(Item::Table(Table { head, rows: lines }));
}

/// The share of texts of no category that are not answered.
fn refused(ours: &Ours<'_>, data: &Data, dataset: &str) -> f64 {
    let outside = data.rows(&format!("{dataset}/oos_test.tsv"));
    let said = ours.ask(&outside.titles);
    said.iter().filter(|said| !said.answered).count() as f64 / said.len().max(1) as f64
}
