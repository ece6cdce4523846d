//! From lessons to a model.

use super::assess::Judged;
use super::fit::{Examples, fit};
use super::format;
use super::held_out::{HeldOut, models};
use super::lessons::{Lesson, LessonKind};
use super::{Lessons, Measured, Model, Report, assess, tally};
use crate::cascade::CategoryId;
use crate::error::Error;

/// How to train.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// The confidence from which answers count, 0 to 1.
    pub threshold: f32,
    /// Whether somebody chose it: then a model of few labels is held to it, and to no higher one.
    pub is_chosen: bool,
    /// What the live model was reported with, for the examples that it has seen.
    pub live: Option<Measured>,
    /// Whether the words of the categories will be heard beside a small model.
    pub hears_names: bool,
}

/// The model that is live, which the new one has to beat.
#[derive(Clone, Copy)]
pub struct Live<'a> {
    /// It.
    pub model: Model<'a>,
    /// What one of its categories is by now: itself, what it was merged into, or none.
    pub answerable: &'a dyn Fn(CategoryId) -> Option<CategoryId>,
}

/// A trained model.
pub struct Trained {
    /// What `Model` reads.
    pub bytes: Vec<u8>,
    /// How good it is.
    pub report: Report,
    /// What was said of the examples that were held out.
    pub trials: Vec<Trial>,
}

/// An example that was held out, and what was said of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trial {
    /// The how-manieth lesson it was, from 0, in the order in which they were handed over.
    pub lesson: u32,
    /// The likeliest category, where any n-gram was known.
    pub guess: Option<CategoryId>,
    /// How sure it was, by a calibration that was fitted without it; 0 where that category may not answer.
    pub confidence: f32,
}

/// Trains a model: fits it without the examples that are held out, hears what it says of those, calibrates, and fits it
/// again to all. `progress` is called often with the part that is done, 0 to 1; it may unwind to cancel.
///
/// # Errors
/// `InvalidParameter` where there is nothing to tell apart: no example, or only one category. `OutOfMemory`.
pub fn train(
    lessons: Lessons,
    options: &Options,
    live: Option<Live<'_>>,
    progress: &mut dyn FnMut(f32),
) -> Result<Trained, Error> {
    let Lessons { counts, lessons, left_out, refused, .. } = lessons;
    if let Some(refused) = refused {
        return Err(refused);
    }
    let is_example = |lesson: &&Lesson| matches!(lesson.kind, LessonKind::Example(_));
    let mut categories: Vec<CategoryId> = lessons.iter().filter(is_example).map(|l| l.category).collect();
    let labels = categories.len();
    if categories.iter().all(|category| *category == categories[0]) {
        return Err(nothing_to_tell_apart(labels));
    }
    categories.extend(lessons.iter().map(|l| l.category));
    categories.sort_unstable();
    categories.dedup();
    let class = |l: &Lesson| categories.binary_search(&l.category).expect("it is one of them") as u32;
    let examples = Examples {
        counts: &counts,
        lessons: &lessons,
        classes: &lessons.iter().map(class).collect::<Vec<_>>(),
        categories: &categories,
    };
    let before = models(labels) as f32 / (models(labels) + 1) as f32;
    let mut held_out = HeldOut::hear(&examples, &mut |done| progress(before * done))?;
    let (calibration, confidences) = held_out.calibrate(examples.classes, &mut || progress(before));
    let judged = assess::judge(&held_out, &examples, &confidences);
    let least = assess::least_confidence(&judged, labels, options.threshold);
    let threshold = if options.is_chosen { options.threshold } else { options.threshold.max(least) };
    let live = assess::live(live.as_ref(), &held_out, &examples, options);
    let hears_names = options.hears_names && assess::is_small(labels);
    let pooled = hears_names.then(|| assess::pooled(&judged, &held_out, &examples, (options.threshold, threshold)));
    let pooled = pooled.flatten();
    let report = Report { pooled, ..tally::report(&judged, &examples, (options.threshold, threshold), left_out, live) };
    let all: Vec<u32> = (0..lessons.len() as u32).collect();
    let mut bytes = fit(&examples, &all, &mut |done| progress(before + (1.0 - before) * done))?;
    format::calibrate(&mut bytes, &calibration, least);
    progress(1.0);
    let trials = trials(&judged, &held_out, &examples);
    Ok(Trained { bytes, report, trials })
}

fn trials(judged: &[Judged], held_out: &HeldOut, examples: &Examples<'_>) -> Vec<Trial> {
    let trial = |(j, (text, _)): (&Judged, &(u32, _))| Trial {
        lesson: examples.lessons[*text as usize].number,
        guess: j.guess.map(|class| examples.categories[class as usize]),
        confidence: if j.enough { j.confidence } else { 0.0 },
    };
    judged.iter().zip(&held_out.heard).map(trial).collect()
}

fn nothing_to_tell_apart(labels: usize) -> Error {
    let detail = match labels {
        0 => "There are no examples.".to_owned(),
        n => format!("All {n} examples are of one category."),
    };
    Error::invalid("a model needs examples of two categories or more")
        .detail(detail)
        .hint("Teach examples with categorize.learn() or categorize.correct() first.")
}
