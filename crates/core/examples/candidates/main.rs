//! Recall of the list of 20: `cargo run --release -p pg_categorize_core --example candidates -- FOLDER`.
//!
//! The folder holds labelled texts as `NAME/FILE.tsv` with the columns title and category, and their test rows.

mod data;
mod shopify;

use data::{Row, Set, category_documents};
use pg_categorize_core::cascade::CategoryId;
use pg_categorize_core::category_index::{CategoryIndex, Scratch};
use pg_categorize_core::embedding::{Embedding, embed};
use pg_categorize_core::local_model::{self, Lessons, Model, Options, Standing, train};
use std::path::PathBuf;
use std::time::Instant;

/// Length of the list.
const K: usize = 20;

fn main() {
    let folder = PathBuf::from(std::env::args().nth(1).expect("the folder of the labelled texts"));
    for set in [Set::flipkart(&folder), Set::myntra(&folder), Set::banking77(&folder)] {
        let counts: &[usize] = if set.name == "flipkart" { &[0, 250, 1_000, 5_000] } else { &[0, 250, 1_000] };
        for labels in counts {
            measure(&set, *labels);
        }
    }
    shopify::measure(&folder);
}

fn measure(set: &Set, labels: usize) {
    let documents = set.documents();
    let index = CategoryIndex::new(&documents);
    let taught = &set.train[..labels];
    let model = (labels > 0).then(|| trained(taught, set));
    let vectors: Vec<(Option<Embedding>, CategoryId)> = taught.iter().map(|r| (embed(&r.text), r.category)).collect();
    let mut scratch = Scratch::default();
    let (mut without, mut with_model, mut with_both, mut top) = (0, 0, 0, 0);
    let mut model_scratch = local_model::Scratch::default();
    let start = Instant::now();
    for row in &set.test {
        let list = index.shortlist(&row.text, &[], K, &mut scratch);
        without += usize::from(list.contains(&row.category));
        top += usize::from(list.first() == Some(&row.category));
    }
    let time = start.elapsed().as_secs_f64() * 1e6 / set.test.len() as f64;
    for row in &set.test {
        let mut hints = model.as_ref().map(|bytes| guesses(bytes, &row.text, &mut model_scratch)).unwrap_or_default();
        let list = index.shortlist(&row.text, &hints, K, &mut scratch);
        with_model += usize::from(list.contains(&row.category));
        for category in neighbours(&vectors, &row.text) {
            if !hints.contains(&category) {
                hints.push(category);
            }
        }
        let list = index.shortlist(&row.text, &hints, K, &mut scratch);
        with_both += usize::from(list.contains(&row.category));
    }
    let percent = |n: usize| 100.0 * n as f64 / set.test.len() as f64;
    println!(
        "{:<10} {labels:>5} labels, {} categories, {} texts: first {:.1}%, list of {K} without hints {:.1}%, with the model's {:.1}%, with neighbours' {:.1}%; {time:.0} microseconds",
        set.name,
        documents.len(),
        set.test.len(),
        percent(top),
        percent(without),
        percent(with_model),
        percent(with_both)
    );
}

fn trained(taught: &[Row], set: &Set) -> Vec<u8> {
    let mut lessons = Lessons::new(512 << 20);
    taught.iter().for_each(|row| lessons.push(&row.text, row.category, 1.0, Standing::New));
    for document in set.documents() {
        for name in [document.labels.join(" > "), document.labels.last().cloned().unwrap_or_default()] {
            lessons.name(&name.to_lowercase(), document.id);
        }
    }
    let options = Options { threshold: 0.7, is_chosen: false, live: None };
    train(lessons, &options, None, &mut |_| ()).expect("labels of several categories").bytes
}

fn guesses(bytes: &[u8], text: &str, scratch: &mut local_model::Scratch) -> Vec<CategoryId> {
    let mut said = Vec::new();
    Model::open(bytes).expect("just made").predict(&[text], scratch, &mut said);
    said[0].guesses.iter().map(|guess| guess.category).collect()
}

/// The categories of the five nearest labelled texts.
fn neighbours(vectors: &[(Option<Embedding>, CategoryId)], text: &str) -> Vec<CategoryId> {
    let Some(own) = embed(text) else { return Vec::new() };
    let near = |(other, category): &(Option<Embedding>, CategoryId)| Some((own.cosine(other.as_ref()?), *category));
    let mut all: Vec<(f32, CategoryId)> = vectors.iter().filter_map(near).collect();
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    all.into_iter().take(5).map(|(_, category)| category).collect()
}
