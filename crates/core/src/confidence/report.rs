//! What a calibration is worth, measured on observations that it was not fitted to.

use super::calibration::Calibration;
use super::observation::sorted;
use super::{Observation, Source, calibration_error};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// Parts of which each is predicted from the others.
const PARTS: u64 = 5;

/// What observations say about one model and source of confidence. Both errors are those of the observed answers, weighed
/// as they are; few observations make either look larger than it is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Observations that said anything.
    pub observations: u32,
    /// Those that were right.
    pub right: u32,
    /// Expected calibration error of the confidence as the model gives it, 0 to 1.
    pub before: f32,
    /// That of the calibrated confidence: each fifth was predicted from the others.
    pub after: f32,
}

impl Report {
    /// Measures what a calibration fitted to these observations is worth. Takes as long as five fits.
    pub fn of(source: Source, observations: &[Observation]) -> Self {
        let observations = sorted(observations);
        // By lot, not by turns: neighbours in this order share their confidence, and would make each other known.
        let part = |at: usize| xxh3_64(&(at as u64).to_le_bytes()) % PARTS;
        let mut predicted = Vec::with_capacity(observations.len());
        for held_out in 0..PARTS {
            let of = |wanted: bool| {
                let in_part = observations.iter().enumerate().filter(move |(at, _)| (part(*at) == held_out) == wanted);
                in_part.map(|(_, observation)| *observation)
            };
            let calibration = Calibration::of_sorted(source, &of(false).collect::<Vec<_>>());
            predicted.extend(of(true).map(|o| (calibration.apply(o.raw), o.right, o.weight)));
        }
        Self {
            observations: observations.len() as u32,
            right: observations.iter().filter(|o| o.right).count() as u32,
            before: calibration_error(observations.iter().map(|o| (o.raw, o.right, o.weight))),
            after: calibration_error(predicted),
        }
    }
}
