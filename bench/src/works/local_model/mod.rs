//! The trained model against scikit-learn, on real titles that lie beside the repository.

mod curve;
mod dataset;
mod generality;
mod judge;
mod many_categories;
mod many_categories_child;
mod ours;
mod peer;
mod python;
mod splits;
mod sql;

use crate::bench::Bench;
use crate::report::{Item, Report, Section};
use dataset::Data;
use peer::Peer;

pub use many_categories_child::run as as_child;

const WHAT: &str = "\
The trained model against a strong and plain classifier, scikit-learn's LinearSVC: one thread on each side, one side after
the other in the same run, the bars judged in the table above. Figures of both sides are written *ours / peer*.

- **The peer** ([bench/peers/linear_svc.py](../bench/peers/linear_svc.py), versions in
  [requirements.txt](../bench/peers/requirements.txt)): tf-idf with sublinear term frequency of words (1-2 grams) and of
  characters within words (3-5 grams), LinearSVC with C = 1, and as confidence the softmax of its margins at a temperature
  that is fitted on a tenth of the training part. Its settings were tuned inside the training parts.
- **Ours**: the functions behind `categorize.train()` and `categorize()`, called without a database but for the lines that
  say *through SQL*. Nothing is set; the threshold is that of the profile `balanced`.
- **Data**: product titles of flipkart (220 categories) and of myntra_fashion (117), split into 80% and 20%, stratified,
  with the seeds 42 to 46; questions of banking77 and requests of clinc150 as their makers split them. Every figure is on
  texts that training did not see.
- **Calibration error**: expected, over 15 bins of equal width of the confidence of the best guess. **Coverage** is the
  share that is answered at a confidence of 0.70, **precision** the share of those answers that is right. As in SQL, ours
  answers no category of a single example, and holds models of less than 2,000 labels to a higher threshold.
- **Training**: normalising, vectorising, fitting without what is held out, calibrating, and fitting again to all. The bar
  is on the peer's time without fitting again; with it, it is in parentheses.";

const LEARNING: &str = "\
How many labels it takes: samples of the training part of split 42, ten of each size (seeds 1 to 10), asked for its whole
test part; medians. A model is silent if it finds itself sure enough of nothing.";

const OTHERS: &str = "Texts of another kind, and what belongs to no category (clinc150's own test of that):";

/// Measures all of it; what lacks its data or its peer is skipped with a remark.
pub fn run(bench: &Bench, report: &mut Report) {
    let data = match Data::find() {
        Ok(data) => data,
        Err(why) => return report.note(format!("The local model was not measured, skipped: {why}.")),
    };
    let peer = Peer::measure(bench, &data);
    match &peer {
        Ok(peer) => compare(bench, report, &data, peer),
        Err(why) => report.note(format!("The local model was not compared with scikit-learn, skipped: {why}.")),
    }
    let rate = peer.ok().map(|peer| peer.fastest("flipkart"));
    sql::run(bench, report, &data, rate);
    many_categories::run(bench, report, &data);
}

fn compare(bench: &Bench, report: &mut Report, data: &Data, peer: &Peer) {
    let mut section = Section { title: "Local model", items: vec![Item::Text(WHAT.to_owned())] };
    if peer.reused {
        report.note("The figures of scikit-learn are of an earlier run (--reuse-peers).".to_owned());
    }
    let pairs = splits::run(bench, report, &mut section, data, peer);
    section.items.push(Item::Text(LEARNING.to_owned()));
    curve::run(bench, report, &mut section, data, peer, &pairs[0]);
    section.items.push(Item::Text(OTHERS.to_owned()));
    generality::run(report, &mut section, data, peer);
    report.sections.push(section);
}

/// A share of 0 to 1 in percent.
fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

/// The same, where there may be nothing to have a share of.
fn share(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), percent)
}
