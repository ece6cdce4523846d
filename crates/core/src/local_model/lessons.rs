//! Examples on their way to a model.

use super::counts::{Counter, Counts};
use super::memory;
use super::ngrams::mix;
use crate::cascade::{CategoryId, Guess};
use crate::error::Error;
use std::collections::HashMap;

/// Bytes that a training takes for each byte of examples: they are kept once as counts and once as vectors.
const COPIES: usize = 2;

/// Examples of a category that are kept when memory is short, whatever happens to those with more.
const KEPT: u32 = 20;

/// The lot below which only the first examples of each category are left: one in a million.
const LEAST_LIMIT: u32 = u32::MAX >> 20;

/// Labelled examples, hashed as they come: no text is kept.
pub struct Lessons {
    pub(super) counts: Counts,
    pub(super) lessons: Vec<Lesson>,
    pub(super) left_out: u32,
    /// Why no more examples were taken: told when they are trained on.
    pub(super) refused: Option<Error>,
    counter: Counter,
    memory: usize,
    /// Of 2^32: examples with a higher lot are left out, beyond the first `kept` of their category.
    limit: u32,
    kept: u32,
    /// Examples of each category that were pushed or, after thinning, are left.
    seen: HashMap<CategoryId, u32>,
    pushed: u64,
    /// Calls so far, whether or not anything was taken.
    calls: u32,
}

/// How much the words of a category count, beside an example.
const WORDS_WEIGHT: f32 = 0.5;

/// How an example stands to what answers now, which the new model has to beat.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Standing {
    /// The live model was trained on it, so that what it says of it proves nothing.
    Seen,
    /// It is new to the live model, or there is nothing to beat.
    New,
    /// No model is live, and this is what answers without one: its best guess, where it has any.
    Untrained(Option<Guess>),
}

/// Where a lesson comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum LessonKind {
    /// Somebody said what the text is. Held out in turn, to measure the model on.
    Example(Standing),
    /// What a category is called.
    Name,
    /// Its description, or one of its typical words.
    Description,
}

/// What is known of one example beside its text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lesson {
    pub(super) category: CategoryId,
    pub(super) weight: f32,
    pub(super) kind: LessonKind,
    /// The how-manieth call of `push` it came by, from 0; counted on by names and descriptions.
    pub(super) number: u32,
    lot: u32,
}

impl Lessons {
    /// No examples yet; `memory` bounds the bytes that they and their vectors may take (what is solved comes on top). Where
    /// they would take more, examples are left out by lot, from categories that have many.
    pub fn new(memory: usize) -> Self {
        Self {
            counts: Counts::default(),
            lessons: Vec::new(),
            left_out: 0,
            refused: None,
            counter: Counter::default(),
            memory,
            limit: u32::MAX,
            kept: KEPT,
            seen: HashMap::new(),
            pushed: 0,
            calls: 0,
        }
    }

    /// Adds an example: a text in normal form (case folded), its category, how much it counts (1 for a label), and
    /// how it stands to what answers now. A text without letters and digits teaches nothing and is left out.
    pub fn push(&mut self, text: &str, category: CategoryId, weight: f32, standing: Standing) {
        self.add(text, category, weight, LessonKind::Example(standing));
    }

    /// Adds the name of a category, in normal form (case folded). It helps where examples are few, but is no evidence, and
    /// nothing is measured on it.
    pub fn name(&mut self, text: &str, category: CategoryId) {
        self.add(text, category, WORDS_WEIGHT, LessonKind::Name);
    }

    /// Adds a description or a typical word of a category, in normal form (case folded). It counts as evidence that the
    /// category can be told, but nothing is measured on it.
    pub fn describe(&mut self, text: &str, category: CategoryId) {
        self.add(text, category, WORDS_WEIGHT, LessonKind::Description);
    }

    fn add(&mut self, text: &str, category: CategoryId, weight: f32, kind: LessonKind) {
        let number = self.calls;
        self.calls = self.calls.saturating_add(1);
        if self.refused.is_some() {
            return;
        }
        let counted = self.counter.count(text);
        if counted.len() == 0 || weight <= 0.0 || !weight.is_finite() {
            self.left_out += 1;
            return;
        }
        let lot = (mix(self.pushed) >> 32) as u32;
        self.pushed += 1;
        let seen = self.seen.entry(category).or_default();
        if lot > self.limit && *seen >= self.kept {
            self.left_out += 1;
            return;
        }
        *seen += 1;
        let room = memory::reserve(&mut self.lessons, 1).and_then(|()| self.counts.push(counted));
        if let Err(refused) = room {
            self.refused = Some(refused);
            return;
        }
        self.lessons.push(Lesson { category, weight: weight.min(100.0), kind, number, lot });
        while self.counts.bytes() * COPIES > self.memory && !self.lessons.is_empty() {
            if self.limit > LEAST_LIMIT || self.kept == 0 {
                self.limit /= 2;
            } else {
                // Where a few of each category are too many already, fewer have to do; in the end the lot decides alone.
                self.kept /= 2;
                self.limit = if self.kept == 0 { u32::MAX / 2 } else { self.limit };
            }
            self.thin();
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.lessons.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.lessons.is_empty()
    }

    fn thin(&mut self) {
        self.seen.clear();
        let mut keep = Vec::with_capacity(self.lessons.len());
        for lesson in &self.lessons {
            let seen = self.seen.entry(lesson.category).or_default();
            let is_kept = *seen < self.kept || lesson.lot <= self.limit;
            *seen += u32::from(is_kept);
            keep.push(is_kept);
        }
        self.counts.retain(|i| keep[i]);
        let mut keep = keep.into_iter();
        let before = self.lessons.len();
        self.lessons.retain(|_| keep.next() == Some(true));
        self.left_out += (before - self.lessons.len()) as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_and_rare_categories_stay() {
        let mut lessons = Lessons::new(1 << 20);
        for i in 0..20_000 {
            lessons.push(&format!("a common thing of number {i}"), 1, 1.0, Standing::New);
            if i % 1000 == 0 {
                lessons.push(&format!("a rare thing {i}"), 2, 1.0, Standing::New);
            }
        }
        assert!(lessons.counts.bytes() * COPIES <= 1 << 20);
        assert_eq!(lessons.lessons.iter().filter(|l| l.category == 2).count(), 20);
        assert_eq!(lessons.len() + lessons.left_out as usize, 20_020);
        assert!(lessons.len() > 500);
    }

    #[test]
    fn memory_is_bounded_also_where_every_category_is_rare() {
        let mut lessons = Lessons::new(1 << 18);
        for i in 0..5_000 {
            lessons.push(&format!("a long title that says much of thing number {i}"), i % 500, 1.0, Standing::New);
            assert!(lessons.counts.bytes() * COPIES <= 1 << 18);
        }
        assert!(lessons.len() > 50, "{}", lessons.len());
        assert_eq!(lessons.len() + lessons.left_out as usize, 5_000);
    }

    #[test]
    fn what_has_no_words_is_left_out() {
        let mut lessons = Lessons::new(1 << 20);
        lessons.push("?!", 1, 1.0, Standing::New);
        lessons.push("", 1, 1.0, Standing::New);
        lessons.push("x", 1, f32::NAN, Standing::New);
        assert_eq!((lessons.len(), lessons.left_out), (0, 3));
    }
}
