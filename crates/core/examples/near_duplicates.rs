//! What sharing answers between near-duplicates saves, and what it costs in accuracy:
//! `cargo run --release -p pg_categorize_core --example near_duplicates [FOLDER]`.
//!
//! FOLDER holds `flipkart/data.tsv` and `myntra_fashion/data.tsv`, each title with its label; by default it is `../shared/data`
//! beside the repository. Shares are of the distinct texts, as exact answers know them: those with several labels are the
//! noise in the labels, those that share a key with another text would be asked about once, and those made wrong get the
//! answer of a near-duplicate with another label. `pairs` after FOLDER prints the pairs with different labels.

use pg_categorize_core::flow::near;
use pg_categorize_core::normalise::{Case, normalise};
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

/// Texts of one key, each with the labels that its rows have.
type Texts = HashMap<String, BTreeMap<String, usize>>;

fn main() {
    let beside = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data"));
    let folder = std::env::args().nth(1).map_or(beside, PathBuf::from);
    println!(
        "| titles | rows | distinct | of several labels | share a key | asked less | pairs | that differ | made wrong |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for name in ["flipkart", "myntra_fashion"] {
        match std::fs::read_to_string(folder.join(name).join("data.tsv")) {
            Ok(text) => measure(name, &text, std::env::args().nth(2).as_deref() == Some("pairs")),
            Err(_) => println!("skipped: {name}/data.tsv is not in the folder of labelled titles"),
        }
    }
}

fn measure(name: &str, text: &str, shows: bool) {
    let mut keys: HashMap<String, Texts> = HashMap::new();
    let mut rows = 0;
    for line in text.split_terminator('\n').skip(1) {
        let Some((title, label)) = line.split_once('\t') else { continue };
        rows += 1;
        let normal = normalise(title, Case::Folded);
        // What has no words has no near-duplicate.
        let key = near::key(title).unwrap_or_else(|| format!("? {normal}"));
        *keys.entry(key).or_default().entry(normal).or_default().entry(label.to_owned()).or_default() += 1;
    }
    let distinct: usize = keys.values().map(HashMap::len).sum();
    // The same text with two labels: what nobody could tell apart, and the measure of the noise in the labels.
    let several = keys.values().flat_map(HashMap::values).filter(|labels| labels.len() > 1).count();
    let shared: usize = keys.values().map(HashMap::len).filter(|texts| *texts > 1).sum();
    let (mut pairs, mut different, mut wrong) = (0, 0, 0.0);
    for texts in keys.values().filter(|texts| texts.len() > 1) {
        let mut labels: Vec<(&str, &str)> = texts.iter().map(|(text, labels)| (text.as_str(), usual(labels))).collect();
        labels.sort_unstable();
        let mut here = 0;
        for (i, (text, label)) in labels.iter().enumerate() {
            for (other, its_label) in &labels[i + 1..] {
                pairs += 1;
                here += usize::from(label != its_label);
                if shows && label != its_label {
                    println!("{text} | {label}\n{other} | {its_label}\n");
                }
            }
        }
        different += here;
        // Whoever comes first is asked about: a right answer for it is wrong for those with another label. On average over
        // who comes first, each pair with different labels makes two of the texts wrong, of as many as there are.
        wrong += 2.0 * here as f64 / labels.len() as f64;
    }
    let share = |part: f64, whole: usize| 100.0 * part / whole.max(1) as f64;
    println!(
        "| {name} | {rows} | {distinct} | {:.1}% | {:.1}% | {:.1}% | {pairs} | {different} ({:.1}%) | {:.2}% |",
        share(several as f64, distinct),
        share(shared as f64, distinct),
        share((distinct - keys.len()) as f64, distinct),
        share(different as f64, pairs),
        share(wrong, distinct),
    );
}

/// The label that most rows of a text have; of several the first.
fn usual(labels: &BTreeMap<String, usize>) -> &str {
    let most = labels.iter().max_by_key(|(label, rows)| (**rows, std::cmp::Reverse(*label)));
    most.map_or("", |(label, _)| label)
}
