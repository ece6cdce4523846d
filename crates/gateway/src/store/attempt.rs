//! Attempts that cost money: what is set aside for one, how its money goes, and what it brought.

use super::{NewVector, Refusal};
use crate::plan::{Plan, Route};
use pg_categorize_core::audit::Claim;
use pg_categorize_core::cascade::CategoryId;
use pg_categorize_core::fingerprint::Fingerprint;
use pg_categorize_core::frame::{Asker, Grounds};
use pg_categorize_core::money::Money;
use pg_categorize_core::price::Usage;
use std::sync::Arc;

/// One request that is about to be sent.
#[derive(Debug)]
pub struct Attempt {
    /// Its plan.
    pub plan: Arc<Plan>,
    /// Whom it goes to.
    pub route: Arc<Route>,
    /// The most that it can cost.
    pub worst_case: Money,
    /// Inputs in it.
    pub inputs: usize,
    /// Who asks the first of them.
    pub asker: Asker,
}

/// Money that is set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reserved {
    /// The attempt's number in the ledger.
    pub attempt: i64,
}

/// Why no money is set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotReserved {
    /// There is none, or it must not be spent.
    Refused(Refusal),
    /// What the plan was made of has changed since: provider, key, host, price or categories. The inputs are to be looked
    /// up again.
    Outdated,
}

/// What became of an attempt.
#[derive(Debug)]
pub struct Closing {
    /// Its number.
    pub attempt: i64,
    /// How the money goes.
    pub outcome: AttemptOutcome,
    /// What was reserved, and whom it went to.
    pub route: Arc<Route>,
    /// For whom and into what.
    pub plan: Arc<Plan>,
    /// Who pays how much: the shares of those who asked, which add up to the cost exactly. Empty unless it is settled.
    pub shares: Vec<Share>,
    /// The answers, to be stored.
    pub answers: Vec<NewAnswer>,
    /// What a strong model decided, also where it said that no category fits: what the cheap one said is forgotten.
    pub decided: Vec<Fingerprint>,
    /// What it said of answers that are audited.
    pub audits: Vec<NewAudit>,
    /// The vectors, to be stored: what a plan that [`Plan::embeds`] bought, or those of inputs that are answered here.
    pub vectors: Vec<NewVector>,
}

/// How an attempt's money goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// It cost this.
    Settled {
        /// The cost, which may exceed what was reserved.
        cost: Money,
        /// What it was charged for.
        usage: Usage,
    },
    /// Nothing was sent, or the provider documents that it charges nothing.
    Released,
    /// It may have been charged: nobody knows.
    InDoubt,
}

/// What one of those who asked pays of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// Who.
    pub asker: Asker,
    /// Inputs of theirs in it.
    pub inputs: usize,
    /// Those of them that it did not answer: paid for nothing.
    pub wasted: usize,
    /// How much.
    pub cost: Money,
}

/// A paid answer.
#[derive(Debug, Clone, PartialEq)]
pub struct NewAnswer {
    /// Its key.
    pub key: Fingerprint,
    /// The text, which is stored where the taxonomy stores inputs.
    pub text: String,
    /// The category: a row of the taxonomy, or the position among the ad-hoc labels.
    pub category: CategoryId,
    /// How sure, 0 to 1.
    pub confidence: f32,
    /// Its share of the cost, and of what the cheap model cost before a strong one decided.
    pub cost: Money,
    /// What its confidence is made of.
    pub grounds: Grounds,
    /// How far it counts.
    pub standing: Standing,
}

/// How far an answer counts.
#[derive(Debug, Clone, PartialEq)]
pub enum Standing {
    /// The cheap model was sure enough, or no other is asked.
    Sure,
    /// A strong model is about to decide. The answer is kept, since it is paid, and nobody is given it yet.
    Unsure,
    /// The strong model decided, at once or after the cheap one had said something.
    Upgraded(Option<Observed>),
}

/// What a strong model's answer tells of a cheap one's.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// The cheap model.
    pub model: String,
    /// What it said of its confidence.
    pub grounds: Grounds,
    /// Whether both said the same.
    pub agreed: bool,
}

/// What a strong model said of a free answer.
#[derive(Debug, Clone, PartialEq)]
pub struct NewAudit {
    /// Its key among those of the tenant.
    pub key: Fingerprint,
    /// What the free tier said.
    pub claim: Claim,
    /// What the strong model says; `None` where no category fits.
    pub category: Option<CategoryId>,
    /// How sure that is, 0 to 1.
    pub confidence: f32,
    /// What it cost.
    pub cost: Money,
}
