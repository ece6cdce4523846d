//! The report on a new model, counted from its held-out examples.

use super::assess::{Heard, Judged};
use super::fit::Examples;
use super::lessons::LessonKind;
use super::report::{Measured, Report, WeakCategory};
use crate::confidence::{bins, calibration_error};
use std::collections::HashMap;

/// The report on held-out examples.
pub(super) fn report(
    judged: &[Judged],
    examples: &Examples<'_>,
    (wanted, threshold): (f32, f32),
    left_out: u32,
    live: Option<Measured>,
) -> Report {
    let share = |part: usize, whole: usize| part as f32 / whole.max(1) as f32;
    let answers = |j: &Judged| j.enough && j.confidence >= threshold;
    let answered: Vec<&Judged> = judged.iter().filter(|j| answers(j)).collect();
    let heard = judged.iter().map(|j| Heard { confidence: j.confidence, answers: answers(j), right: j.right() });
    let measured = Measured::of(&heard.collect::<Vec<_>>(), wanted);
    let tallies = tallies(judged, examples);
    let seen = tallies.iter().filter(|t| t.held_out + t.guessed > 0);
    Report {
        examples: tallies.iter().map(|t| t.examples).sum(),
        left_out,
        categories: tallies.iter().filter(|t| t.examples > 0).count() as u32,
        held_out: judged.len() as u32,
        accuracy: measured.accuracy,
        worth: measured.worth,
        brier: measured.brier,
        macro_f1: seen.clone().map(Tally::f1).sum::<f32>() / seen.count().max(1) as f32,
        calibration_error: calibration_error(judged.iter().map(|j| (j.confidence, j.right(), 1.0))),
        threshold,
        coverage: share(answered.len(), judged.len()),
        precision: (!answered.is_empty()).then(|| share(answered.iter().filter(|j| j.right()).count(), answered.len())),
        live,
        pooled: None,
        bins: bins(judged.iter().map(|j| (j.confidence, j.right()))),
        weak: weakest(&tallies, examples),
    }
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
    for (class, lesson) in examples.classes.iter().zip(examples.lessons) {
        tallies[*class as usize].examples += u32::from(matches!(lesson.kind, LessonKind::Example(_)));
    }
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
