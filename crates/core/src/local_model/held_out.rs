//! What models say of examples that they were not fitted on.

use super::calibration::{Calibration, Signs, inverse_temperature};
use super::fit::{Examples, fit};
use super::lessons::{LessonKind, Standing};
use super::memory;
use super::model::{Model, Scratch};
use super::random::Random;
use super::ranking::{Ranked, best};
use super::solver::{LANES, Lanes};
use crate::error::Result;

/// Examples up to which each is held out once; above, one part is. What is not held out proves nothing of an error.
const IN_TURN_UP_TO: usize = 5_000;

/// Parts that are held out in turn.
const PARTS: usize = 5;

/// Examples that are held out at most, where one part is.
const MOST: usize = 5_000;

/// Scores that are kept of them, four bytes each.
const MOST_SCORES: usize = 16 << 20;

/// Examples that were held out, and what was said of them.
pub(super) struct HeldOut {
    /// Each example with what was said, where any n-gram was known.
    pub(super) heard: Vec<(u32, Option<Ranked>)>,
    scores: Vec<Lanes>,
    blocks: usize,
}

/// How many models will be fitted to hear of held-out examples.
pub(super) fn models(examples: usize) -> usize {
    if examples <= IN_TURN_UP_TO { PARTS } else { 1 }
}

impl HeldOut {
    /// Fits models without the examples they are then asked about. `progress` is told the part that is done.
    ///
    /// # Errors
    /// `OutOfMemory`.
    pub(super) fn hear(examples: &Examples<'_>, progress: &mut dyn FnMut(f32)) -> Result<Self> {
        let classes = examples.categories.len();
        let mut parts = parts(examples);
        let models = models(parts.iter().map(Vec::len).sum());
        if models == 1 {
            parts.truncate(1);
            parts[0].truncate(MOST.min(MOST_SCORES / classes));
        }
        let mut said = Self { heard: Vec::new(), scores: Vec::new(), blocks: classes.div_ceil(LANES) };
        let mut scratch = Scratch::default();
        for (i, held) in parts.iter().enumerate() {
            let mut is_held = vec![false; examples.classes.len()];
            held.iter().for_each(|text| is_held[*text as usize] = true);
            let rest: Vec<u32> = (0..is_held.len() as u32).filter(|t| !is_held[*t as usize]).collect();
            let bytes = fit(examples, &rest, &mut |done| progress((i as f32 + done) / models as f32))?;
            let model = Model::open(&bytes).expect("a model that was just made");
            for text in held {
                progress((i + 1) as f32 / models as f32);
                let ranked = model.rank(examples.counts.get(*text as usize), &mut scratch.scoring);
                if ranked.is_some() {
                    memory::reserve(&mut said.scores, scratch.scoring.scores.len())?;
                    said.scores.extend_from_slice(&scratch.scoring.scores);
                }
                said.heard.push((*text, ranked));
            }
        }
        Ok(said)
    }

    /// Fits the calibration to what was said, and brings the log-odds to its temperature. Returned beside it is the
    /// confidence of each example by a calibration that was fitted without it, for the report to be honest.
    pub(super) fn calibrate(&mut self, classes: &[u32], interrupt: &mut dyn FnMut()) -> (Calibration, Vec<f32>) {
        let heard = || self.heard.iter().filter_map(|(text, ranked)| ranked.map(|r| (classes[*text as usize], r)));
        let inverse_temperature = inverse_temperature(|inverse_temperature| {
            let mut surprise = |(class, scores): (u32, &[Lanes])| {
                interrupt();
                let score = |class: usize| scores[class / LANES].0[class % LANES];
                let all = scores.iter().flat_map(|lanes| lanes.0);
                let top = all.clone().fold(f32::MIN, f32::max);
                let sum: f64 = all.map(|s| f64::from(((s - top) * inverse_temperature).exp())).sum();
                sum.ln() - f64::from((score(class as usize) - top) * inverse_temperature)
            };
            heard().zip(self.scores.chunks(self.blocks)).map(|((class, _), scores)| surprise((class, scores))).sum()
        });
        let mut scores = self.scores.chunks(self.blocks);
        for (_, ranked) in &mut self.heard {
            if let Some(ranked) = ranked {
                *ranked = best(scores.next().expect("scores of each"), inverse_temperature, ranked.signs.known);
            }
        }
        let sign = |(text, ranked): &(u32, Option<Ranked>)| {
            ranked.map(|r| (r.signs, r.classes[0] == classes[*text as usize] as usize))
        };
        let signs: Vec<Option<(Signs, bool)>> = self.heard.iter().map(sign).collect();
        let fitted = |take: &dyn Fn(usize) -> bool| {
            let taken = signs.iter().enumerate().filter(|(i, _)| take(*i)).filter_map(|(_, sign)| *sign);
            Calibration::fit(inverse_temperature, &taken.collect::<Vec<_>>())
        };
        let without: Vec<Calibration> = (0..PARTS).map(|part| fitted(&|i| i % PARTS != part)).collect();
        let confidence = |(i, sign): (usize, &Option<(Signs, bool)>)| {
            sign.as_ref().map_or(0.0, |(signs, _)| without[i % PARTS].confidence(signs))
        };
        (fitted(&|_| true), signs.iter().enumerate().map(confidence).collect())
    }
}

/// Five parts of the examples, of equal size, in which every class has its share. Where only some are known to what answers
/// now, those are the ones to be asked about, so that both are measured on the same.
fn parts(examples: &Examples<'_>) -> Vec<Vec<u32>> {
    let standing = |text: u32| match examples.lessons[text as usize].kind {
        LessonKind::Example(standing) => Some(standing),
        LessonKind::Name | LessonKind::Description => None,
    };
    let all = 0..examples.lessons.len() as u32;
    let known = |text: &u32| matches!(standing(*text), Some(Standing::Untrained(_)));
    let some_are_known = all.clone().any(|text| known(&text));
    let is_asked = |text: &u32| if some_are_known { known(text) } else { standing(*text).is_some() };
    shared_out(all.filter(is_asked).collect(), examples.classes)
}

fn shared_out(mut order: Vec<u32>, classes: &[u32]) -> Vec<Vec<u32>> {
    Random(2).shuffle(&mut order);
    order.sort_by_key(|text| classes[*text as usize]);
    let mut parts = vec![Vec::new(); PARTS];
    order.into_iter().enumerate().for_each(|(i, text)| parts[i % PARTS].push(text));
    // Whoever takes the first of a part takes them from all classes.
    parts.iter_mut().for_each(|part| Random(3).shuffle(part));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_example_helps_to_judge_itself() {
        let ranked = |log_odds: f32| Ranked {
            classes: [0, 1, 2],
            scores: [log_odds, 0.0, -1.0],
            signs: Signs { log_odds, margin: log_odds, known: 1.0 },
        };
        let mut lanes = Lanes([-1.0; LANES]);
        let row = |i: u32| (i, Some(ranked(0.1 + i as f32 / 40.0)));
        let mut said = HeldOut { heard: (0..40).map(row).collect(), scores: Vec::new(), blocks: 1 };
        for (_, ranked) in &said.heard {
            lanes.0[..3].copy_from_slice(&ranked.expect("all were heard").scores);
            said.scores.push(lanes);
        }
        let right: Vec<u32> = (0..40).map(|i| u32::from(i % 3 == 0)).collect();
        let (calibration, confidences) = said.calibrate(&right, &mut || ());
        let itself: Vec<f32> =
            said.heard.iter().map(|(_, r)| calibration.confidence(&r.expect("all were heard").signs)).collect();
        assert!(
            confidences.iter().zip(&itself).all(|(a, b)| a != b && (a - b).abs() < 0.2),
            "{confidences:?} {itself:?}"
        );
    }

    #[test]
    fn parts_are_of_one_size_and_share_every_class() {
        let of: Vec<u32> = (0..1003).map(|i| u32::from(i % 7 == 0) + 2 * u32::from(i > 1000)).collect();
        let parts = shared_out((0..1003).collect(), &of);
        let mut all = parts.concat();
        all.sort_unstable();
        assert_eq!(all, (0..1003).collect::<Vec<u32>>());
        for part in &parts {
            assert!(part.len().abs_diff(200) <= 1);
            assert!(part.iter().filter(|t| of[**t as usize] == 1).count().abs_diff(28) <= 1);
        }
    }
}
