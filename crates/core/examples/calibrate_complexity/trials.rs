//! What free tiers say of texts whose label is known.

use pg_categorize_core::category_index::{self, CategoryIndex};
use pg_categorize_core::complexity::{Complexity, Signs};
use pg_categorize_core::lexical::Document;
use pg_categorize_core::local_model::{self, Lessons, Model, Options, Standing, train};
use pg_categorize_core::normalise::{Case, normalise};
use std::collections::HashMap;

/// One text, as a local model or lexical matching takes it.
pub struct Trial {
    pub is_local: bool,
    pub labels: usize,
    /// That the local model was trained on.
    pub examples: usize,
    pub signs: Signs,
    pub wrong: bool,
}

/// Labels and examples at most: a whole set, one that is just begun, and small taxonomies.
const SIZES: [(usize, usize); 7] =
    [(usize::MAX, usize::MAX), (usize::MAX, 2000), (usize::MAX, 500), (60, 1000), (20, 500), (20, 200), (8, 100)];

/// Texts of each size that are held out.
const HELD_OUT: usize = 1500;

pub fn trials(text: &str) -> Vec<Trial> {
    let pairs = text.split_terminator('\n').skip(1).filter_map(|line| line.split_once('\t'));
    let rows: Vec<(String, &str)> = pairs.map(|(text, label)| (normalise(text, Case::Folded), label)).collect();
    let mut all: Vec<&str> = rows.iter().map(|(_, label)| *label).collect();
    all.sort_unstable();
    all.dedup();
    let mut random = Random(42);
    let of = |(labels, examples): (usize, usize)| {
        let mut chosen = all.clone();
        random.shuffle(&mut chosen);
        chosen.truncate(labels);
        let ids: HashMap<&str, i32> = chosen.iter().zip(1..).map(|(label, id)| (*label, id)).collect();
        let mut here: Vec<(&str, i32)> =
            rows.iter().filter_map(|(text, label)| Some((text.as_str(), *ids.get(label)?))).collect();
        random.shuffle(&mut here);
        let (test, rest) = here.split_at(HELD_OUT.min(here.len() / 5));
        of_size(&chosen, test, &rest[..examples.min(rest.len())], examples == SIZES[0].1 || labels != SIZES[0].0)
    };
    let mut trials: Vec<Trial> = SIZES.into_iter().flat_map(of).collect();
    trials.sort_by_key(|trial| (std::cmp::Reverse(trial.labels), std::cmp::Reverse(trial.examples)));
    trials
}

fn of_size(labels: &[&str], test: &[(&str, i32)], examples: &[(&str, i32)], with_lexical: bool) -> Vec<Trial> {
    let complexity = Complexity::of_labels(labels.iter().copied());
    let mut lessons = Lessons::new(64 << 20);
    examples.iter().for_each(|(text, id)| lessons.push(text, *id, 1.0, Standing::New));
    let options = Options { threshold: 0.7, is_chosen: false, live: None, hears_names: false };
    let trained = train(lessons, &options, None, &mut |_| ()).unwrap_or_else(|e| panic!("{e:?}"));
    let model = Model::verified(&trained.bytes).unwrap_or_else(|e| panic!("{e:?}"));
    let document = |(label, id): (&&str, i32)| Document {
        id,
        labels: label.split(" > ").map(|label| label.replace('_', " ")).collect(),
        description: String::new(),
        examples: Vec::new(),
        inner: false,
    };
    let index = CategoryIndex::new(&labels.iter().zip(1..).map(document).collect::<Vec<_>>());
    let (mut scratch, mut said) = (local_model::Scratch::default(), Vec::new());
    let mut lexical_scratch = category_index::Scratch::default();
    let mut trials = Vec::new();
    for (text, truth) in test {
        model.predict(&[text], &mut scratch, &mut said);
        let guesses = &said[0].guesses;
        let highest: Vec<f32> = guesses.iter().map(|g| g.confidence).collect();
        trials.push(Trial {
            is_local: true,
            labels: labels.len(),
            examples: examples.len(),
            signs: complexity.signs(text, highest.first().copied().unwrap_or(0.0), Some(&highest)),
            wrong: guesses.first().is_none_or(|guess| guess.category != *truth),
        });
        let guess = index.best(text, &mut lexical_scratch).map(|found| found.guesses[0]);
        trials.extend(with_lexical.then(|| Trial {
            is_local: false,
            labels: labels.len(),
            examples: 0,
            signs: complexity.signs(text, guess.map_or(0.0, |guess| guess.confidence), None),
            wrong: guess.is_none_or(|guess| guess.category != *truth),
        }));
    }
    trials
}

/// SplitMix64: the same numbers in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((u128::from(z ^ (z >> 31)) * bound as u128) >> 64) as usize
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}
