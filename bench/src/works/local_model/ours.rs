//! Our side: lessons, a training, predictions, on one thread and without a database.

use super::dataset::Rows;
use pg_categorize_core::local_model::{Lessons, Model, Options, Prediction, Scratch, Standing, Trained, train};
use pg_categorize_core::normalise::{Case, normalise_into};
use std::collections::{BTreeSet, HashMap};
use std::time::Instant;

/// The threshold of the profile that holds unless another is chosen.
const THRESHOLD: f32 = 0.7;

/// Memory that lessons and their training may take, as `categorize.training_memory` has it.
pub const MEMORY: usize = 512 << 20;

/// Texts that are asked together, as a scan does.
const WINDOW: usize = 1_000;

/// How all models here are trained: nothing is set.
pub const OPTIONS: Options = Options { threshold: THRESHOLD, is_chosen: false, live: None, hears_names: false };

/// A trained model with the names of its categories.
pub struct Ours<'a> {
    bytes: Vec<u8>,
    names: Vec<&'a str>,
    /// What normalising, vectorising, fitting, hearing what was held out, calibrating and fitting again took.
    pub seconds: f64,
}

/// What a classifier said of one title.
#[derive(Debug, Clone, Copy)]
pub struct Said<'a> {
    /// The likeliest category.
    pub guess: Option<&'a str>,
    /// How sure it is.
    pub confidence: f64,
    /// Whether that is an answer: sure enough, and the category has enough examples.
    pub answered: bool,
}

impl<'a> Ours<'a> {
    /// Trains on labelled titles.
    pub fn learn(rows: &'a Rows) -> Self {
        Self::train(rows, &rows.labels, false)
    }

    /// Trains on labelled titles and on the names of these categories, which `categorize.train()` takes from the taxonomy.
    pub fn learn_with_names(rows: &'a Rows, categories: &'a [String]) -> Self {
        Self::train(rows, categories, true)
    }

    fn train(rows: &'a Rows, categories: &'a [String], with_names: bool) -> Self {
        let names: Vec<&str> = categories.iter().map(String::as_str).collect::<BTreeSet<_>>().into_iter().collect();
        let ids: HashMap<&str, i32> = names.iter().copied().zip(0..).collect();
        let start = Instant::now();
        let mut lessons = Lessons::new(MEMORY);
        let mut text = String::new();
        for (title, label) in rows.titles.iter().zip(&rows.labels) {
            normalise_into(title, Case::Folded, &mut text);
            lessons.push(&text, ids[label.as_str()], 1.0, Standing::New);
        }
        for name in names.iter().filter(|_| with_names) {
            for words in [name, name.rsplit(" > ").next().unwrap_or(name)] {
                normalise_into(words, Case::Folded, &mut text);
                lessons.name(&text, ids[name]);
            }
        }
        let trained = train(lessons, &OPTIONS, None, &mut |_| ());
        let Trained { bytes, .. } = trained.unwrap_or_else(|e| panic!("training failed: {e:?}"));
        Self { bytes, names, seconds: start.elapsed().as_secs_f64() }
    }

    /// What it says of titles, as `categorize()` would: small models are held to a higher threshold.
    pub fn ask(&self, titles: &[String]) -> Vec<Said<'a>> {
        let model = self.model();
        let threshold = THRESHOLD.max(model.least_confidence());
        let mut said = Vec::with_capacity(titles.len());
        self.each(&model, titles, |prediction| {
            let best = prediction.guesses.first();
            said.push(Said {
                guess: best.map(|best| self.names[best.category as usize]),
                confidence: best.map_or(0.0, |best| f64::from(best.confidence)),
                answered: prediction.enough_evidence && best.is_some_and(|best| best.confidence >= threshold),
            });
        });
        said
    }

    /// Titles a second, normalising included; the fastest of three runs, as the peer does it.
    pub fn titles_per_second(&self, titles: &[String]) -> f64 {
        let model = self.model();
        let span = |_| {
            let start = Instant::now();
            let mut sure = 0.0;
            self.each(&model, titles, |said| sure += said.guesses.first().map_or(0.0, |best| best.confidence));
            std::hint::black_box(sure);
            start.elapsed().as_secs_f64()
        };
        titles.len() as f64 / (0..3).map(span).fold(f64::INFINITY, f64::min)
    }

    /// Bytes of the model.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    fn model(&self) -> Model<'_> {
        Model::verified(&self.bytes).unwrap_or_else(|e| panic!("a model that was just made: {e:?}"))
    }

    fn each(&self, model: &Model<'_>, titles: &[String], mut take: impl FnMut(&Prediction)) {
        let mut scratch = Scratch::default();
        let (mut texts, mut predictions) = (vec![String::new(); WINDOW.min(titles.len())], Vec::new());
        for window in titles.chunks(WINDOW) {
            window.iter().zip(&mut texts).for_each(|(title, text)| normalise_into(title, Case::Folded, text));
            let texts: Vec<&str> = texts[..window.len()].iter().map(String::as_str).collect();
            model.predict(&texts, &mut scratch, &mut predictions);
            predictions.iter().for_each(&mut take);
        }
    }
}
