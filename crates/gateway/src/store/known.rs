//! What is known of inputs before anybody is paid.

use crate::plan::Plan;
use pg_categorize_core::cascade::CategoryId;
use pg_categorize_core::fingerprint::Fingerprint;
use pg_categorize_core::frame::{Grounds, Target};
use pg_categorize_core::money::Money;
use std::collections::HashMap;
use std::sync::Arc;

/// Inputs to look up under a fresh snapshot, corrections first.
#[derive(Debug)]
pub struct LookUp {
    /// Whose inputs.
    pub tenant: String,
    /// Sorted into what.
    pub target: Target,
    /// Their keys.
    pub keys: Vec<Keys>,
    /// Whether they are answered for nothing, and to be audited: what is known is then whether they were.
    pub audits: bool,
}

/// Under what an answer is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Keys {
    /// Among those of the tenant.
    pub own: Fingerprint,
    /// Among those that tenants share, where they do.
    pub shared: Option<Fingerprint>,
}

impl Keys {
    /// The key under which a paid answer is stored.
    pub fn of_answer(&self) -> Fingerprint {
        self.shared.unwrap_or(self.own)
    }
}

/// What the database knows.
#[derive(Debug)]
pub struct Known {
    /// How the rest is asked about.
    pub plan: Arc<Plan>,
    /// The answers that are there already, in the order of the keys.
    pub answers: Vec<Option<KnownAnswer>>,
    /// What a cheap model has said of the others, where a strong one was to decide and has not.
    pub unsure: HashMap<Fingerprint, Unsure>,
    /// Whether a budget of these inputs is above its soft ratio.
    pub soft: bool,
    /// How long the vectors of earlier texts are that inputs can be compared with; none where they cannot be now.
    pub comparable: Option<usize>,
}

/// An answer that is there already.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownAnswer {
    /// The category.
    pub category: CategoryId,
    /// How sure.
    pub confidence: f32,
    /// Who was paid for it, where somebody was.
    pub provider: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// Whether a strong model decided.
    pub upgraded: bool,
    /// What its confidence is made of, where that is known.
    pub grounds: Option<Grounds>,
    /// Whether earlier texts answered, and no model.
    pub is_similar: bool,
}

/// What a cheap model said, and was not sure enough of: it counts where no strong one decides.
#[derive(Debug, Clone, PartialEq)]
pub struct Unsure {
    /// What it said.
    pub answer: KnownAnswer,
    /// What it cost.
    pub cost: Money,
}
