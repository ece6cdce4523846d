//! What became of the held-out examples: of the new model's answers, and of what it has to beat.

use super::counts::Counted;
use super::fit::Examples;
use super::held_out::HeldOut;
use super::lessons::{LessonKind, Standing};
use super::model::{LEAST_EVIDENCE, Scratch};
use super::pool;
use super::ranking::Ranked;
use super::report::Measured;
use super::train::{Live, Options};
use crate::cascade::Guess;

/// One held-out example.
#[derive(Debug, Clone, Copy)]
pub(super) struct Judged {
    pub(super) class: u32,
    pub(super) guess: Option<u32>,
    pub(super) confidence: f32,
    /// Whether the guessed category has enough examples to answer.
    pub(super) enough: bool,
    /// How likely its label is right, 0 to 1: 1 for what a person said.
    pub(super) trust: f32,
}

impl Judged {
    pub(super) fn right(&self) -> bool {
        self.guess == Some(self.class)
    }
}

/// What became of the held-out examples.
pub(super) fn judge(held_out: &HeldOut, examples: &Examples<'_>, confidences: &[f32]) -> Vec<Judged> {
    let evidence = examples.evidence(&(0..examples.lessons.len() as u32).collect::<Vec<_>>());
    let judged = |((text, ranked), confidence): (&(u32, Option<Ranked>), &f32)| {
        let guess = ranked.map(|r| r.classes[0]);
        Judged {
            class: examples.classes[*text as usize],
            guess: guess.map(|g| g as u32),
            confidence: *confidence,
            enough: guess.is_some_and(|g| evidence[g] >= LEAST_EVIDENCE),
            trust: examples.lessons[*text as usize].weight.min(1.0),
        }
    };
    held_out.heard.iter().zip(confidences).map(judged).collect()
}

/// Examples from which the threshold is trusted as it is.
pub const ENOUGH_EXAMPLES: usize = 2_000;

/// What share of the answers of a small model must be right, as far as the held-out examples tell.
const WANTED_PRECISION: f64 = 0.94;

/// One-sided: nine times of ten the true share lies above.
const Z: f64 = 1.2816;

/// Where the least confidence may lie, as parts of the way from the threshold to certainty. Few, since each is one more
/// chance to pass by luck.
const CUTS: [f32; 10] = [0.0, 0.15, 0.3, 0.45, 0.6, 0.7, 0.8, 0.87, 0.93, 0.97];

/// The least confidence with which a model of few labels may answer: the smallest from `threshold` on at which the lower
/// bound of its precision is high enough; 1, which no confidence reaches, where none is.
pub(super) fn least_confidence(judged: &[Judged], labels: usize, threshold: f32) -> f32 {
    if !is_small(labels) {
        return 0.0;
    }
    let is_enough = |least: &f32| {
        let answered = judged.iter().filter(|j| j.enough && j.confidence >= *least);
        let (right, trust, all) = answered.fold((0.0, 0.0, 0.0), |(right, trust, all), j| {
            (right + f64::from(u8::from(j.right())), trust + f64::from(j.trust), all + 1.0)
        });
        // A model that is right agrees with a label as often as that is right, and a model does not err as labels do: so many
        // more were right than agreed. What never disagreed is not more than right: few examples prove no more for it.
        let right = f64::min(right * all / f64::max(trust, f64::MIN_POSITIVE), all);
        all > 0.0 && lower_bound(right, all) >= WANTED_PRECISION
    };
    CUTS.into_iter().map(|cut| threshold + (1.0 - threshold) * cut).find(is_enough).unwrap_or(1.0)
}

/// Whether a model of so many labels is held to more than its confidence, and hears the words of the categories.
pub(super) fn is_small(labels: usize) -> bool {
    labels < ENOUGH_EXAMPLES
}

/// What the new model and the words of the categories come to together: the model answers from `threshold` on, both together
/// from `wanted` on. `None` where a model is live, so that it is not known what the words alone say.
pub(super) fn pooled(
    judged: &[Judged],
    held_out: &HeldOut,
    examples: &Examples<'_>,
    (wanted, threshold): (f32, f32),
) -> Option<Measured> {
    let mut heard = Vec::with_capacity(judged.len());
    for (j, (text, _)) in judged.iter().zip(&held_out.heard) {
        let lesson = &examples.lessons[*text as usize];
        let LessonKind::Example(Standing::Untrained(names)) = lesson.kind else { return None };
        let category = |class: u32| examples.categories[class as usize];
        let own = j.guess.map(|class| Guess { category: category(class), confidence: j.confidence });
        let alone =
            Heard { confidence: j.confidence, answers: j.enough && j.confidence >= threshold, right: j.right() };
        let both = names.filter(|_| !alone.answers).and_then(|names| pool::pooled(names, own));
        heard.push(both.map_or(alone, |both| Heard {
            confidence: both.confidence,
            answers: both.confidence >= wanted,
            right: both.category == lesson.category,
        }));
    }
    Some(Measured::of(&heard, wanted))
}

/// The lower end of a share of which `right` of `all` were seen (Wilson, 1927).
fn lower_bound(right: f64, all: f64) -> f64 {
    let (p, z2) = (right / all, Z * Z);
    let spread = Z * (p * (1.0 - p) / all + z2 / (4.0 * all * all)).sqrt();
    (p + z2 / (2.0 * all) - spread) / (1.0 + z2 / all)
}

/// One held-out example as whoever was asked answered it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heard {
    pub(super) confidence: f32,
    /// Whether that was enough to answer.
    pub(super) answers: bool,
    pub(super) right: bool,
}

impl Measured {
    /// What was heard of some examples comes to, where answers are wanted from `threshold` on.
    pub(super) fn of(heard: &[Heard], threshold: f32) -> Self {
        Self {
            accuracy: mean(heard.iter().map(|h| f32::from(u8::from(h.right)))),
            worth: mean(heard.iter().map(|h| worth(h.answers, h.right, threshold))),
            brier: mean(heard.iter().map(|h| squared(h.confidence, h.right))),
        }
    }
}

/// What an answer is worth to somebody who wants it from `threshold` on: a right one is worth 1, none 0, and a wrong one
/// takes back so much that answering pays from exactly that confidence on (Chow, "On optimum recognition error and reject
/// tradeoff", 1970).
fn worth(answers: bool, right: bool, threshold: f32) -> f32 {
    let threshold = threshold.clamp(0.0, 0.99);
    match (answers, right) {
        (false, _) => 0.0,
        (true, true) => 1.0,
        (true, false) => -threshold / (1.0 - threshold),
    }
}

/// What is measured on the held-out examples of what answers now. A live model is heard where they are new to it; for those it was
/// trained on counts what was reported when they were held out from it. `None` where nothing is known.
pub(super) fn live(
    live: Option<&Live<'_>>,
    held_out: &HeldOut,
    examples: &Examples<'_>,
    options: &Options,
) -> Option<Measured> {
    let mut scratch = Scratch::default();
    let (mut heard, mut seen) = (Vec::new(), 0);
    for text in held_out.heard.iter().map(|(text, _)| *text as usize) {
        let LessonKind::Example(standing) = examples.lessons[text].kind else { continue };
        let (guess, answers) = match (standing, live) {
            (Standing::Untrained(guess), _) => (guess, guess.is_some_and(|g| g.confidence >= options.threshold)),
            (Standing::Seen, Some(_)) if options.live.is_some() => {
                seen += 1;
                continue;
            }
            (_, Some(live)) => live.answer(examples.counts.get(text), &mut scratch, options),
            (_, None) => continue,
        };
        let right = guess.is_some_and(|g| g.category == examples.lessons[text].category);
        heard.push(Heard { confidence: guess.map_or(0.0, |g| g.confidence), answers, right });
    }
    let new = Measured::of(&heard, options.threshold);
    let Some(reported) = options.live.filter(|_| seen > 0) else { return (!heard.is_empty()).then_some(new) };
    let share = seen as f32 / (seen + heard.len()) as f32;
    let both = |of: fn(&Measured) -> f32, reported: f32| {
        if share == 1.0 { reported } else { reported * share + of(&new) * (1.0 - share) }
    };
    Some(Measured {
        accuracy: both(|s| s.accuracy, reported.accuracy),
        worth: both(|s| s.worth, reported.worth),
        brier: both(|s| s.brier, reported.brier),
    })
}

impl Live<'_> {
    /// The live model's guess, and whether it is sure enough to answer.
    fn answer(&self, text: Counted<'_>, scratch: &mut Scratch, options: &Options) -> (Option<Guess>, bool) {
        let Some(ranked) = self.model.rank(text, &mut scratch.scoring) else { return (None, false) };
        let confidence = self.model.layout.calibration.confidence(&ranked.signs);
        let least = if options.is_chosen { 0.0 } else { self.model.least_confidence() };
        let enough = self.model.evidence(ranked.classes[0]) >= LEAST_EVIDENCE;
        let category = (self.answerable)(self.model.category(ranked.classes[0]));
        let answers = enough && confidence >= options.threshold.max(least);
        (category.map(|category| Guess { category, confidence }), answers && category.is_some())
    }
}

/// The term of a Brier score.
fn squared(confidence: f32, right: bool) -> f32 {
    (confidence - f32::from(u8::from(right))).powi(2)
}

/// In double precision and one order: the same examples have the same mean, to the last bit.
fn mean(values: impl ExactSizeIterator<Item = f32>) -> f32 {
    let count = values.len().max(1) as f64;
    (values.map(f64::from).sum::<f64>() / count) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(confidence: f32, right: bool) -> Judged {
        Judged { class: 0, guess: Some(u32::from(!right)), confidence, enough: true, trust: 1.0 }
    }

    #[test]
    fn few_labels_raise_the_least_confidence() {
        let good: Vec<_> = (0..200).map(|i| judged(0.7 + i as f32 / 1000.0, true)).collect();
        assert_eq!(least_confidence(&good, 2000, 0.7), 0.0);
        assert!(least_confidence(&good, 300, 0.7) <= 0.7);
        let mixed: Vec<_> = (0..200).map(|i| judged(0.7 + i as f32 / 1000.0, i > 80)).collect();
        let least = least_confidence(&mixed, 300, 0.7);
        assert!((0.74..0.84).contains(&least), "{least}");
        assert!(least_confidence(&mixed[..80], 300, 0.7) >= 1.0, "never right, never sure");
        assert!(least_confidence(&[], 300, 0.7) >= 1.0);
    }

    #[test]
    fn labels_that_err_are_no_measure_of_perfection() {
        let paid = |i: usize| Judged { trust: 0.93, ..judged(0.9, !i.is_multiple_of(14)) };
        let paid: Vec<_> = (0..1000).map(paid).collect();
        assert!(least_confidence(&paid, 1000, 0.7) <= 0.7, "right as often as the labels are");
        let said: Vec<_> = paid.iter().map(|j| Judged { trust: 1.0, ..*j }).collect();
        assert!(least_confidence(&said, 1000, 0.7) >= 1.0, "people are right");
        let few: Vec<_> = paid.iter().filter(|j| j.right()).copied().take(20).collect();
        assert!(least_confidence(&few, 1000, 0.7) >= 1.0, "no less is proved where labels err");
    }

    #[test]
    fn the_bound_of_wilson() {
        // Nine of ten: 0.9 - wide at ten, narrow at a thousand.
        assert!((lower_bound(9.0, 10.0) - 0.7191).abs() < 0.002, "{}", lower_bound(9.0, 10.0));
        assert!((lower_bound(900.0, 1000.0) - 0.8872).abs() < 0.001, "{}", lower_bound(900.0, 1000.0));
    }
}
