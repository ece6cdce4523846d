//! How good a model is, from what was said of held-out examples.

use super::calibration::Calibration;
use super::fit::Examples;
use super::held_out::HeldOut;
use super::lessons::{Lesson, Standing};
use super::model::{LEAST_EVIDENCE, Scratch};
use super::report::{BINS, Bin, Report, WeakCategory};
use super::train::Live;
use crate::cascade::Guess;
use std::collections::HashMap;

/// One held-out example.
#[derive(Debug, Clone, Copy)]
pub(super) struct Judged {
    class: u32,
    guess: Option<u32>,
    confidence: f32,
    /// Whether the guessed category has enough examples to answer.
    enough: bool,
}

impl Judged {
    fn right(&self) -> bool {
        self.guess == Some(self.class)
    }
}

/// What became of the held-out examples.
pub(super) fn judge(held_out: &HeldOut, examples: &Examples<'_>, calibration: &Calibration) -> Vec<Judged> {
    let mut evidence = vec![0u32; examples.categories.len()];
    examples.classes.iter().for_each(|class| evidence[*class as usize] += 1);
    let judged = |(text, ranked): &(u32, Option<super::model::Ranked>)| {
        let guess = ranked.map(|r| r.classes[0]);
        Judged {
            class: examples.classes[*text as usize],
            guess: guess.map(|g| g as u32),
            confidence: ranked.map_or(0.0, |r| calibration.confidence(&r.signs)),
            enough: guess.is_some_and(|g| evidence[g] >= LEAST_EVIDENCE),
        }
    };
    held_out.heard.iter().map(judged).collect()
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

fn squared(confidence: f32, right: bool) -> f32 {
    (confidence - f32::from(u8::from(right))).powi(2)
}

/// In double precision and one order: the same examples have the same mean, to the last bit.
fn mean(values: impl ExactSizeIterator<Item = f32>) -> f32 {
    let count = values.len().max(1) as f64;
    (values.map(f64::from).sum::<f64>() / count) as f32
}

/// The report on held-out examples.
pub(super) fn report(
    judged: &[Judged],
    examples: &Examples<'_>,
    threshold: f32,
    left_out: u32,
    live: Option<(f32, f32)>,
) -> Report {
    let share = |part: usize, whole: usize| part as f32 / whole.max(1) as f32;
    let answered: Vec<&Judged> = judged.iter().filter(|j| j.enough && j.confidence >= threshold).collect();
    let tallies = tallies(judged, examples);
    let seen = tallies.iter().filter(|t| t.held_out + t.guessed > 0);
    let bins = bins(judged);
    Report {
        examples: examples.classes.len() as u32,
        left_out,
        categories: examples.categories.len() as u32,
        held_out: judged.len() as u32,
        accuracy: mean(judged.iter().map(|j| f32::from(u8::from(j.right())))),
        brier: mean(judged.iter().map(|j| squared(j.confidence, j.right()))),
        macro_f1: seen.clone().map(Tally::f1).sum::<f32>() / seen.count().max(1) as f32,
        calibration_error: bins
            .iter()
            .map(|b| b.examples as f32 * (b.confidence - b.accuracy).abs() / judged.len().max(1) as f32)
            .sum(),
        threshold,
        coverage: share(answered.len(), judged.len()),
        precision: (!answered.is_empty()).then(|| share(answered.iter().filter(|j| j.right()).count(), answered.len())),
        live_accuracy: live.map(|(accuracy, _)| accuracy),
        live_brier: live.map(|(_, brier)| brier),
        bins,
        weak: weakest(&tallies, examples),
    }
}

fn bins(judged: &[Judged]) -> Vec<Bin> {
    let mut bins = vec![Bin::default(); BINS];
    for j in judged {
        let bin = &mut bins[((j.confidence * BINS as f32) as usize).min(BINS - 1)];
        bin.examples += 1;
        bin.confidence += j.confidence;
        bin.accuracy += f32::from(u8::from(j.right()));
    }
    for bin in &mut bins {
        let examples = bin.examples.max(1) as f32;
        bin.confidence /= examples;
        bin.accuracy /= examples;
    }
    bins
}

/// What is counted of one class.
#[derive(Clone, Default)]
struct Tally {
    examples: u32,
    held_out: u32,
    found: u32,
    guessed: u32,
    taken_for: HashMap<u32, u32>,
}

impl Tally {
    fn f1(&self) -> f32 {
        2.0 * self.found as f32 / (self.held_out + self.guessed).max(1) as f32
    }
}

fn tallies(judged: &[Judged], examples: &Examples<'_>) -> Vec<Tally> {
    let mut tallies = vec![Tally::default(); examples.categories.len()];
    examples.classes.iter().for_each(|class| tallies[*class as usize].examples += 1);
    for j in judged {
        let tally = &mut tallies[j.class as usize];
        tally.held_out += 1;
        tally.found += u32::from(j.right());
        if let Some(guess) = j.guess {
            if !j.right() {
                *tally.taken_for.entry(guess).or_default() += 1;
            }
            tallies[guess as usize].guessed += 1;
        }
    }
    tallies
}

/// Weak categories that a report lists.
const LISTED: usize = 10;

fn weakest(tallies: &[Tally], examples: &Examples<'_>) -> Vec<WeakCategory> {
    let lost = |t: &Tally| t.held_out - t.found;
    let mut weak: Vec<usize> = (0..tallies.len()).filter(|class| lost(&tallies[*class]) > 0).collect();
    weak.sort_by_key(|class| (std::cmp::Reverse(lost(&tallies[*class])), tallies[*class].found, *class));
    let category = |class: u32| examples.categories[class as usize];
    let weak = weak.into_iter().take(LISTED).map(|class| {
        let tally = &tallies[class];
        let most = tally.taken_for.iter().max_by_key(|(class, times)| (**times, std::cmp::Reverse(**class)));
        WeakCategory {
            category: category(class as u32),
            examples: tally.examples,
            held_out: tally.held_out,
            recall: tally.found as f32 / tally.held_out as f32,
            precision: (tally.guessed > 0).then(|| tally.found as f32 / tally.guessed as f32),
            taken_for: most.map(|(class, _)| category(*class)),
        }
    });
    weak.collect()
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

    #[test]
    fn bins_hold_means() {
        let bins = bins(&[judged(0.99, true), judged(0.95, false), judged(0.0, false)]);
        assert_eq!(bins.len(), 15);
        assert_eq!((bins[14].examples, bins[14].accuracy), (2, 0.5));
        assert!((bins[14].confidence - 0.97).abs() < 1e-6);
        assert_eq!(bins[0].examples, 1);
    }
}
