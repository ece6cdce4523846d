//! Recall of the list of 20: `cargo run --release -p pg_categorize_core --example candidates -- FOLDER`.
//!
//! The folder holds labelled texts as `NAME/FILE.tsv` with the columns title and category, and their test rows.

mod data;
mod recall;
mod shopify;

use data::Set;
use recall::{K, Recall, measure};
use std::path::{Path, PathBuf};

fn main() {
    let folder = PathBuf::from(std::env::args().nth(1).expect("the folder of the labelled texts"));
    for set in [Set::flipkart(&folder), Set::myntra(&folder), Set::banking77(&folder)] {
        let counts: &[usize] = if set.name == "flipkart" { &[0, 250, 1_000, 5_000] } else { &[0, 250, 1_000] };
        for labels in counts {
            print(set.name, *labels, &measure(&set, *labels));
        }
    }
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/titles.tsv");
    print("shopify", 0, &shopify::measure(&folder, &demo));
}

fn print(name: &str, labels: usize, of: &Recall) {
    println!(
        "{name:<10} {labels:>5} labels, {} categories, {} texts: first {:.1}%, list of {K} without hints {:.1}%, with the model's {:.1}%, with neighbours' {:.1}%; {:.0} microseconds",
        of.categories,
        of.texts,
        of.percent(of.first),
        of.percent(of.without),
        of.percent(of.with_model),
        of.percent(of.with_both),
        of.microseconds
    );
}
