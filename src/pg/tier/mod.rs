//! The tiers, each from a slice of queries to a slice of optional answers; none knows another.

mod cache;
mod correction;
mod llm;
mod local_model;
mod rule;

pub use llm::{Buyer, Order};

use crate::pg::scope::Scope;
use pg_categorize_core::cascade::{Tier, TierName};
use std::rc::Rc;

/// The tiers of a scope, in the order of its taxonomy. Similarity joins them with the embeddings.
pub fn tiers(scope: &Rc<Scope>) -> Vec<Box<dyn Tier>> {
    let tier = |name: &TierName| -> Option<Box<dyn Tier>> {
        Some(match name {
            TierName::Correction => Box::new(correction::CorrectionTier::new(scope.clone())),
            TierName::Rule => Box::new(rule::RuleTier::new(scope.clone())),
            TierName::Cache => Box::new(cache::CacheTier::new(scope.clone())),
            TierName::LocalModel => Box::new(local_model::LocalModelTier::new(scope.clone())),
            TierName::Llm => Box::new(llm::LlmTier::new(scope.clone())),
            TierName::Similarity => return None,
        })
    };
    scope.settings.tiers.iter().filter_map(tier).collect()
}
