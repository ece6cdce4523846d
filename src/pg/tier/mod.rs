//! The tiers, each from a slice of queries to a slice of optional answers; none knows another.

mod cache;
mod correction;
mod llm;
mod local_model;
mod rule;
mod similarity;

pub use llm::{Buyer, Order, may_buy};

use crate::pg::scope::Scope;
use crate::pg::shared_answers::SharedAnswers;
use pg_categorize_core::cascade::{Outcome, Query, Recall, Tier, TierName};
use pg_categorize_core::normalise::{Case, normalise};
use std::borrow::Cow;
use std::rc::Rc;

/// Whether so many look-ups in a statement are work enough to read this many stored answers at once.
pub const fn is_worth_reading(rows: usize, look_ups: usize) -> bool {
    look_ups >= cache::MANY && rows / cache::ROWS_PER_LOOK_UP <= look_ups
}

/// The tiers of a scope, in the order of its taxonomy; `shared`: what the processes of a parallel plan can read together.
pub fn tiers(scope: &Rc<Scope>, shared: Option<&Rc<SharedAnswers>>) -> Vec<Box<dyn Tier>> {
    let tier = |name: &TierName| -> Box<dyn Tier> {
        match name {
            TierName::Correction => Box::new(correction::CorrectionTier::new(scope.clone())),
            TierName::Rule => Box::new(rule::RuleTier::new(scope.clone())),
            TierName::Cache => Box::new(cache::CacheTier::new(scope.clone(), shared.cloned())),
            TierName::LocalModel => Box::new(local_model::LocalModelTier::new(scope.clone())),
            TierName::Llm => Box::new(llm::LlmTier::new(scope.clone())),
            TierName::Similarity => Box::new(similarity::SimilarityTier::new(scope.clone())),
        }
    };
    scope.settings.tiers.iter().map(tier).collect()
}

/// What a tier that has all it needs says of one input.
fn answer_one(tier: &mut dyn Tier, query: &Query<'_>) -> Recall {
    let mut outcome = [Outcome::default()];
    tier.answer(&[*query], &mut outcome);
    let [outcome] = outcome;
    outcome.answer.map_or(Recall::Nothing, Recall::Answer)
}

/// Whether there is no answer yet, and none of it lies in an image: what a text says may not be what the image shows.
fn is_open((query, outcome): &(&Query<'_>, &mut Outcome)) -> bool {
    outcome.answer.is_none() && query.picture.is_none()
}

/// The text as models read it. Words have no case, whatever the inputs' identity says.
fn folded<'a>(scope: &Scope, query: &Query<'a>) -> Cow<'a, str> {
    match scope.case() {
        Case::Folded => Cow::Borrowed(query.normal),
        Case::Kept => Cow::Owned(normalise(query.raw, Case::Folded)),
    }
}
