//! What batches need of a database. Each method is one transaction that is durable when it returns.

use crate::plan::{Plan, Route};
use crate::provider::ItemAnswer;
use crate::store::AttemptOutcome;
use pg_categorize_core::batch::{Batch, LineEnd, Rest, Token};
use pg_categorize_core::fingerprint::Fingerprint;
use pg_categorize_core::money::Money;
use std::ops::Range;
use std::sync::Arc;

/// The database has not done what it was asked for, or is gone. Whoever hears it begins anew from what is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost;

/// Where batches and what waits for them are kept.
///
/// What has to hold whatever fails: an input is in one batch that has not ended at most; the money of a request is set
/// aside with the transaction that makes its batch, and settled once, with the one that stores its result; of the batches
/// to one provider one at most is unanswered ([`Batch::is_unanswered`]).
pub trait Store: Send + Sync {
    /// The batches that have not ended.
    fn open(&self) -> impl Future<Output = Result<Vec<Open>, Lost>> + Send;

    /// Inputs that wait for a batch to this route, first those of the highest priority, behind those that were given by
    /// the last call of a walk; fewer than `limit` where they are long. None where there are no more. Inputs of one plan come
    /// together.
    fn waiting(
        &self,
        route: &Arc<Route>,
        after: Option<i64>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Waiting>, Lost>> + Send;

    /// Makes a batch of inputs that wait still, or a further part of one that is being built, and sets their money aside. Where a
    /// budget does not admit all of it, it is made of the first requests, as far as the money goes. `None` where not even the
    /// first one is admitted, or something has changed.
    fn build(&self, part: Part) -> impl Future<Output = Result<Option<Made>, Lost>> + Send;

    /// No batch takes these inputs: they are too large.
    fn too_large(&self, jobs: Vec<i64>) -> impl Future<Output = Result<(), Lost>> + Send;

    /// Requests of a batch in their order, from one on; fewer than `limit` where they are long, and none where there are no more.
    fn requests(&self, batch: i64, from: u32, limit: usize) -> impl Future<Output = Result<Vec<Request>, Lost>> + Send;

    /// The same requests as their results are read, without texts and bodies; none where there are no more.
    fn outlines(&self, batch: i64, from: u32, limit: usize) -> impl Future<Output = Result<Vec<Outline>, Lost>> + Send;

    /// Keeps a record, together with what becomes of the requests that have no result. Refused ([`Lost`]) where the record
    /// was changed by another since it was read.
    fn keep(&self, before: &Batch, after: &Batch, rest: Rest) -> impl Future<Output = Result<(), Lost>> + Send;

    /// Keeps results: answers, money, and what is next for each input. A request that has a result keeps it.
    fn ingest(&self, batch: i64, results: Vec<LineResult>) -> impl Future<Output = Result<(), Lost>> + Send;
}

/// A batch that has not ended.
#[derive(Debug, Clone)]
pub struct Open {
    /// Its record.
    pub record: Batch,
    /// Its name at the provider.
    pub token: Token,
    /// Whom it goes to; its price is that of batches.
    pub route: Arc<Route>,
    /// Bytes of its lines, with what separates them.
    pub bytes: u64,
    /// Whether somebody wants it cancelled, which its record may not have heard.
    pub cancel_wanted: bool,
}

/// An input that waits.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Its number, by which a walk goes on.
    pub job: i64,
    /// Its key.
    pub fingerprint: Fingerprint,
    /// The text.
    pub text: String,
    /// How it is asked about.
    pub plan: Arc<Plan>,
}

/// Requests of a batch that is being built, one after the other. It is a batch whatever comes of its other parts.
#[derive(Debug, Clone)]
pub struct Part {
    /// The batch that it belongs to; `None` where it is the first.
    pub batch: Option<i64>,
    /// Whom it goes to.
    pub route: Arc<Route>,
    /// Its requests, in their order.
    pub requests: Vec<NewRequest>,
}

/// What was made of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Made {
    /// The batch that it is in; `None` where there is none yet.
    pub batch: Option<i64>,
    /// How many of its requests, from the first on.
    pub requests: usize,
    /// Whether the one behind them is left out for itself, and has ended: those behind it are not in the way of a budget.
    pub skipped: bool,
}

/// A request to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRequest {
    /// The inputs that it asks about, in their order.
    pub jobs: Vec<i64>,
    /// The most that it can cost.
    pub worst_case: Money,
    /// Bytes of its line, with what separates it from the one before.
    pub bytes: u64,
}

/// A request of a batch.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its number in the batch, from 0 on.
    pub ordinal: u32,
    /// How its inputs are asked about.
    pub plan: Arc<Plan>,
    /// The inputs, in their order.
    pub items: Vec<RequestItem>,
}

/// What is known of a request when its result is read.
#[derive(Debug, Clone)]
pub struct Outline {
    /// How its inputs are asked about; `None` where users have written it.
    pub plan: Option<Arc<Plan>>,
    /// The numbers of its inputs in the batch.
    pub numbers: Range<u32>,
    /// The check of its name.
    pub check: [u8; 8],
}

/// An input of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestItem {
    /// Its number in the batch, from 1 on: by this it is called in the request and in the reply, so that an answer under
    /// another request's name is none.
    pub number: u32,
    /// Its key.
    pub fingerprint: Fingerprint,
    /// The text.
    pub text: String,
}

/// The result of a request.
#[derive(Debug, Clone, PartialEq)]
pub struct LineResult {
    /// The request.
    pub ordinal: u32,
    /// What became of its money.
    pub money: AttemptOutcome,
    /// What became of the inputs that have no answer below.
    pub end: LineEnd,
    /// The answers, by the numbers of the inputs.
    pub answers: Vec<ItemAnswer>,
    /// The reply as it is, where a user has written the request.
    pub reply: Option<String>,
}
