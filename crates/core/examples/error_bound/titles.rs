//! The labelled titles of one set.

use pg_categorize_core::normalise::{Case, normalise};
use std::collections::HashMap;
use std::path::Path;

/// Titles that are taken of a set at most, by lot.
const MOST: usize = 16_000;

/// Distinct texts in normal form with the numbers of their labels.
pub struct Titles {
    pub texts: Vec<String>,
    pub labels: Vec<i32>,
}

/// The titles of a set, in an order by lot that is always the same.
pub fn read(folder: &Path, set: &str) -> Option<Titles> {
    let files: &[&str] = if set == "banking77" { &["train.tsv", "test.tsv"] } else { &["dedup.tsv"] };
    let mut numbers: HashMap<String, i32> = HashMap::new();
    let mut known: HashMap<String, i32> = HashMap::new();
    let mut texts = Vec::new();
    for file in files {
        for line in std::fs::read_to_string(folder.join(set).join(file)).ok()?.split_terminator('\n').skip(1) {
            let Some((title, label)) = line.split_once('\t') else { continue };
            let next = numbers.len() as i32;
            let number = *numbers.entry(label.to_owned()).or_insert(next);
            let text = normalise(title, Case::Folded);
            if known.insert(text.clone(), number).is_none() {
                texts.push(text);
            }
        }
    }
    shuffle(&mut texts, 42);
    texts.truncate(MOST);
    let labels = texts.iter().map(|text| known[text]).collect();
    Some(Titles { texts, labels })
}

/// Brings values into an order by lot (Fisher and Yates, with SplitMix64 numbers).
pub fn shuffle<T>(values: &mut [T], seed: u64) {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for i in (1..values.len()).rev() {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        values.swap(i, ((z ^ (z >> 31)) % (i as u64 + 1)) as usize);
    }
}
