//! Tier 4: the tenant's trained model; until one is active, lexical matching: words and meaning of the categories. Beside a model
//! of few examples, those are heard, too.

use super::{folded, is_open};
use crate::pg::guard;
use crate::pg::model;
use crate::pg::scope::Scope;
use pg_categorize_core::cascade::{Answer, Guess, Origin, Outcome, Query, Reason, Tier, TierName};
use pg_categorize_core::category_index::Scratch;
use pg_categorize_core::local_model::{self, Prediction};
use std::borrow::Cow;
use std::rc::Rc;

/// Texts of which a model is asked at once. A cancel is served between them: long texts take their time.
const WINDOW: usize = 64;

pub(super) struct LocalModelTier {
    scope: Rc<Scope>,
    lexical: Scratch,
    trained: local_model::Scratch,
    predictions: Vec<Prediction>,
}

impl LocalModelTier {
    pub(super) fn new(scope: Rc<Scope>) -> Self {
        let (lexical, trained) = (Scratch::default(), local_model::Scratch::default());
        Self { scope, lexical, trained, predictions: Vec::new() }
    }

    fn ask_lexical(&mut self, queries: &[Query<'_>], outcomes: &mut [Outcome]) {
        let (index, threshold) = (self.scope.category_index(), self.scope.local_model_threshold());
        for (query, outcome) in queries.iter().zip(outcomes).filter(is_open) {
            // Of ten thousand categories, each text takes most of a millisecond.
            guard::check_for_interrupts();
            outcome.reason = Some(Reason::BelowThreshold);
            let Some(found) = index.best(&folded(&self.scope, query), &mut self.lexical) else { continue };
            let best = found.guesses[0];
            if best.confidence >= threshold {
                outcome.answer = Some(answer(best));
            }
            outcome.alternatives = found.guesses;
            outcome.words = found.evidence;
        }
    }
}

impl Tier for LocalModelTier {
    fn name(&self) -> TierName {
        TierName::LocalModel
    }

    fn answer(&mut self, queries: &[Query<'_>], outcomes: &mut [Outcome]) {
        let scope = self.scope.clone();
        let Some(live) = scope.model() else { return self.ask_lexical(queries, outcomes) };
        let mut open: Vec<&mut Outcome> = Vec::with_capacity(queries.len());
        let mut texts: Vec<Cow<'_, str>> = Vec::with_capacity(queries.len());
        for (query, outcome) in queries.iter().zip(outcomes).filter(is_open) {
            texts.push(folded(&scope, query));
            open.push(outcome);
        }
        let threshold = scope.local_model_threshold();
        let hears_names = live.hears_names(&scope);
        let texts: Vec<&str> = texts.iter().map(|text| &**text).collect();
        for (texts, open) in texts.chunks(WINDOW).zip(open.chunks_mut(WINDOW)) {
            guard::check_for_interrupts();
            live.predict(texts, &mut self.trained, &mut self.predictions);
            for ((outcome, text), prediction) in open.iter_mut().zip(texts).zip(&self.predictions) {
                settle(&scope, threshold, prediction, outcome);
                if hears_names && outcome.answer.is_none() {
                    guard::check_for_interrupts();
                    hear_names(&scope, text, &mut self.lexical, outcome);
                }
            }
        }
    }
}

fn settle(scope: &Scope, threshold: f32, prediction: &Prediction, outcome: &mut Outcome) {
    outcome.reason = Some(Reason::BelowThreshold);
    let reading = model::read(scope, prediction);
    // Who sets the threshold to 0 wants an answer in any case.
    let stands = reading.obstacle.is_none() || threshold == 0.0;
    if let Some(best) = reading.guesses.first().filter(|best| stands && best.confidence >= threshold) {
        outcome.answer = Some(answer(*best));
    }
    outcome.alternatives = reading.guesses;
}

/// What the words of the categories add to what the model has said of a text, where it was not sure enough.
fn hear_names(scope: &Scope, text: &str, scratch: &mut Scratch, outcome: &mut Outcome) {
    let Some(found) = scope.category_index().best(text, scratch) else { return };
    let Some(both) = local_model::pooled(found.guesses[0], outcome.alternatives.first().copied()) else { return };
    if both.confidence >= scope.settings.local_model_threshold {
        outcome.answer = Some(answer(both));
    }
    outcome.words = found.evidence;
    outcome.alternatives.retain(|guess| guess.category != both.category);
    outcome.alternatives.insert(0, both);
}

fn answer(guess: Guess) -> Answer {
    Answer::new(guess.category, guess.confidence, TierName::LocalModel, Origin::LocalModel)
}
