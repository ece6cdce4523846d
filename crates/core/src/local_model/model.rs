//! A trained model, read in place.

use super::calibration::Calibration;
use super::counts::{Counted, Counter};
use super::format::{self, Damaged, Layout, f32_at, text_weight, u32_at};
use super::index::Stored;
use super::ngrams::Kind;
use super::ranking::{GUESSES, Ranked, best};
use super::solver::{LANES, Lanes};
use super::vocabulary::damped;
use super::weights::{GROUP_BYTES, Group};
use crate::cascade::{CategoryId, Guess};

/// Examples that a category needs before it answers: a single one may be a mistake.
pub const LEAST_EVIDENCE: u32 = 2;

/// A trained model over borrowed bytes.
#[derive(Clone, Copy)]
pub struct Model<'a> {
    pub(super) layout: Layout,
    categories: &'a [u8],
    evidence: &'a [u8],
    index: Stored<'a>,
    text_weights: &'a [u8],
    constants: &'a [u8],
    offsets: &'a [u8],
    groups: &'a [u8],
}

/// Buffers of a prediction, kept between calls.
#[derive(Default)]
pub struct Scratch {
    counter: Counter,
    pub(super) scoring: Scoring,
}

/// The part of them that scoring needs.
#[derive(Default)]
pub(super) struct Scoring {
    pub(super) scores: Vec<Lanes>,
    /// Groups of one text: which, and how much the n-gram weighs.
    rows: Vec<(u32, u32, f32)>,
}

/// What a model says of one text.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Prediction {
    /// The likeliest categories, best first, at most three; empty where no n-gram of the text is known.
    pub guesses: Vec<Guess>,
    /// Whether the first category has enough examples behind it to answer at all.
    pub enough_evidence: bool,
}

impl<'a> Model<'a> {
    /// Checks all of the bytes and opens them.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn verified(bytes: &'a [u8]) -> Result<Self, Damaged> {
        let model = Self::open(bytes)?;
        if format::is_intact(bytes) { Ok(model) } else { Err(Damaged::Content) }
    }

    /// Opens bytes that were verified before; constant time.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn open(bytes: &'a [u8]) -> Result<Self, Damaged> {
        let layout = Layout::read(bytes)?;
        let parts = layout.parts().ok_or(Damaged::Content)?;
        Ok(Self {
            layout,
            categories: &bytes[parts.categories],
            evidence: &bytes[parts.evidence],
            index: Stored(&bytes[parts.index]),
            text_weights: &bytes[parts.text_weights],
            constants: &bytes[parts.constants],
            offsets: &bytes[parts.offsets],
            groups: &bytes[parts.groups],
        })
    }

    /// The smallest confidence that may answer where nobody set a threshold: small models are held to a higher one.
    pub fn least_confidence(&self) -> f32 {
        self.layout.least_confidence
    }

    /// Whether it has so few examples that the words of the categories are heard beside it.
    pub fn is_small(&self) -> bool {
        // With enough of them the least confidence is none.
        self.layout.least_confidence > 0.0
    }

    /// Categories that it knows.
    pub fn categories(&self) -> impl Iterator<Item = CategoryId> {
        (0..self.layout.classes).map(|class| self.category(class))
    }

    pub(super) fn category(&self, class: usize) -> CategoryId {
        u32_at(self.categories, class) as CategoryId
    }

    pub(super) fn evidence(&self, class: usize) -> u32 {
        u32_at(self.evidence, class)
    }

    /// What it says of texts in normal form (case folded), one prediction each, in their order; `out` is cleared first.
    pub fn predict(&self, texts: &[&str], scratch: &mut Scratch, out: &mut Vec<Prediction>) {
        out.clear();
        out.reserve(texts.len());
        pulp::Arch::new().dispatch(Window { model: self, texts, scratch, out });
    }

    /// What it says of one text whose n-grams are counted; nothing where it knows none of them.
    pub(super) fn rank(&self, text: Counted<'_>, scoring: &mut Scoring) -> Option<Ranked> {
        struct One<'m, 'c, 's>(&'m Model<'m>, Counted<'c>, &'s mut Scoring);
        impl pulp::WithSimd for One<'_, '_, '_> {
            type Output = Option<Ranked>;
            #[inline(always)]
            fn with_simd<S: pulp::Simd>(self, _: S) -> Self::Output {
                self.0.rank_with(self.1, self.2)
            }
        }
        pulp::Arch::new().dispatch(One(self, text, scoring))
    }

    /// The guesses with their probabilities: the first as calibrated, the others with their shares of the rest.
    pub(super) fn guesses(&self, ranked: &Ranked, calibration: &Calibration) -> Vec<Guess> {
        let confidence = calibration.confidence(&ranked.signs);
        let inverse_temperature = calibration.inverse_temperature;
        // Odds of each against all but the first; those of the first against them are known.
        let others = (-ranked.signs.log_odds).exp().max(1e-30);
        let count = self.layout.classes.min(GUESSES);
        (0..count)
            .map(|i| {
                let share = ((ranked.scores[i] - ranked.scores[0]) * inverse_temperature).exp() / others;
                let confidence = if i == 0 { confidence } else { (1.0 - confidence) * share.min(1.0) };
                Guess { category: self.category(ranked.classes[i]), confidence }
            })
            .collect()
    }

    /// How much each n-gram weighs in a text, with the groups of its weights: (first, end, weight). Returns which share of
    /// the weight of its words is known.
    #[inline(always)]
    fn weigh(&self, text: Counted<'_>, rows: &mut Vec<(u32, u32, f32)>) -> f32 {
        rows.clear();
        let (mut known, mut all) = (0.0f32, 0.0f32);
        for kind in [Kind::Word, Kind::Run] {
            let first = rows.len();
            let mut squares = 0.0f32;
            for (bucket, count) in text.of(kind) {
                let found = self.index.find(bucket);
                let weight = found.map_or(self.layout.unseen, |f| text_weight(self.text_weights[f as usize]));
                let x = damped(count) * weight;
                if kind == Kind::Word {
                    all += x;
                    known += if found.is_some() { x } else { 0.0 };
                }
                if let Some(feature) = found {
                    squares += x * x;
                    rows.push((u32_at(self.offsets, feature as usize), u32_at(self.offsets, feature as usize + 1), x));
                }
            }
            let scale = 1.0 / squares.sqrt().max(f32::MIN_POSITIVE);
            rows[first..].iter_mut().for_each(|row| row.2 *= scale);
        }
        known / all.max(f32::MIN_POSITIVE)
    }

    /// The groups of an n-gram, where it is known.
    pub(super) fn groups(&self, bucket: u32) -> Option<std::ops::Range<usize>> {
        let feature = self.index.find(bucket)? as usize;
        Some(u32_at(self.offsets, feature) as usize..u32_at(self.offsets, feature + 1) as usize)
    }

    /// How much an n-gram weighs in a text, where it is known.
    pub(super) fn text_weight(&self, bucket: u32) -> Option<f32> {
        Some(text_weight(self.text_weights[self.index.find(bucket)? as usize]))
    }

    /// Weight of one n-gram for one class.
    pub(super) fn weight(&self, groups: std::ops::Range<usize>, class: usize) -> f32 {
        let groups = self.groups[groups.start * GROUP_BYTES..groups.end * GROUP_BYTES].chunks_exact(GROUP_BYTES);
        let group = groups.map(Group::read).find(|g| usize::from(g.block) == class / LANES);
        group.map_or(0.0, |g| f32::from(g.weights[class % LANES]) * g.scale)
    }

    #[inline(always)]
    fn rank_with(&self, text: Counted<'_>, scoring: &mut Scoring) -> Option<Ranked> {
        let Scoring { scores, rows } = scoring;
        let known = self.weigh(text, rows);
        if rows.is_empty() {
            return None;
        }
        scores.clear();
        let lanes = |constants: &[u8]| Lanes(std::array::from_fn(|lane| f32_at(constants, lane)));
        scores.extend(self.constants.chunks_exact(LANES * 4).map(lanes));
        for (first, end, x) in rows.iter() {
            let groups = &self.groups[*first as usize * GROUP_BYTES..*end as usize * GROUP_BYTES];
            for group in groups.chunks_exact(GROUP_BYTES).map(Group::read) {
                let factor = group.scale * x;
                let score = &mut scores[usize::from(group.block)].0;
                for (score, weight) in score.iter_mut().zip(group.weights) {
                    *score += f32::from(weight) * factor;
                }
            }
        }
        Some(best(scores, self.layout.calibration.inverse_temperature, known))
    }
}

/// A window of texts, scored under one choice of vector instructions.
struct Window<'w, 'm, 't> {
    model: &'w Model<'m>,
    texts: &'w [&'t str],
    scratch: &'w mut Scratch,
    out: &'w mut Vec<Prediction>,
}

impl pulp::WithSimd for Window<'_, '_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        let Scratch { counter, scoring } = self.scratch;
        for text in self.texts {
            let ranked = self.model.rank_with(counter.count(text), scoring);
            self.out.push(ranked.map_or_else(Prediction::default, |ranked| Prediction {
                guesses: self.model.guesses(&ranked, &self.model.layout.calibration),
                enough_evidence: self.model.evidence(ranked.classes[0]) >= LEAST_EVIDENCE,
            }));
        }
    }
}
