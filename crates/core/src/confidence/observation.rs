//! What calibration learns from.

use std::cmp::Ordering;

/// An answer of a language model of which it became known whether it was right.
///
/// Observations need not be a fair sample of all levels of confidence: upgrades lie below their threshold, people look at
/// doubtful answers first. But at each level, right and wrong answers must have the same chance to be observed. Where they
/// have not - people correct what is wrong, and rarely confirm what is right - the weight must make up for it: what is
/// observed with a chance of p counts 1/p (Horvitz and Thompson, 1952). Corrections alone say nothing about how often a
/// model is right; audits by lot and upgrades do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observation {
    /// The confidence as the model gave it, 0 to 1.
    pub raw: f32,
    /// Whether the answer was right.
    pub right: bool,
    /// How much it counts: 1 for the word of a person, less for the agreement of a stronger model. Up to 100.
    pub weight: f32,
}

/// One observation must not outweigh all others.
const MOST_WEIGHT: f32 = 100.0;

impl Observation {
    /// It, where it says anything: the confidence is a number of 0 to 1, the weight one above 0.
    fn sound(self) -> Option<Self> {
        let is_sound = (0.0..=1.0).contains(&self.raw) && self.weight > 0.0 && self.weight.is_finite();
        // Minus zero is zero, but is sorted before it.
        let (raw, weight) = (self.raw + 0.0, self.weight.min(MOST_WEIGHT));
        is_sound.then_some(Self { raw, weight, ..self })
    }

    fn order(&self, other: &Self) -> Ordering {
        let raw = self.raw.total_cmp(&other.raw);
        raw.then(self.right.cmp(&other.right)).then(self.weight.total_cmp(&other.weight))
    }
}

/// Those that say anything, in an order that does not depend on how they came: the same ones make the same calibration.
pub(super) fn sorted(observations: &[Observation]) -> Vec<Observation> {
    let mut sound: Vec<_> = observations.iter().copied().filter_map(Observation::sound).collect();
    sound.sort_unstable_by(Observation::order);
    sound
}
