//! How an attempt ended, in words that are the same for all providers.

use pg_categorize_core::cascade::CategoryId;
use pg_categorize_core::choices::Verdict;
use pg_categorize_core::confidence::Source;
use pg_categorize_core::price::Usage;
use pg_categorize_core::prompt::Answer;
use std::time::Duration;

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// The answers, or why there are none.
    pub result: Result<Vec<ItemAnswer>, Failure>,
    /// What the provider says that it charged. It settles the attempt also where the result is a failure.
    pub usage: Option<Usage>,
    /// What it says of its limits.
    pub limits: Limits,
    /// From sending to the last byte that was read.
    pub latency: Duration,
}

/// The answer to one item. Items that the provider left out have none; an id that was not asked about is dropped; two
/// different answers to one id are an invalid one.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemAnswer {
    /// The item.
    pub id: u32,
    /// What it says.
    pub verdict: Verdict,
    /// How sure, 0 to 1.
    pub confidence: f32,
    /// Where that number comes from.
    pub source: Source,
    /// Why, in the model's words, where it was asked.
    pub rationale: Option<String>,
    /// The likeliest categories with their probabilities, best first, where the provider tells them.
    pub alternatives: Vec<(CategoryId, f32)>,
}

/// Why an attempt brought no answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure.
    pub class: FailureClass,
    /// Whether it may have cost something, where no usage says.
    pub charge: Charge,
    /// How long the provider asks to wait. May be longer than anybody would.
    pub retry_after: Option<Duration>,
    /// A class such as `http 429`: no text of the provider, no input, no key.
    pub detail: String,
}

/// Kinds of failure, by what follows from them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureClass {
    /// Nothing was sent: no connection.
    NotSent,
    /// Too fast: flow control, no failure of the provider.
    RateLimited,
    /// A quota, a spend limit, a wrong key or model: of no use until somebody acts.
    Stopped,
    /// The request is longer than the model reads: half of it may not be.
    ContextOverflow,
    /// Permanent for this request.
    Rejected,
    /// The provider failed; later it may not.
    ServerError,
    /// The provider asks to be left alone for half a minute and more.
    Overloaded,
    /// No reply in time.
    TimedOut,
    /// The connection ended before the reply did.
    Cut,
    /// A successful status without a reply in it.
    Unreadable,
}

/// Whether a failed attempt may have cost something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Charge {
    /// No: nothing was sent, or it is documented as unbilled.
    None,
    /// Nobody knows.
    Unknown,
}

/// What a provider says of its limits in its headers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Requests allowed in a window, mostly a minute.
    pub requests_limit: Option<u32>,
    /// Those that are left.
    pub requests_remaining: Option<u32>,
    /// Until all are left again.
    pub requests_reset: Option<Duration>,
    /// Tokens allowed in a window.
    pub tokens_limit: Option<u64>,
    /// Those that are left.
    pub tokens_remaining: Option<u64>,
    /// Until all are left again.
    pub tokens_reset: Option<Duration>,
}

impl Failure {
    /// A failure with its class in words.
    pub fn new(class: FailureClass, charge: Charge, detail: impl Into<String>) -> Self {
        Self { class, charge, retry_after: None, detail: detail.into() }
    }
}

impl From<Answer> for ItemAnswer {
    fn from(Answer { id, verdict, confidence, source, rationale }: Answer) -> Self {
        Self { id, verdict, confidence, source, rationale, alternatives: Vec::new() }
    }
}

impl ItemAnswer {
    /// No answer to this item, though the provider thought so.
    pub fn invalid(id: u32) -> Self {
        let (verdict, source) = (Verdict::Invalid, Source::Assumed);
        Self { id, verdict, confidence: 0.0, source, rationale: None, alternatives: Vec::new() }
    }

    /// What two answers to one item say together.
    pub(super) fn agree(self, other: Self) -> Self {
        match self.verdict == other.verdict {
            true if self.confidence <= other.confidence => self,
            true => other,
            false => Self::invalid(self.id),
        }
    }
}
