//! The nearest titles of each, found once for all runs.

use crate::titles::Titles;
use pg_categorize_core::embedding::embed;
use pg_categorize_core::similarity::Vectors;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Neighbours of a title that are kept: enough that some of them are labelled in every run.
const KEPT: usize = 256;

/// Neighbours of each title, nearest first.
pub struct Near {
    pub by_vector: Vec<Vec<(u32, f32)>>,
    pub by_trigrams: Vec<Vec<(u32, f32)>>,
}

impl Near {
    pub fn new(titles: &Titles) -> Self {
        let mut vectors = Vectors::default();
        titles.texts.iter().for_each(|text| vectors.push(embed(text).as_ref()));
        let trigrams: Vec<Vec<u32>> = titles.texts.iter().map(|text| trigrams(text)).collect();
        let mut holders: HashMap<u32, Vec<u32>> = HashMap::new();
        for (i, of) in trigrams.iter().enumerate() {
            of.iter().for_each(|t| holders.entry(*t).or_default().push(i as u32));
        }
        Self {
            by_vector: in_parallel(titles.texts.len(), |i| vectors.nearest(i, KEPT)),
            by_trigrams: in_parallel(titles.texts.len(), |i| nearest_by_trigrams(i, &trigrams, &holders)),
        }
    }
}

/// The trigrams of the words, with two blanks before and one after each, as pg_trgm has them; hashed.
fn trigrams(text: &str) -> Vec<u32> {
    let mut found = Vec::new();
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()) {
        let padded: Vec<char> = "  ".chars().chain(word.chars()).chain([' ']).collect();
        found.extend(padded.windows(3).map(|t| t.iter().fold(0u32, |h, c| h.wrapping_mul(0x9e37_79b1) ^ *c as u32)));
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// By the share of trigrams that two texts have in common (Jaccard), which is pg_trgm's `similarity()`.
fn nearest_by_trigrams(of: usize, trigrams: &[Vec<u32>], holders: &HashMap<u32, Vec<u32>>) -> Vec<(u32, f32)> {
    let mut common = vec![0u16; trigrams.len()];
    for trigram in &trigrams[of] {
        holders[trigram].iter().for_each(|i| common[*i as usize] += 1);
    }
    let similarity = |i: usize| {
        let shared = f32::from(common[i]);
        shared / ((trigrams[of].len() + trigrams[i].len()) as f32 - shared)
    };
    let mut near: Vec<(u32, f32)> =
        (0..trigrams.len()).filter(|i| *i != of && common[*i] > 0).map(|i| (i as u32, similarity(i))).collect();
    near.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    near.truncate(KEPT);
    near
}

/// What `of` says of each number below `count`, by as many threads as there are processors.
pub fn in_parallel<T: Send>(count: usize, of: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let work = || {
        let take = || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|i| *i < count);
        std::iter::from_fn(take).map(|i| (i, of(i))).collect::<Vec<_>>()
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut all: Vec<(usize, T)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("it does not panic")).collect()
    });
    all.sort_by_key(|(i, _)| *i);
    all.into_iter().map(|(_, said)| said).collect()
}
