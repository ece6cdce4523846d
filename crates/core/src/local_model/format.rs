//! The bytes of a model, in the order they are written. Numbers are little-endian, and nothing need be aligned.
//!
//! A header of 64 bytes (magic, checksum of all that follows the checksum, versions, counts), sixteen parameters, the
//! categories with their examples, the filled buckets with their weights in a text, and the weights of the categories.

use super::calibration::Calibration;
use super::index;
use super::ngrams::HASH_VERSION;
use super::solver::LANES;
use super::vocabulary::Vocabulary;
use super::weights::{GROUP_BYTES, Weights};
use crate::cascade::CategoryId;
use crate::error::Result;
use std::ops::Range;
use xxhash_rust::xxh3::xxh3_64;

const HEADER_BYTES: usize = 64;

/// Bytes at the start of a model, header and parameters, that tell it from all others: among them is the checksum of the
/// rest. From them alone `Model::open` says whether the version is that of this library.
pub const IDENTITY_BYTES: usize = HEADER_BYTES + PARAMETERS * 4;

const MAGIC: &[u8; 8] = b"pgcatlm\0";

/// Raise it when the layout changes.
const FORMAT_VERSION: u32 = 1;

/// What the checksum covers begins here.
const COVERED: usize = 16;

const PARAMETERS: usize = 16;

/// The parameter behind those of the calibration: what an n-gram weighs that no text of the training had.
const UNSEEN: usize = 6;

/// Steps of an inverse document frequency in a byte; the largest is 1 + ln 1,000,000.
const WEIGHT_STEP: f32 = 1.0 / 17.0;

/// Why bytes are no model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damaged {
    /// They were written by another version of the library.
    Version,
    /// They are cut, or were changed.
    Content,
}

/// What the header says, and the parameters.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub(super) classes: usize,
    pub(super) features: usize,
    pub(super) groups: usize,
    pub(super) calibration: Calibration,
    pub(super) least_confidence: f32,
    pub(super) unseen: f32,
}

/// Where each part of a model lies.
pub(super) struct Parts {
    pub(super) categories: Range<usize>,
    pub(super) evidence: Range<usize>,
    pub(super) index: Range<usize>,
    pub(super) text_weights: Range<usize>,
    pub(super) constants: Range<usize>,
    pub(super) offsets: Range<usize>,
    pub(super) groups: Range<usize>,
}

impl Layout {
    pub(super) fn parts(&self) -> Option<Parts> {
        let mut end = IDENTITY_BYTES;
        let mut next = |count: usize, bytes: usize| {
            let start = end;
            end = start.checked_add(count.checked_mul(bytes)?)?;
            Some(start..end)
        };
        Some(Parts {
            categories: next(self.classes, 4)?,
            evidence: next(self.classes, 4)?,
            index: next(1, index::BYTES)?,
            text_weights: next(self.features, 1)?,
            constants: next(self.classes.div_ceil(LANES) * LANES, 4)?,
            offsets: next(self.features.checked_add(1)?, 4)?,
            groups: next(self.groups, GROUP_BYTES)?,
        })
    }

    /// Reads the header and the parameters. Says nothing of what follows, but that it is all there.
    pub(super) fn read(bytes: &[u8]) -> std::result::Result<Self, Damaged> {
        if bytes.len() < IDENTITY_BYTES || bytes[..8] != *MAGIC {
            return Err(Damaged::Content);
        }
        if (u32_at(bytes, 4), u32_at(bytes, 5)) != (FORMAT_VERSION, HASH_VERSION) {
            return Err(Damaged::Version);
        }
        if u64_at(bytes, 3) != bytes.len() as u64 {
            return Err(Damaged::Content);
        }
        let parameter = |i: usize| f32_at(&bytes[HEADER_BYTES..], i);
        let layout = Self {
            classes: u32_at(bytes, 8) as usize,
            features: u32_at(bytes, 9) as usize,
            groups: u32_at(bytes, 10) as usize,
            calibration: Calibration {
                inverse_temperature: parameter(0),
                coefficients: std::array::from_fn(|i| parameter(1 + i)),
            },
            least_confidence: parameter(5),
            unseen: parameter(UNSEEN),
        };
        let whole = layout.parts().is_some_and(|parts| parts.groups.end == bytes.len());
        if whole && layout.classes > 0 { Ok(layout) } else { Err(Damaged::Content) }
    }
}

/// Whether what was written is what is read.
pub(super) fn is_intact(bytes: &[u8]) -> bool {
    u64_at(bytes, 1) == xxh3_64(&bytes[COVERED..])
}

/// Writes a model whose calibration is not known yet.
///
/// # Errors
/// `OutOfMemory`.
pub(super) fn store(
    categories: &[CategoryId],
    evidence: &[u32],
    vocabulary: &Vocabulary,
    weights: Weights,
) -> Result<Vec<u8>> {
    let mut bytes = vec![0; IDENTITY_BYTES];
    categories.iter().for_each(|c| bytes.extend_from_slice(&c.to_le_bytes()));
    evidence.iter().for_each(|e| bytes.extend_from_slice(&e.to_le_bytes()));
    vocabulary.index.store(&mut bytes);
    bytes.extend(vocabulary.weights.iter().map(|w| (w / WEIGHT_STEP).round() as u8));
    let groups = weights.store(vocabulary.weights.len(), categories.len(), &mut bytes)?;
    bytes[..8].copy_from_slice(MAGIC);
    for (at, value) in [(4, FORMAT_VERSION), (5, HASH_VERSION), (8, categories.len() as u32)] {
        bytes[at * 4..][..4].copy_from_slice(&value.to_le_bytes());
    }
    for (at, value) in [(9, vocabulary.weights.len() as u32), (10, groups as u32)] {
        bytes[at * 4..][..4].copy_from_slice(&value.to_le_bytes());
    }
    let length = bytes.len() as u64;
    bytes[24..32].copy_from_slice(&length.to_le_bytes());
    put_parameter(&mut bytes, UNSEEN, vocabulary.unseen);
    calibrate(&mut bytes, &Calibration::NEUTRAL, 0.0);
    Ok(bytes)
}

/// Writes the calibration into a model and seals it.
pub(super) fn calibrate(bytes: &mut [u8], calibration: &Calibration, least_confidence: f32) {
    let [a, b, c, d] = calibration.coefficients;
    let parameters = [calibration.inverse_temperature, a, b, c, d, least_confidence];
    parameters.into_iter().enumerate().for_each(|(i, parameter)| put_parameter(bytes, i, parameter));
    let checksum = xxh3_64(&bytes[COVERED..]);
    bytes[8..16].copy_from_slice(&checksum.to_le_bytes());
}

fn put_parameter(bytes: &mut [u8], i: usize, value: f32) {
    bytes[HEADER_BYTES + i * 4..][..4].copy_from_slice(&value.to_le_bytes());
}

/// How much an n-gram weighs in a text, from its byte.
#[inline(always)]
pub(super) fn text_weight(byte: u8) -> f32 {
    f32::from(byte) * WEIGHT_STEP
}

#[inline(always)]
pub(super) fn u32_at(bytes: &[u8], i: usize) -> u32 {
    u32::from_le_bytes(bytes[i * 4..][..4].try_into().expect("four bytes"))
}

pub(super) fn u64_at(bytes: &[u8], i: usize) -> u64 {
    u64::from_le_bytes(bytes[i * 8..][..8].try_into().expect("eight bytes"))
}

#[inline(always)]
pub(super) fn f32_at(bytes: &[u8], i: usize) -> f32 {
    f32::from_bits(u32_at(bytes, i))
}
