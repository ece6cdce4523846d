//! What the provider has charged and seen: the judge of the client's ledger and of its manners.

use crate::faults::Fault;
use crate::random;
use crate::tokens::Tokens;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

/// What was charged and seen since the server started. Titles are told apart by their text only, whoever asks.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Account {
    /// Requests that arrived, calls about files and batches among them.
    pub requests: u64,
    /// Replies that were begun, by status.
    pub replies: BTreeMap<u16, u64>,
    /// What went wrong on demand.
    pub faults: BTreeMap<Fault, u64>,
    /// Requests that were charged.
    pub charged_requests: u64,
    /// What for, in nano-dollars.
    pub charged_nanousd: i64,
    /// What for, in tokens.
    pub tokens: Tokens,
    /// Charged requests whose reply was not delivered whole, or not in a readable form.
    pub lost_requests: u64,
    /// What they cost, in nano-dollars.
    pub lost_nanousd: i64,
    /// Items in charged requests, and in charged lines of batches.
    pub answers_paid: u64,
    /// Those of them whose answer was lost with the reply.
    pub answers_lost: u64,
    /// Those of them whose answer a fault spoiled: it was delivered, and no client may accept it.
    pub answers_spoiled: u64,
    /// Distinct titles among them.
    pub titles_paid: u64,
    /// `answers_paid - titles_paid`.
    pub second_payments: u64,
    /// Payments for a title beyond the first that neither a lost nor a spoiled answer of that title explains.
    pub unexplained_payments: u64,
    /// Requests that are being answered now.
    pub in_flight: u64,
    /// The most there ever were at once.
    pub max_in_flight: u64,
    /// Requests with a title that a 429 had put off, for the same model and key, before the delay was over.
    pub too_early: u64,
    /// All requests for a model and key before the delay of a 429 was over, but for those within `Config::notice` of it.
    pub too_early_by_model: u64,
    /// Requests beyond the announced limits of requests and tokens.
    pub over_limit: u64,
    /// Requests with a title that another request was still being answered for, seen when that one ended. One whose
    /// client left within 100 ms does not count.
    pub overlapping: u64,
    /// Texts in charged requests for embeddings. They are no titles: nothing is answered.
    pub texts_embedded: u64,
    /// Requests that brought their key in the address, where every log on the way keeps it.
    pub keys_leaked: u64,
    /// Requests that came while the server was down, and were reset.
    pub while_down: u64,
    /// Requests that followed a redirect.
    pub redirects_followed: u64,
    /// What batches did and cost. In the sums of money above there is nothing of it.
    pub batches: Batches,
    /// Each request, if the configuration keeps them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub list: Vec<Request>,
    #[serde(skip)]
    pub(crate) titles: HashMap<u64, Payments>,
}

/// One request.
#[derive(Debug, Clone, Serialize)]
pub struct Request {
    /// Its number; the first one is 1. The list is in the order of their ends.
    pub number: u64,
    /// When it arrived, in milliseconds after the start of the server.
    pub at_ms: u64,
    /// The API that it was sent to: `openai_chat`, `anthropic_messages`, ...
    pub api: &'static str,
    /// The model it asked for.
    pub model: String,
    /// The titles it asked about.
    pub items: Vec<String>,
    /// The status of the reply; 0 where there was none.
    pub status: u16,
    /// What it was charged for.
    pub tokens: Tokens,
    /// What it was charged, in nano-dollars; `None` where it was not.
    pub charged_nanousd: Option<i64>,
    /// Whether the reply was handed over whole and in a readable form.
    pub delivered: bool,
    /// What went wrong on demand.
    pub fault: Fault,
}

/// What batches did, and what they cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Batches {
    /// Batches that were created, whether that was heard or not.
    pub created: u64,
    /// Those that ended with their results.
    pub completed: u64,
    /// Those that were accepted, and failed.
    pub failed: u64,
    /// Those whose time was over.
    pub expired: u64,
    /// Those that were cancelled.
    pub cancelled: u64,
    /// Lines that were answered and charged.
    pub charged_lines: u64,
    /// What for, in nano-dollars, at the price of batches.
    pub charged_nanousd: i64,
    /// What the same would have cost live.
    pub live_nanousd: i64,
    /// Lines that were charged, and are missing in the results.
    pub lost_lines: u64,
    /// What they cost, in nano-dollars.
    pub lost_nanousd: i64,
}

/// What was paid for one title.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Payments {
    /// How often it was in a charged request.
    pub paid: u32,
    /// How often the answer was lost with the reply.
    pub lost: u32,
    /// How often a fault spoiled the answer.
    pub spoiled: u32,
}

impl Account {
    /// What was paid for this title.
    pub fn payments_for(&self, title: &str) -> Payments {
        self.titles.get(&title_key(title)).copied().unwrap_or_default()
    }

    /// How many titles were paid for how many times.
    pub fn titles_by_payments(&self) -> BTreeMap<u32, u64> {
        let mut counts = BTreeMap::new();
        for payments in self.titles.values() {
            *counts.entry(payments.paid).or_default() += 1;
        }
        counts
    }

    /// Fills in what follows from the payments for the titles.
    pub(crate) fn summed_up(mut self) -> Self {
        self.titles_paid = self.titles.len() as u64;
        self.second_payments = self.answers_paid - self.titles_paid;
        let unexplained = |p: &Payments| u64::from(p.paid.saturating_sub(1 + p.lost + p.spoiled));
        self.unexplained_payments = self.titles.values().map(unexplained).sum();
        self
    }
}

/// How a title is told apart.
pub(crate) fn title_key(title: &str) -> u64 {
    random::hash(0, title)
}
