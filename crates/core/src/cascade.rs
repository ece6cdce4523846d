//! The path of one call: tiers in order, each a function from a slice of queries to a slice of optional answers.
//!
//! A tier sees the whole slice and answers what it can among those still open; no tier knows another.

use crate::fingerprint::Fingerprint;
use crate::frame::{Grounds, Request};
use crate::image::Picture;
use crate::money::Money;
use serde::{Deserialize, Serialize};
use std::rc::Rc;

/// Id of a category: the row's id in a taxonomy, the position among ad-hoc labels.
pub type CategoryId = i32;

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* $variant,)+ }

        impl $name {
            /// Every value, in the order of the contract.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name in SQL.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// The value of this name.
            pub fn parse(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

named! {
    /// A source that may answer, cheapest first; the default order of a taxonomy.
    TierName {
        /// A person said so.
        Correction = "correction",
        /// A person's pattern.
        Rule = "rule",
        /// An earlier answer for the same text.
        Cache = "cache",
        /// Trained, or lexical matching where nothing is trained yet.
        LocalModel = "local_model",
        /// The nearest earlier answer.
        Similarity = "similarity",
        /// A language model.
        Llm = "llm",
    }
}

named! {
    /// The tier that first made an answer.
    Origin {
        /// A person corrected it.
        Correction = "correction",
        /// A rule matched.
        Rule = "rule",
        /// A learnt example.
        Label = "label",
        /// The local model.
        LocalModel = "local_model",
        /// A similar earlier answer.
        Similarity = "similarity",
        /// A language model.
        Llm = "llm",
    }
}

named! {
    /// Why there is no answer: the closed list of the contract.
    Reason {
        /// The input is empty or blank.
        EmptyInput = "empty_input",
        /// No taxonomy is named and there is no default.
        NoTaxonomy = "no_taxonomy",
        /// The free tiers were not sure enough and no paid tier is configured.
        BelowThreshold = "below_threshold",
        /// The model said that no category fits.
        NoneOfThese = "none_of_these",
        /// The input is larger than categorize reads.
        InputTooLarge = "input_too_large",
        /// No provider is configured.
        NoProvider = "no_provider",
        /// Requests to the outside are switched off.
        ExternalOff = "external_off",
        /// The budget is spent.
        BudgetExceeded = "budget_exceeded",
        /// One request would cost more than allowed.
        RequestTooExpensive = "request_too_expensive",
        /// The model has no price.
        UnknownPrice = "unknown_price",
        /// A limit of requests or a full queue.
        RateLimited = "rate_limited",
        /// The provider failed too often of late.
        BreakerOpen = "breaker_open",
        /// No answer in time.
        Timeout = "timeout",
        /// The provider answered with an error.
        ProviderError = "provider_error",
        /// The provider's answer is outside the taxonomy.
        InvalidAnswer = "invalid_answer",
        /// The gateway is not running.
        GatewayDown = "gateway_down",
        /// Enqueued for later.
        Queued = "queued",
        /// The taxonomy is not committed yet.
        Uncommitted = "uncommitted",
        /// The transaction is read-only and would have to enqueue.
        ReadOnly = "read_only",
        /// A standby cannot ask.
        Standby = "standby",
        /// The replayed recording has no such answer.
        ReplayMiss = "replay_miss",
    }
}

/// One input on its way through the tiers.
#[derive(Clone, Copy)]
pub struct Query<'a> {
    /// The text as it came; empty where an image is all there is.
    pub raw: &'a str,
    /// Its normal form.
    pub normal: &'a str,
    /// The image, beside or instead of the text.
    pub picture: Option<&'a Picture<'a>>,
    /// Key among the answers of its own tenant.
    pub fingerprint: Fingerprint,
    /// Key among the answers shared by all tenants, where the taxonomy shares them.
    pub shared_fingerprint: Option<Fingerprint>,
}

/// A category with the probability that it is right, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Guess {
    /// The category.
    pub category: CategoryId,
    /// Calibrated probability.
    pub confidence: f32,
}

/// Which provider and model gave a paid answer, kept with it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Provenance {
    /// Name of the provider.
    pub provider: Option<String>,
    /// Name of the model.
    pub model: Option<String>,
    /// What its confidence is made of.
    pub grounds: Option<Grounds>,
    /// The request that brought it now.
    pub request: Option<Request>,
}

/// What a tier is sure enough of.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The category and how sure.
    pub guess: Guess,
    /// The tier that answers now.
    pub source: TierName,
    /// The tier that first made the answer.
    pub origin: Origin,
    /// Microseconds of the Postgres epoch after which the answer no longer counts; `i64::MAX` for never.
    pub expires_at: i64,
    /// Who was paid, for answers of a language model.
    pub provenance: Option<Box<Provenance>>,
    /// What was paid for it now.
    pub cost: Money,
    /// Whether a stronger model decided, since the cheap one was not sure.
    pub upgraded: bool,
    /// The rule that matched.
    pub rule: Option<i64>,
}

impl Answer {
    /// An answer that never expires and cost nothing.
    pub fn new(category: CategoryId, confidence: f32, source: TierName, origin: Origin) -> Self {
        let guess = Guess { category, confidence };
        Self {
            guess,
            source,
            origin,
            expires_at: i64::MAX,
            provenance: None,
            cost: Money::ZERO,
            upgraded: false,
            rule: None,
        }
    }
}

/// An earlier text that is near to the input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SimilarText {
    /// The text as it came then.
    pub text: String,
    /// Its category, as it is now.
    pub category: CategoryId,
    /// Cosine of the two vectors, -1 to 1.
    pub cosine: f32,
    /// Who said so: a correction, a label, or a language model.
    pub origin: Origin,
}

/// What the similarity tier saw.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Similar {
    /// The nearest earlier texts, nearest first.
    pub texts: Vec<SimilarText>,
    /// Share of their votes for the category that won, 0 to 1.
    pub agreement: f32,
    /// What the vote says beside the bar that it must reach, 0 to 1.
    pub score: f32,
    /// Why it did not answer: a sentence without its full stop. Parts of the input may be in it, so it is in no log.
    pub obstacle: Option<String>,
}

/// What is known of one query after the tiers so far.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// The answer, once a tier gave one.
    pub answer: Option<Answer>,
    /// The likeliest categories, best first, from a tier that ranks.
    pub alternatives: Vec<Guess>,
    /// The words and phrases that spoke for the likeliest, strongest first.
    pub words: Vec<String>,
    /// The earlier texts that are nearest, where they were looked for.
    pub similar: Option<Rc<Similar>>,
    /// Why the last tier that could not answer did not.
    pub reason: Option<Reason>,
    /// What a person needs to know beyond the reason: whole sentences.
    pub detail: Option<String>,
}

/// One source of answers: set in, set out.
pub trait Tier {
    /// Which tier this is.
    fn name(&self) -> TierName;

    /// A call begins; what is asked until the next one shares its time.
    fn begin(&mut self) {}

    /// About so many more queries will come in the statement, after those that are asked next: a tier may prepare for them.
    fn expect(&mut self, _queries: usize) {}

    /// Answers what it can among the outcomes that are still open; `queries` and `outcomes` have the same length.
    fn answer(&mut self, queries: &[Query<'_>], outcomes: &mut [Outcome]);

    /// What it says of one input from memory, or through what it has opened already: it fails only where the server does.
    fn recall(&mut self, _query: &Query<'_>) -> Recall {
        Recall::Unknown
    }

    /// What it would say, as far as that can be told for nothing.
    fn preview(&mut self, queries: &[Query<'_>], outcomes: &mut [Outcome]) {
        self.answer(queries, outcomes);
    }
}

/// What a tier says without opening anything.
#[derive(Debug)]
pub enum Recall {
    /// The answer.
    Answer(Answer),
    /// It has none.
    Nothing,
    /// It would have to load or open something, or to reckon.
    Unknown,
}

/// What the tiers say of one input in their order, until one does not know it without more.
pub fn recall(tiers: &mut [Box<dyn Tier + '_>], query: &Query<'_>) -> Option<Answer> {
    for tier in tiers {
        match tier.recall(query) {
            Recall::Answer(answer) => return Some(answer),
            Recall::Nothing => {}
            Recall::Unknown => return None,
        }
    }
    None
}

/// Runs the tiers in their order, until every query is answered or no tier is left.
pub fn run(tiers: &mut [Box<dyn Tier + '_>], queries: &[Query<'_>], outcomes: &mut [Outcome]) {
    debug_assert_eq!(queries.len(), outcomes.len());
    for tier in tiers {
        if outcomes.iter().all(|o| o.answer.is_some()) {
            return;
        }
        tier.answer(queries, outcomes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Knows(TierName, &'static str, CategoryId, usize);

    impl Tier for Knows {
        fn name(&self) -> TierName {
            self.0
        }

        fn answer(&mut self, queries: &[Query<'_>], outcomes: &mut [Outcome]) {
            self.3 += 1;
            for (query, outcome) in queries.iter().zip(outcomes) {
                if outcome.answer.is_none() && query.normal.contains(self.1) {
                    outcome.answer = Some(Answer::new(self.2, 1.0, self.0, Origin::Rule));
                }
            }
        }
    }

    fn query(text: &str) -> Query<'_> {
        Query { raw: text, normal: text, picture: None, fingerprint: Fingerprint([0; 32]), shared_fingerprint: None }
    }

    #[test]
    fn the_first_tier_that_knows_answers_and_the_rest_is_left_open() {
        let mut tiers: Vec<Box<dyn Tier>> =
            vec![Box::new(Knows(TierName::Correction, "shoe", 1, 0)), Box::new(Knows(TierName::Rule, "red", 2, 0))];
        let queries = [query("red shoe"), query("red hat"), query("hat")];
        let mut outcomes = vec![Outcome::default(); 3];
        run(&mut tiers, &queries, &mut outcomes);
        let sources: Vec<_> =
            outcomes.iter().map(|o| o.answer.as_ref().map(|a| (a.source, a.guess.category))).collect();
        assert_eq!(sources, [Some((TierName::Correction, 1)), Some((TierName::Rule, 2)), None]);
    }

    #[test]
    fn names_are_those_of_the_contract() {
        for name in TierName::ALL {
            assert_eq!(TierName::parse(name.as_str()), Some(*name));
        }
        assert_eq!(Reason::ALL.len(), 21);
    }
}
