//! From examples to the bytes of a model, calibration aside.

use super::counts::Counts;
use super::format;
use super::lessons::{Lesson, LessonKind};
use super::memory;
use super::model::{Model, Scratch};
use super::negatives::{ALL_UP_TO, Negatives};
use super::solver::{LANES, Lanes, Problem, solve};
use super::vocabulary::{Vectors, Vocabulary};
use super::weights::Weights;
use crate::cascade::CategoryId;
use crate::error::Result;

/// Lessons with their classes: positions in `categories`.
pub(super) struct Examples<'a> {
    pub(super) counts: &'a Counts,
    pub(super) lessons: &'a [Lesson],
    pub(super) classes: &'a [u32],
    pub(super) categories: &'a [CategoryId],
}

impl Examples<'_> {
    /// How many of these texts speak for each class: all but its name.
    pub(super) fn evidence(&self, texts: &[u32]) -> Vec<u32> {
        let mut evidence = vec![0; self.categories.len()];
        for text in texts.iter().map(|text| *text as usize) {
            evidence[self.classes[text] as usize] += u32::from(self.lessons[text].kind != LessonKind::Name);
        }
        evidence
    }
}

/// Fits a model to some of the examples; `progress` is told the part that is done.
///
/// # Errors
/// `OutOfMemory`.
pub(super) fn fit(examples: &Examples<'_>, texts: &[u32], progress: &mut dyn FnMut(f32)) -> Result<Vec<u8>> {
    fit_within(examples, texts, ALL_UP_TO, progress)
}

fn fit_within(
    examples: &Examples<'_>,
    texts: &[u32],
    all_up_to: usize,
    progress: &mut dyn FnMut(f32),
) -> Result<Vec<u8>> {
    let vocabulary = Vocabulary::new(examples.counts, texts, &mut || progress(0.0))?;
    let vectors = Vectors::new(&vocabulary, examples.counts, texts, &mut || progress(0.0))?;
    progress(0.02);
    let classes: Vec<u32> = texts.iter().map(|t| examples.classes[*t as usize]).collect();
    let evidence = examples.evidence(texts);
    let data = Data {
        classes: &classes,
        weights: &texts.iter().map(|t| examples.lessons[*t as usize].weight).collect::<Vec<_>>(),
        lengths: &(0..vectors.len()).map(|t| vectors.squared_length(t) + 1.0).collect::<Vec<_>>(),
        vectors: &vectors,
        shares: &vocabulary.weights.iter().map(|w| w / vocabulary.unseen).collect::<Vec<_>>(),
        blocks: examples.categories.len().div_ceil(LANES),
    };
    let store = |weights| format::store(examples.categories, &evidence, &vocabulary, weights);
    match Negatives::sampled(&classes, data.blocks, all_up_to) {
        None => store(data.weights(&Negatives::all(texts.len()), &mut |done| progress(0.02 + 0.98 * done))?),
        Some(mut negatives) => {
            let first = store(data.weights(&negatives, &mut |done| progress(0.02 + 0.3 * done))?)?;
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
            store(data.weights(&negatives, &mut |done| progress(0.52 + 0.48 * done))?)
        }
    }
}

struct Data<'a> {
    vectors: &'a Vectors,
    lengths: &'a [f32],
    classes: &'a [u32],
    weights: &'a [f32],
    /// How much each n-gram weighs in a text, beside the rarest.
    shares: &'a [f32],
    blocks: usize,
}

impl Data<'_> {
    fn weights(&self, negatives: &Negatives, progress: &mut dyn FnMut(f32)) -> Result<Weights> {
        let mut rows = memory::filled(Lanes::default(), self.shares.len() + 1)?;
        let mut weights = Weights::new();
        for block in 0..self.blocks {
            let problem = Problem {
                vectors: self.vectors,
                lengths: self.lengths,
                classes: self.classes,
                weights: self.weights,
                texts: &negatives.texts(block),
                first_class: (block * LANES) as u32,
            };
            solve(&problem, &mut rows, &mut || progress(block as f32 / self.blocks as f32))?;
            weights.push_block(&rows, self.shares)?;
        }
        Ok(weights)
    }
}

#[cfg(test)]
mod tests {
    use super::super::counts::Counter;
    use super::super::lessons::{Lessons, Standing};
    use super::*;

    #[test]
    fn a_sample_with_mined_negatives_tells_apart_what_all_examples_do() {
        let names = ["shoe", "boot", "hat", "scarf", "lamp", "chair", "table", "desk", "cup", "plate"];
        let mut counter = Counter::default();
        let mut lessons = Lessons::new(64 << 20);
        let (mut classes, mut texts) = (Vec::new(), Vec::new());
        for i in 0..800u32 {
            let class = i % 40;
            let text = format!("{} {} of size {i}", names[class as usize % 10], names[class as usize / 10]);
            lessons.push(&text, 100 + class as CategoryId, 1.0, Standing::New);
            classes.push(class);
            texts.push(text);
        }
        let examples = Examples {
            counts: &lessons.counts,
            lessons: &lessons.lessons,
            classes: &classes,
            categories: &(100..140).collect::<Vec<CategoryId>>(),
        };
        let all: Vec<u32> = (0..800).collect();
        let bytes = fit_within(&examples, &all, 0, &mut |_| ()).expect("memory");
        let model = Model::open(&bytes).expect("it was just made");
        let mut scratch = Scratch::default();
        let right = all.iter().filter(|i| {
            let ranked = model.rank(counter.count(&texts[**i as usize]), &mut scratch.scoring);
            ranked.is_some_and(|r| r.classes[0] == classes[**i as usize] as usize)
        });
        assert!(right.count() > 790);
    }
}
