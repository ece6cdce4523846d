//! The trained model that answers for a tenant while one is active.

use crate::pg::model_file::{self, ModelFile};
use crate::pg::scope::Scope;
use crate::pg::{error, spi, world};
use pg_categorize_core::cascade::{Guess, Outcome, TierName};
use pg_categorize_core::local_model::{Explanation, Model, Prediction, Scratch};
use pg_categorize_core::normalise::{Case, normalise};
use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;

/// N-grams that an explanation names.
const NGRAMS: usize = 5;

/// Unreadable models that a session remembers.
const REMEMBERED: usize = 256;

/// An active model, open.
pub struct Live {
    /// Its version among the tenant's models of the taxonomy.
    pub version: i32,
    /// The least confidence with which it answers while `max_error` is not set.
    pub threshold: f32,
    id: i64,
    trained_at: i64,
    file: ModelFile,
}

/// What a model's prediction means now, its categories followed along mergers.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The likeliest categories that may answer, best first.
    pub guesses: Vec<Guess>,
    /// Why the first of them is no answer, whatever its confidence.
    pub obstacle: Option<&'static str>,
}

thread_local! {
    /// Models that could not be read, by id and time of training: one warning a session is enough, and one attempt. Where
    /// each statement has a world of its own, up to 64 MB would be read in vain for each.
    static DAMAGED: RefCell<HashSet<(i64, i64)>> = RefCell::default();
}

impl Live {
    /// Opens the tenant's active model; `former` is used again where it still is that one. `None` where there is none, or,
    /// with a WARNING, where its bytes are damaged.
    pub fn load(scope: &Scope, former: Option<&Rc<Self>>) -> Option<Rc<Self>> {
        let taxonomy = scope.taxonomy()?;
        let row = world::as_owner(|| spi::active_model(taxonomy.id, &scope.tenant))?;
        if let Some(same) = former.filter(|f| f.id == row.id && f.trained_at == row.trained_at) {
            return Some(same.clone());
        }
        let key = (row.id, row.trained_at);
        if DAMAGED.with_borrow(|damaged| damaged.contains(&key)) {
            return None;
        }
        let file = world::as_owner(|| {
            model_file::open(row.id, row.length, &spi::is_active_model, &mut |offset, length| {
                spi::weights(row.id, offset, length)
            })
        });
        let Some(file) = file else {
            DAMAGED.with_borrow_mut(|damaged| {
                if damaged.len() >= REMEMBERED {
                    damaged.clear();
                }
                damaged.insert(key);
            });
            error::warn_with_hint(
                &format!("trained model of taxonomy \"{}\" cannot be read", taxonomy.name),
                "Lexical matching answers in its place. Train again with categorize.train().",
            );
            return None;
        };
        let least = Model::open(file.bytes()).map_or(1.0, |model| model.least_confidence());
        let threshold = scope.settings.local_model_threshold;
        let threshold =
            if scope.settings.is_chosen("local_model_threshold") { threshold } else { threshold.max(least) };
        Some(Rc::new(Self { version: row.version, threshold, id: row.id, trained_at: row.trained_at, file }))
    }

    /// Whether the words of the categories are heard beside it, having few examples.
    pub fn hears_names(&self, scope: &Scope) -> bool {
        self.model().is_small() && scope.hears_names()
    }

    /// What it says of texts in normal form (case folded), one prediction each, in their order.
    pub fn predict(&self, texts: &[&str], scratch: &mut Scratch, predictions: &mut Vec<Prediction>) {
        self.model().predict(texts, scratch, predictions);
    }

    /// Whether it may have learnt from what was said at this moment.
    pub fn may_know(&self, said_at: i64) -> bool {
        said_at <= self.trained_at
    }

    /// What it says of one input, and what speaks for it.
    pub fn explain(&self, scope: &Scope, input: &str) -> (Reading, Explanation) {
        let text = normalise(input, Case::Folded);
        let mut predictions = Vec::new();
        self.predict(&[&text], &mut Scratch::default(), &mut predictions);
        let prediction = predictions.pop().unwrap_or_default();
        let reading = read(scope, &prediction);
        // The model knows the categories as they were when it was trained.
        let trained = |now: Option<&Guess>| {
            let same = |guess: &&Guess| scope.answerable(guess.category) == now.map(|g| g.category);
            now.and_then(|_| prediction.guesses.iter().find(same)).map(|g| g.category)
        };
        let (best, next) = (trained(reading.guesses.first()), trained(reading.guesses.get(1)));
        let explanation = best.map(|best| self.model().explain(&text, best, next, NGRAMS)).unwrap_or_default();
        (reading, explanation)
    }

    fn model(&self) -> Model<'_> {
        Model::open(self.file.bytes()).expect("the file was verified when it was opened")
    }
}

/// What a prediction means in the taxonomy as it is now: what cannot answer is left out, what was merged adds up.
pub fn read(scope: &Scope, prediction: &Prediction) -> Reading {
    let mut guesses: Vec<Guess> = Vec::with_capacity(prediction.guesses.len());
    for guess in &prediction.guesses {
        let Some(category) = scope.answerable(guess.category) else { continue };
        match guesses.iter_mut().find(|known| known.category == category) {
            Some(known) => known.confidence = (known.confidence + guess.confidence).min(1.0),
            None => guesses.push(Guess { category, ..*guess }),
        }
    }
    guesses.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    let likeliest = prediction.guesses.first().and_then(|guess| scope.answerable(guess.category));
    let obstacle = if !prediction.guesses.is_empty() && likeliest.is_none() {
        Some("the likeliest category can no longer answer")
    } else if !prediction.enough_evidence {
        Some("the category has too few examples")
    } else {
        None
    };
    Reading { guesses, obstacle }
}

/// Adds to an answer of the trained model the n-grams that spoke for it, where somebody wants to see them.
pub fn add_evidence(scope: &Scope, input: &str, outcome: &mut Outcome) {
    let trained = outcome.answer.as_ref().is_some_and(|answer| answer.source == TierName::LocalModel);
    if let Some(model) = scope.model().filter(|_| trained) {
        let (reading, explanation) = model.explain(scope, input);
        // Where the words of the categories decided against what it holds for likeliest, they are the evidence.
        let answered = outcome.answer.as_ref().map(|answer| answer.guess.category);
        if reading.guesses.first().map(|guess| guess.category) != answered {
            return;
        }
        outcome.words = explanation.pro.into_iter().map(|ngram| ngram.ngram).collect();
    }
}
