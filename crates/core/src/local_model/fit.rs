//! From examples to the bytes of a model, calibration aside.

use super::counts::Counts;
use super::format;
use super::model::{Model, Scratch};
use super::negatives::Negatives;
use super::solver::{LANES, Lanes, Problem, solve};
use super::vocabulary::{Vectors, Vocabulary};
use super::weights::Weights;
use crate::cascade::CategoryId;

/// Examples with their classes: positions in `categories`.
pub(super) struct Examples<'a> {
    pub(super) counts: &'a Counts,
    pub(super) classes: &'a [u32],
    pub(super) weights: &'a [f32],
    pub(super) categories: &'a [CategoryId],
}

/// Fits a model to some of the examples; `progress` is told the part that is done.
pub(super) fn fit(examples: &Examples<'_>, texts: &[u32], progress: &mut dyn FnMut(f32)) -> (Vec<u8>, f32) {
    let vocabulary = Vocabulary::new(examples.counts, texts);
    let vectors = Vectors::new(&vocabulary, examples.counts, texts);
    progress(0.02);
    let classes: Vec<u32> = texts.iter().map(|t| examples.classes[*t as usize]).collect();
    let mut evidence = vec![0u32; examples.categories.len()];
    classes.iter().for_each(|c| evidence[*c as usize] += 1);
    let data = Data {
        classes: &classes,
        weights: &texts.iter().map(|t| examples.weights[*t as usize]).collect::<Vec<_>>(),
        lengths: &(0..vectors.len()).map(|t| vectors.squared_length(t) + 1.0).collect::<Vec<_>>(),
        vectors: &vectors,
        features: vocabulary.weights.len(),
        blocks: examples.categories.len().div_ceil(LANES),
    };
    let store = |weights| format::store(examples.categories, &evidence, &vocabulary, weights);
    let bytes = match Negatives::sampled(&classes, data.blocks) {
        None => store(data.weights(&Negatives::all(texts.len()), &mut |done| progress(0.02 + 0.98 * done))),
        Some(mut negatives) => {
            let first = store(data.weights(&negatives, &mut |done| progress(0.02 + 0.3 * done)));
            let model = Model::open(&first).expect("a model that was just made");
            let mut scratch = Scratch::default();
            for (i, text) in texts.iter().enumerate() {
                if i % 1000 == 0 {
                    progress(0.32 + 0.2 * i as f32 / texts.len() as f32);
                }
                if let Some(ranked) = model.rank(examples.counts.get(*text as usize), &mut scratch.scoring) {
                    negatives.add(i as u32, classes[i], &ranked.classes);
                }
            }
            store(data.weights(&negatives, &mut |done| progress(0.52 + 0.48 * done)))
        }
    };
    (bytes, vocabulary.unseen)
}

struct Data<'a> {
    vectors: &'a Vectors,
    lengths: &'a [f32],
    classes: &'a [u32],
    weights: &'a [f32],
    features: usize,
    blocks: usize,
}

impl Data<'_> {
    fn weights(&self, negatives: &Negatives, progress: &mut dyn FnMut(f32)) -> Weights {
        let mut rows = vec![Lanes::default(); self.features + 1];
        let mut weights = Weights::default();
        for block in 0..self.blocks {
            let problem = Problem {
                vectors: self.vectors,
                lengths: self.lengths,
                classes: self.classes,
                weights: self.weights,
                texts: &negatives.texts(block),
                first_class: (block * LANES) as u32,
            };
            solve(&problem, &mut rows, &mut || progress(block as f32 / self.blocks as f32));
            weights.push_block(&rows);
        }
        weights
    }
}
