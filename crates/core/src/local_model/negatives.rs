//! Which examples the categories of a block learn from, where there are too many to look at all of them.
//!
//! Beyond some thousand categories almost every example is plainly none of these sixteen. A block then learns from its own
//! examples, a sample of the others, and, in a second round, those that the first round took for one of its categories:
//! mining of hard negatives (Felzenszwalb, Girshick, McAllester and Ramanan, "Object detection with discriminatively
//! trained part-based models", 2010).

use super::random::Random;
use super::solver::LANES;
use std::borrow::Cow;

/// Examples times blocks up to which every block learns from all.
pub(super) const ALL_UP_TO: usize = 4_000_000;

/// Examples of a block's sample, at least.
const SAMPLE: usize = 8_000;

/// Mined examples of a block, for each example of its own.
const MINED: usize = 4;

/// The examples of each block.
pub(super) struct Negatives {
    /// What every block sees, in order.
    shared: Vec<u32>,
    /// What each block sees besides.
    own: Vec<Vec<u32>>,
    room: Vec<usize>,
}

impl Negatives {
    /// All examples for every block.
    pub(super) fn all(examples: usize) -> Self {
        Self { shared: (0..examples as u32).collect(), own: Vec::new(), room: Vec::new() }
    }

    /// The own examples of each block and a sample of the others; nothing where all can be looked at.
    pub(super) fn sampled(classes: &[u32], blocks: usize, all_up_to: usize) -> Option<Self> {
        if classes.len().saturating_mul(blocks) <= all_up_to {
            return None;
        }
        let sample = (all_up_to / blocks / 2).max(SAMPLE).min(classes.len());
        let mut shared: Vec<u32> = (0..classes.len() as u32).collect();
        Random(1).shuffle(&mut shared);
        shared.truncate(sample);
        shared.sort_unstable();
        let mut own = vec![Vec::new(); blocks];
        for (example, class) in classes.iter().enumerate() {
            own[*class as usize / LANES].push(example as u32);
        }
        let room = own.iter().map(|own| own.len() * MINED).collect();
        Some(Self { shared, own, room })
    }

    /// Notes an example for the blocks of the classes that it was taken for.
    pub(super) fn add(&mut self, example: u32, class: u32, taken_for: &[usize]) {
        let home = class as usize / LANES;
        let mut before = [usize::MAX; 3];
        for (i, block) in taken_for.iter().map(|class| class / LANES).enumerate() {
            if block != home && !before.contains(&block) && self.room[block] > 0 {
                self.own[block].push(example);
                self.room[block] -= 1;
            }
            before[i] = block;
        }
    }

    /// What a block learns from.
    pub(super) fn texts(&self, block: usize) -> Cow<'_, [u32]> {
        let Some(own) = self.own.get(block) else { return Cow::Borrowed(&self.shared) };
        let mut texts = [&self.shared[..], own].concat();
        texts.sort_unstable();
        texts.dedup();
        Cow::Owned(texts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_examples_are_all_looked_at() {
        assert!(Negatives::sampled(&[0, 1, 2], 1, ALL_UP_TO).is_none());
        assert_eq!(Negatives::all(3).texts(0), [0, 1, 2].as_slice());
    }

    #[test]
    fn a_block_sees_its_own_a_sample_and_what_was_taken_for_it() {
        let classes: Vec<u32> = (0..200_000).map(|i| i % 4000).collect();
        let mut negatives = Negatives::sampled(&classes, 250, ALL_UP_TO).expect("too many for all");
        negatives.add(16, classes[16], &[0, 1, 17]);
        let texts = negatives.texts(0);
        assert!(texts.windows(2).all(|pair| pair[0] < pair[1]));
        assert!((0..16).all(|own| texts.contains(&own)) && texts.contains(&16));
        assert!(texts.len() < 50_000, "{}", texts.len());
    }
}
