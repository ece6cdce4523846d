//! How often a text's category is on the list of 20.

use super::data::{Row, Set};
use pg_categorize_core::cascade::CategoryId;
use pg_categorize_core::category_index::{CategoryIndex, Scratch};
use pg_categorize_core::embedding::{Embedding, embed};
use pg_categorize_core::local_model::{self, Lessons, Model, Options, Standing, train};
use std::time::Instant;

/// Length of the list.
pub const K: usize = 20;

/// Of how many texts the category was found, and how.
pub struct Recall {
    pub categories: usize,
    pub texts: usize,
    /// As the first of the list, without hints.
    pub first: usize,
    /// On the list without hints.
    pub without: usize,
    /// With the guesses of a model as hints.
    pub with_model: usize,
    /// With these and the categories of the nearest labelled texts.
    pub with_both: usize,
    /// Of one list without hints.
    pub microseconds: f64,
}

impl Recall {
    /// Share of the texts, in percent.
    pub fn percent(&self, found: usize) -> f64 {
        100.0 * found as f64 / self.texts as f64
    }
}

/// The test texts of a set, after so many labels.
pub fn measure(set: &Set, labels: usize) -> Recall {
    let documents = set.documents();
    let index = CategoryIndex::new(&documents);
    let taught = &set.train[..labels];
    let model = (labels > 0).then(|| trained(taught, set));
    let vectors: Vec<(Option<Embedding>, CategoryId)> = taught.iter().map(|r| (embed(&r.text), r.category)).collect();
    let mut scratch = Scratch::default();
    let (mut without, mut with_model, mut with_both, mut first) = (0, 0, 0, 0);
    let mut model_scratch = local_model::Scratch::default();
    let start = Instant::now();
    for row in &set.test {
        let list = index.shortlist(&row.text, &[], K, &mut scratch);
        without += usize::from(list.contains(&row.category));
        first += usize::from(list.first() == Some(&row.category));
    }
    let microseconds = start.elapsed().as_secs_f64() * 1e6 / set.test.len() as f64;
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
    let (categories, texts) = (documents.len(), set.test.len());
    Recall { categories, texts, first, without, with_model, with_both, microseconds }
}

fn trained(taught: &[Row], set: &Set) -> Vec<u8> {
    let mut lessons = Lessons::new(512 << 20);
    taught.iter().for_each(|row| lessons.push(&row.text, row.category, 1.0, Standing::New));
    for document in set.documents() {
        for name in [document.labels.join(" > "), document.labels.last().cloned().unwrap_or_default()] {
            lessons.name(&name.to_lowercase(), document.id);
        }
    }
    let options = Options { threshold: 0.7, is_chosen: false, live: None, hears_names: false };
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
