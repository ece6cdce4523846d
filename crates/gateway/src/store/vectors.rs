//! Vectors that are bought, and what earlier texts say by them.

use super::Refusal;
use crate::plan::Plan;
use pg_categorize_core::cascade::CategoryId;
use pg_categorize_core::fingerprint::Fingerprint;
use pg_categorize_core::frame::Nearness;
use pg_categorize_core::money::Money;
use std::sync::Arc;

/// Texts of one tenant in one taxonomy that lack their vectors.
#[derive(Debug)]
pub struct LackVectors {
    /// How these are bought.
    pub plan: Arc<Plan>,
    /// How long the vectors are which the texts before have; `None` where they have none.
    pub length: Option<usize>,
    /// The texts, at most as many as the route takes at once, with their keys. None where some were queued for a batch, or are refused.
    pub texts: Vec<(Fingerprint, String)>,
    /// Why they are not bought now.
    pub refusal: Option<Refusal>,
}

/// A vector that was paid for.
#[derive(Debug, Clone, PartialEq)]
pub struct NewVector {
    /// Key of its text.
    pub key: Fingerprint,
    /// The vector: finite numbers, not all zero.
    pub vector: Vec<f32>,
}

/// Inputs to compare with the earlier texts of their tenant.
#[derive(Debug)]
pub struct Compare {
    /// The plan under which language models are asked about them.
    pub plan: Arc<Plan>,
    /// The inputs.
    pub inputs: Vec<Comparable>,
}

/// An input with its vector.
#[derive(Debug, Clone)]
pub struct Comparable {
    /// Its key among the answers of the tenant: what the tenant's own texts say is nobody else's.
    pub key: Fingerprint,
    /// The text as it came.
    pub text: Arc<str>,
    /// Its vector, by the model that the plan's vectors are bought of.
    pub vector: Arc<[f32]>,
    /// What was paid for it now.
    pub cost: Money,
}

/// What earlier texts say of an input.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Compared {
    /// The answer, where the tier's rule says that it is sure.
    pub answer: Option<NearAnswer>,
    /// Their categories, nearest first.
    pub hints: Vec<CategoryId>,
}

/// An answer of earlier texts.
#[derive(Debug, Clone, PartialEq)]
pub struct NearAnswer {
    /// The category.
    pub category: CategoryId,
    /// Probability that it is right, 0 to 1.
    pub confidence: f32,
    /// What it is made of.
    pub nearness: Nearness,
}
