//! What became of the held-out examples: of the new model's answers, and of what it has to beat.

use super::fit::Examples;
use super::held_out::HeldOut;
use super::lessons::{Lesson, Standing};
use super::model::{LEAST_EVIDENCE, Scratch};
use super::ranking::Ranked;
use super::train::Live;
use crate::cascade::Guess;

/// One held-out example.
#[derive(Debug, Clone, Copy)]
pub(super) struct Judged {
    pub(super) class: u32,
    pub(super) guess: Option<u32>,
    pub(super) confidence: f32,
    /// Whether the guessed category has enough examples to answer.
    pub(super) enough: bool,
}

impl Judged {
    pub(super) fn right(&self) -> bool {
        self.guess == Some(self.class)
    }
}

/// What became of the held-out examples.
pub(super) fn judge(held_out: &HeldOut, examples: &Examples<'_>, confidences: &[f32]) -> Vec<Judged> {
    let mut evidence = vec![0u32; examples.categories.len()];
    examples.classes.iter().for_each(|class| evidence[*class as usize] += 1);
    let judged = |((text, ranked), confidence): (&(u32, Option<Ranked>), &f32)| {
        let guess = ranked.map(|r| r.classes[0]);
        Judged {
            class: examples.classes[*text as usize],
            guess: guess.map(|g| g as u32),
            confidence: *confidence,
            enough: guess.is_some_and(|g| evidence[g] >= LEAST_EVIDENCE),
        }
    };
    held_out.heard.iter().zip(confidences).map(judged).collect()
}

/// Labels from which the threshold is trusted as it is.
const ENOUGH_LABELS: usize = 2_000;

/// What share of the answers of a small model must be right, as far as the held-out examples tell.
const WANTED_PRECISION: f64 = 0.94;

/// One-sided: nine times of ten the true share lies above.
const Z: f64 = 1.2816;

/// The least confidence with which a model of few labels may answer: the smallest from `threshold` on at which the lower
/// bound of its precision is high enough; nothing can answer where none is.
pub(super) fn least_confidence(judged: &[Judged], labels: usize, threshold: f32) -> f32 {
    if labels >= ENOUGH_LABELS {
        return 0.0;
    }
    let mut sure: Vec<(f32, bool)> =
        judged.iter().filter(|j| j.enough && j.confidence >= threshold).map(|j| (j.confidence, j.right())).collect();
    sure.sort_by(|a, b| b.0.total_cmp(&a.0));
    // Above all that was seen nothing is known.
    let mut least = 1.0;
    let mut right = 0.0;
    for (i, (confidence, is_right)) in sure.iter().enumerate() {
        right += f64::from(u8::from(*is_right));
        if lower_bound(right, (i + 1) as f64) >= WANTED_PRECISION {
            least = *confidence;
        }
    }
    let all_may = sure.last().is_some_and(|last| least <= last.0);
    if all_may { threshold } else { least }
}

/// The lower end of a share of which `right` of `all` were seen (Wilson, 1927).
fn lower_bound(right: f64, all: f64) -> f64 {
    let (p, z2) = (right / all, Z * Z);
    let spread = Z * (p * (1.0 - p) / all + z2 / (4.0 * all * all)).sqrt();
    (p + z2 / (2.0 * all) - spread) / (1.0 + z2 / all)
}

/// Accuracy and Brier score on the held-out examples of what answers now. A live model is heard where they are new to it;
/// for those it was trained on counts what was reported when they were held out from it. `None` where nothing is known.
pub(super) fn live(
    live: Option<&Live<'_>>,
    held_out: &HeldOut,
    examples: &Examples<'_>,
    lessons: &[Lesson],
    reported: Option<(f32, f32)>,
) -> Option<(f32, f32)> {
    let mut scratch = Scratch::default();
    let mut heard = |text: usize| {
        let guess = match (lessons[text].standing, live) {
            (Standing::Untrained(guess), _) => guess,
            (Standing::Seen, Some(_)) if reported.is_some() => return reported,
            (_, Some(Live { model, answerable })) => {
                let ranked = model.rank(examples.counts.get(text), &mut scratch.scoring);
                ranked.and_then(|ranked| {
                    let category = answerable(model.category(ranked.classes[0]))?;
                    Some(Guess { category, confidence: model.layout.calibration.confidence(&ranked.signs) })
                })
            }
            (_, None) => return None,
        };
        let right = guess.is_some_and(|g| g.category == lessons[text].category);
        Some((f32::from(u8::from(right)), squared(guess.map_or(0.0, |g| g.confidence), right)))
    };
    let heard: Vec<(f32, f32)> = held_out.heard.iter().filter_map(|(text, _)| heard(*text as usize)).collect();
    let of = |part: fn(&(f32, f32)) -> f32| mean(heard.iter().map(part));
    (!heard.is_empty()).then(|| (of(|h| h.0), of(|h| h.1)))
}

/// The term of a Brier score.
pub(super) fn squared(confidence: f32, right: bool) -> f32 {
    (confidence - f32::from(u8::from(right))).powi(2)
}

/// In double precision and one order: the same examples have the same mean, to the last bit.
pub(super) fn mean(values: impl ExactSizeIterator<Item = f32>) -> f32 {
    let count = values.len().max(1) as f64;
    (values.map(f64::from).sum::<f64>() / count) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(confidence: f32, right: bool) -> Judged {
        Judged { class: 0, guess: Some(u32::from(!right)), confidence, enough: true }
    }

    #[test]
    fn few_labels_raise_the_least_confidence() {
        let good: Vec<_> = (0..200).map(|i| judged(0.7 + i as f32 / 1000.0, true)).collect();
        assert_eq!(least_confidence(&good, 2000, 0.7), 0.0);
        assert!(least_confidence(&good, 300, 0.7) <= 0.7);
        let mixed: Vec<_> = (0..200).map(|i| judged(0.7 + i as f32 / 1000.0, i > 80)).collect();
        let least = least_confidence(&mixed, 300, 0.7);
        assert!((0.76..0.79).contains(&least), "{least}");
        assert!(least_confidence(&mixed[..80], 300, 0.7) >= 1.0, "never right, never sure");
        assert!(least_confidence(&[], 300, 0.7) >= 1.0);
    }

    #[test]
    fn the_bound_of_wilson() {
        // Nine of ten: 0.9 - wide at ten, narrow at a thousand.
        assert!((lower_bound(9.0, 10.0) - 0.7191).abs() < 0.002, "{}", lower_bound(9.0, 10.0));
        assert!((lower_bound(900.0, 1000.0) - 0.8872).abs() < 0.001, "{}", lower_bound(900.0, 1000.0));
    }
}
