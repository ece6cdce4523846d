//! Tier 4, version 0: lexical matching against the words of the categories, until a model is trained.

use crate::pg::scope::Scope;
use pg_categorize_core::cascade::{Answer, Origin, Outcome, Query, Reason, Tier, TierName};
use pg_categorize_core::lexical::Scratch;
use pg_categorize_core::normalise::{Case, normalise};
use std::rc::Rc;

pub(super) struct LocalModelTier {
    scope: Rc<Scope>,
    scratch: Scratch,
}

impl LocalModelTier {
    pub(super) fn new(scope: Rc<Scope>) -> Self {
        Self { scope, scratch: Scratch::default() }
    }
}

impl Tier for LocalModelTier {
    fn name(&self) -> TierName {
        TierName::LocalModel
    }

    fn answer(&mut self, queries: &[Query<'_>], outcomes: &mut [Outcome]) {
        let words = self.scope.words();
        for (query, outcome) in queries.iter().zip(outcomes).filter(|(_, o)| o.answer.is_none()) {
            outcome.reason = Some(Reason::BelowThreshold);
            let found = match self.scope.case() {
                Case::Folded => words.best(query.normal, &mut self.scratch),
                // Words have no case, whatever the inputs' identity says.
                Case::Kept => words.best(&normalise(query.raw, Case::Folded), &mut self.scratch),
            };
            let Some(found) = found else { continue };
            let best = found.guesses[0];
            if best.confidence >= self.scope.settings.local_model_threshold {
                outcome.answer =
                    Some(Answer::new(best.category, best.confidence, TierName::LocalModel, Origin::LocalModel));
            }
            outcome.alternatives = found.guesses;
            outcome.words = found.evidence;
        }
    }
}
