//! Support vector machines, sixteen categories at a time.
//!
//! One category against the rest with squared hinge loss and L2 regularisation, solved in its dual by coordinate descent
//! (Hsieh, Chang, Lin, Keerthi and Sundararajan, "A dual coordinate descent method for large-scale linear SVM", 2008,
//! algorithm 1, with texts that have settled put aside): what scikit-learn's `LinearSVC` minimises. The sixteen problems share every read of a text
//! and of a row of weights, which is a vector register or two.

use super::memory;
use super::random::Random;
use super::vocabulary::{INTERRUPT, Vectors};
use crate::error::Result;

/// Categories that are solved, stored and scored together.
pub(super) const LANES: usize = 16;

/// One number for each of the categories.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[repr(align(64))]
pub(super) struct Lanes(pub(super) [f32; LANES]);

/// Cost of a violated margin against the size of the weights: the default of LIBLINEAR, which was best of 0.5, 1 and 2 on
/// the labelled sets of the benchmark.
const COST: f32 = 1.0;

/// The descent ends once no projected gradient is larger than this; five times tighter changed no accuracy.
const TOLERANCE: f32 = 0.4;

/// A text whose projected gradients are all smaller is put aside until the others have settled, too.
const SETTLED: f32 = 0.1;

/// Passes over the texts, should the tolerance not be met before.
const MAX_PASSES: usize = 50;

/// A step in the dual below this changes nothing that is kept.
const LEAST_STEP: f32 = 1e-6;

/// The texts that sixteen categories learn from.
pub(super) struct Problem<'a> {
    pub(super) vectors: &'a Vectors,
    /// Squared length of each text, the constant feature included.
    pub(super) lengths: &'a [f32],
    /// Class of each text.
    pub(super) classes: &'a [u32],
    /// How much each text counts.
    pub(super) weights: &'a [f32],
    /// The texts to learn from.
    pub(super) texts: &'a [u32],
    /// The first of the sixteen classes.
    pub(super) first_class: u32,
}

/// Solves the sixteen problems: a row for each feature, and the row of the constant at the end. `rows` is reused.
///
/// # Errors
/// `OutOfMemory`.
pub(super) fn solve(problem: &Problem<'_>, rows: &mut [Lanes], interrupt: &mut dyn FnMut()) -> Result<()> {
    rows.fill(Lanes::default());
    let mut dual = memory::filled(Lanes::default(), problem.texts.len())?;
    let mut order: Vec<u32> = (0..problem.texts.len() as u32).collect();
    let mut active = order.len();
    let mut random = Random(u64::from(problem.first_class));
    let arch = pulp::Arch::new();
    for _ in 0..MAX_PASSES {
        let all = active == order.len();
        random.shuffle(&mut order[..active]);
        let done = arch.dispatch(Pass { problem, rows, dual: &mut dual, order: &mut order, active, interrupt });
        active = done.active;
        if done.furthest <= TOLERANCE {
            if all {
                break;
            }
            // What was put aside is looked at once more before the end.
            active = order.len();
        }
    }
    Ok(())
}

/// One pass over the active texts.
struct Pass<'a, 'p> {
    problem: &'a Problem<'p>,
    rows: &'a mut [Lanes],
    dual: &'a mut [Lanes],
    order: &'a mut [u32],
    active: usize,
    interrupt: &'a mut dyn FnMut(),
}

struct Done {
    /// Texts that are not put aside.
    active: usize,
    /// The largest projected gradient.
    furthest: f32,
}

impl pulp::WithSimd for Pass<'_, '_> {
    type Output = Done;

    /// Compiled for each level of vector instructions; the loops over lanes become theirs.
    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> Done {
        let Self { problem, rows, dual, order, mut active, interrupt } = self;
        let constant = rows.len() - 1;
        let mut furthest = 0.0f32;
        let (mut at, mut visited) = (0, 0);
        while at < active {
            if visited % INTERRUPT == 0 {
                interrupt();
            }
            visited += 1;
            let slot = order[at] as usize;
            let text = problem.texts[slot] as usize;
            let mut score = rows[constant].0;
            for (feature, x) in problem.vectors.get(text) {
                let row = &rows[feature].0;
                for lane in 0..LANES {
                    score[lane] += row[lane] * x;
                }
            }
            let mut sign = [-1.0f32; LANES];
            if let Some(own) = sign.get_mut(problem.classes[text].wrapping_sub(problem.first_class) as usize) {
                *own = 1.0;
            }
            let diagonal = 0.5 / (COST * problem.weights[text]);
            let inverse = 1.0 / (problem.lengths[text] + diagonal);
            let before = dual[slot].0;
            let mut after = before;
            let mut step = [0.0f32; LANES];
            let (mut off, mut moved) = (0.0f32, 0.0f32);
            for lane in 0..LANES {
                let gradient = sign[lane] * score[lane] - 1.0 + before[lane] * diagonal;
                let projected = if before[lane] > 0.0 { gradient } else { gradient.min(0.0) };
                off = off.max(projected.abs());
                after[lane] = (before[lane] - gradient * inverse).max(0.0);
                step[lane] = (after[lane] - before[lane]) * sign[lane];
                moved = moved.max(step[lane].abs());
            }
            furthest = furthest.max(off);
            if moved > LEAST_STEP {
                dual[slot].0 = after;
                for (feature, x) in problem.vectors.get(text) {
                    let row = &mut rows[feature].0;
                    for lane in 0..LANES {
                        row[lane] += step[lane] * x;
                    }
                }
                let row = &mut rows[constant].0;
                for lane in 0..LANES {
                    row[lane] += step[lane];
                }
            }
            if off < SETTLED {
                active -= 1;
                order.swap(at, active);
            } else {
                at += 1;
            }
        }
        Done { active, furthest }
    }
}

#[cfg(test)]
mod tests {
    use super::super::counts::{Counter, Counts};
    use super::super::vocabulary::Vocabulary;
    use super::*;

    #[test]
    fn what_can_be_separated_is() {
        let texts = ["red shoe", "blue shoe", "green shoe", "red hat", "blue hat", "green hat"];
        let classes = [0, 0, 0, 1, 1, 1];
        let (mut counter, mut counts) = (Counter::default(), Counts::default());
        texts.iter().for_each(|text| counts.push(counter.count(text)).expect("memory"));
        let all: Vec<u32> = (0..6).collect();
        let vocabulary = Vocabulary::new(&counts, &all, &mut || ()).expect("memory");
        let vectors = Vectors::new(&vocabulary, &counts, &all, &mut || ()).expect("memory");
        let lengths: Vec<f32> = (0..6).map(|t| vectors.squared_length(t) + 1.0).collect();
        let mut rows = vec![Lanes::default(); vocabulary.weights.len() + 1];
        let problem = Problem {
            vectors: &vectors,
            lengths: &lengths,
            classes: &classes,
            weights: &[1.0; 6],
            texts: &all,
            first_class: 0,
        };
        solve(&problem, &mut rows, &mut || ()).expect("memory");
        let score = |text: usize, lane: usize| {
            vectors.get(text).map(|(f, x)| rows[f].0[lane] * x).sum::<f32>() + rows[rows.len() - 1].0[lane]
        };
        for (text, class) in classes.into_iter().enumerate() {
            let class = class as usize;
            assert!(score(text, class) > 0.5 && score(text, 1 - class) < -0.5, "{text}");
            assert!(score(text, 2) < -0.9, "a category without examples is always the rest");
        }
    }
}
