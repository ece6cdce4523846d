//! The weights of a model: for each n-gram the groups of sixteen categories it says anything about, a byte each.
//!
//! Most n-grams say nothing about most categories. What is left after small weights are dropped is a tenth of the whole
//! and answers as well; a group shares one scale, the upper half of a float.

use super::memory;
use super::solver::{LANES, Lanes};
use crate::error::Result;

/// A group whose weights are all smaller, for an n-gram as rare as they come, is dropped: common ones weigh less in a text.
const LEAST: f32 = 0.04;

/// Bytes that the weights of one model may take, beside which there is little else.
const MAX_BYTES: usize = 56 * 1024 * 1024;

/// Groups of one n-gram: one that speaks to more than two thousand categories says little to any, and would cost the most.
const MOST_GROUPS: usize = 128;

/// Bytes of a group in a model: its block, its scale, its weights, beside each other so that they are fetched together.
pub(super) const GROUP_BYTES: usize = 2 + 2 + LANES;

/// The weights of one n-gram for sixteen categories.
#[derive(Clone, Copy)]
struct Solved {
    feature: u32,
    block: u16,
    scale: u16,
    effect: f32,
    weights: [i8; LANES],
}

/// The same as a model stores it.
#[derive(Clone, Copy)]
pub(super) struct Group {
    pub(super) block: u16,
    pub(super) scale: f32,
    pub(super) weights: [i8; LANES],
}

impl Group {
    /// Reads one from its bytes.
    #[inline(always)]
    pub(super) fn read(bytes: &[u8]) -> Self {
        let bytes: &[u8; GROUP_BYTES] = bytes.try_into().expect("the bytes of a group");
        Self {
            block: u16::from_le_bytes([bytes[0], bytes[1]]),
            scale: widened(u16::from_le_bytes([bytes[2], bytes[3]])),
            weights: std::array::from_fn(|lane| bytes[4 + lane] as i8),
        }
    }
}

/// Groups as they come from the solver, block after block.
pub(super) struct Weights {
    groups: Vec<Solved>,
    constants: Vec<Lanes>,
    least: f32,
}

impl Weights {
    pub(super) fn new() -> Self {
        Self { groups: Vec::new(), constants: Vec::new(), least: LEAST }
    }

    /// Takes over the rows of the next block; `shares` says how much each n-gram weighs in a text, beside the rarest.
    ///
    /// # Errors
    /// `OutOfMemory`.
    pub(super) fn push_block(&mut self, rows: &[Lanes], shares: &[f32]) -> Result<()> {
        let block = self.constants.len() as u16;
        let (constant, rows) = rows.split_last().expect("the constant has a row");
        self.constants.push(*constant);
        for (feature, row) in rows.iter().enumerate() {
            let largest = row.0.iter().fold(0.0f32, |m, w| m.max(w.abs()));
            let effect = largest * shares[feature];
            if effect >= self.least {
                memory::reserve(&mut self.groups, 1)?;
                self.groups.push(Solved::new(feature as u32, block, effect, row, largest));
            }
        }
        if self.groups.len() > 2 * MAX_BYTES / GROUP_BYTES {
            self.shrink();
        }
        Ok(())
    }

    /// Drops the smallest groups where there are too many.
    fn shrink(&mut self) {
        let most = MAX_BYTES / GROUP_BYTES;
        if self.groups.len() > most {
            let mut effects: Vec<f32> = self.groups.iter().map(|g| g.effect).collect();
            let (_, least, _) = effects.select_nth_unstable_by(most, |a, b| b.total_cmp(a));
            self.least = *least;
            self.groups.retain(|g| g.effect > *least);
        }
    }

    /// Sorts by n-gram, and drops the smallest groups of those that have too many.
    fn cap(&mut self) {
        self.groups.sort_unstable_by(|a, b| a.feature.cmp(&b.feature).then(b.effect.total_cmp(&a.effect)));
        let (mut feature, mut count) = (u32::MAX, 0);
        self.groups.retain(|group| {
            count = if group.feature == feature { count + 1 } else { 1 };
            feature = group.feature;
            count <= MOST_GROUPS
        });
        self.groups.sort_unstable_by_key(|g| (g.feature, g.block));
    }

    /// Appends them by n-gram: constants, where the groups of each n-gram begin, and the groups. Returns how many
    /// there are. Lanes from `classes` on never win.
    ///
    /// # Errors
    /// `OutOfMemory`.
    pub(super) fn store(mut self, features: usize, classes: usize, bytes: &mut Vec<u8>) -> Result<usize> {
        self.shrink();
        self.cap();
        let numbers = self.constants.len() * LANES + features + 1;
        memory::reserve(bytes, numbers * 4 + self.groups.len() * GROUP_BYTES)?;
        for (lane, constant) in self.constants.iter().flat_map(|lanes| lanes.0).enumerate() {
            bytes.extend_from_slice(&if lane < classes { constant } else { NEVER }.to_le_bytes());
        }
        let mut next = 0;
        for feature in 0..=features as u32 {
            next += self.groups[next..].iter().take_while(|g| g.feature < feature).count();
            bytes.extend_from_slice(&(next as u32).to_le_bytes());
        }
        for group in &self.groups {
            bytes.extend_from_slice(&group.block.to_le_bytes());
            bytes.extend_from_slice(&group.scale.to_le_bytes());
            bytes.extend(group.weights.map(|w| w as u8));
        }
        Ok(self.groups.len())
    }
}

/// The score of a category that does not exist.
pub(super) const NEVER: f32 = -1.0e9;

impl Solved {
    fn new(feature: u32, block: u16, effect: f32, row: &Lanes, largest: f32) -> Self {
        // Rounded up, so that the largest weight still fits a byte.
        let scale = ((largest / 127.0).to_bits().saturating_add(0xffff) >> 16) as u16;
        let inverse = 1.0 / widened(scale);
        Self { feature, block, scale, effect, weights: row.0.map(|w| (w * inverse).round() as i8) }
    }
}

/// A float of which the upper half was kept.
#[inline(always)]
fn widened(half: u16) -> f32 {
    f32::from_bits(u32::from(half) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_survive_within_a_hundredth_of_the_largest() {
        let row = Lanes([0.5, -0.5, 0.25, 0.0, 0.1, -0.1, 0.01, 0.0, 0.4999, 0.3, -0.3, 0.2, 0.05, -0.05, 0.33, 0.44]);
        let group = Solved::new(0, 0, 0.5, &row, 0.5);
        for (weight, stored) in row.0.iter().zip(group.weights) {
            assert!((weight - f32::from(stored) * widened(group.scale)).abs() < 0.005, "{weight}");
        }
    }

    #[test]
    fn groups_are_found_by_feature() {
        let mut weights = Weights::new();
        let row = |w: f32| Lanes([w; LANES]);
        weights.push_block(&[row(0.5), row(0.0), row(0.2), row(-1.0)], &[1.0; 3]).expect("memory");
        weights.push_block(&[row(0.0), row(0.0), row(0.1), row(-1.0)], &[1.0, 1.0, 0.5]).expect("memory");
        let mut bytes = Vec::new();
        assert_eq!(weights.store(3, 17, &mut bytes), Ok(3));
        let offsets: Vec<u32> =
            bytes[2 * 64..][..16].chunks(4).map(|b| u32::from_le_bytes(b.try_into().unwrap())).collect();
        assert_eq!(offsets, [0, 1, 1, 3]);
        assert_eq!(bytes[17 * 4..][..4], NEVER.to_le_bytes());
        assert_eq!(bytes.len(), 2 * 64 + 16 + 3 * GROUP_BYTES);
    }
}
