//! What the gateway asks of the database. Its threads never touch Postgres: they put questions into an inbox, wake the
//! main thread, and await the reply, which comes once the transaction that made it is committed.

mod attempt;
mod known;
mod vectors;

pub use attempt::{
    Attempt, AttemptOutcome, Closing, NewAnswer, NewAudit, NotReserved, Observed, Reserved, Share, Standing,
};
pub use known::{Keys, Known, KnownAnswer, LookUp, Unsure};
pub use vectors::{Comparable, Compare, Compared, LackVectors, NearAnswer, NewVector};

use crate::batches::Question;
use crate::plan::Plan;
use pg_categorize_core::cascade::Reason;
use pg_categorize_core::fingerprint::Fingerprint;
use pg_categorize_core::frame;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use tokio::sync::oneshot;

/// A question to the database, with where its reply goes.
#[derive(Debug)]
pub enum Request {
    /// How inputs are asked about, and what is known of them by now.
    LookUp(LookUp, oneshot::Sender<Result<Known, Refusal>>),
    /// Money for one attempt, durable before the reply.
    Reserve(Attempt, oneshot::Sender<Result<Reserved, NotReserved>>),
    /// What became of an attempt, and the answers it brought: one transaction. The reply tells what could be stored; what
    /// could not yet is kept and stored later.
    Close(Closing, oneshot::Sender<()>),
    /// What earlier texts say of inputs whose vectors are there; what they answer is stored before the reply.
    Compare(Compare, oneshot::Sender<Vec<Compared>>),
    /// No strong model decided these: what the cheap one said counts, from now on for everybody.
    Confirm(Vec<Fingerprint>),
    /// Something that an operator should see: a line of the view `alert`.
    Alert(Alert),
    /// Texts that lack their vectors, under another plan than those of these serials; none where there are none.
    LackVectors(Vec<u64>, oneshot::Sender<Option<LackVectors>>),
    /// Vectors that were made, and cost nothing, to be stored; the reply tells whether they are.
    KeepVectors(Arc<Plan>, Vec<NewVector>, oneshot::Sender<bool>),
    /// No vectors are bought under a plan for now, for this reason.
    HoldVectors(Arc<Plan>, Refusal),
    /// The provider makes no vectors of these: they are not sent again.
    NoVectors(Arc<Plan>, Vec<Fingerprint>),
    /// What batches want of the database.
    Batches(Question),
}

/// Why something is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The reason of the contract.
    pub reason: Reason,
    /// What a person needs to know beyond it.
    pub detail: Option<String>,
}

impl Refusal {
    /// A refusal that needs no more words.
    pub fn new(reason: Reason) -> Self {
        Self { reason, detail: None }
    }

    /// A refusal with a sentence for people.
    pub fn because(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: Some(detail.into()) }
    }
}

/// Something that an operator should see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// What kind: `reservation_exceeded`, `provider_stopped`, `breaker_open`, `model_shut_down`.
    pub kind: &'static str,
    /// Whom it is about.
    pub provider: String,
    /// The model.
    pub model: String,
    /// One sentence, without input text or secrets.
    pub message: String,
}

/// The gateway's end: asks, and wakes who answers.
#[derive(Clone)]
pub struct Store {
    requests: Sender<Request>,
    wake: Arc<dyn Fn() + Send + Sync>,
}

impl Store {
    /// Two ends of an inbox; `wake` is called after each question, from any thread, and must not block.
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> (Self, Receiver<Request>) {
        let (requests, inbox) = std::sync::mpsc::channel();
        (Self { requests, wake: Arc::new(wake) }, inbox)
    }

    /// Looks inputs up.
    ///
    /// # Errors
    /// Why they cannot be asked about; `gateway_down` where the database no longer answers.
    pub async fn look_up(&self, look_up: LookUp) -> Result<Known, Refusal> {
        self.ask(|reply| Request::LookUp(look_up, reply)).await?
    }

    /// Sets money aside.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn reserve(&self, attempt: Attempt) -> Result<Reserved, NotReserved> {
        self.ask(|reply| Request::Reserve(attempt, reply)).await.map_err(NotReserved::Refused)?
    }

    /// Books what became of an attempt. It is in the inbox when this returns; what is returned waits for the commit.
    pub fn close(&self, closing: Closing) -> impl Future<Output = ()> + Send + use<> {
        let (reply, closed) = oneshot::channel();
        self.send(Request::Close(closing, reply));
        async move { _ = closed.await }
    }

    /// Compares inputs with earlier texts.
    ///
    /// # Errors
    /// `gateway_down` where the database no longer answers.
    pub async fn compare(&self, compare: Compare) -> Result<Vec<Compared>, Refusal> {
        self.ask(|reply| Request::Compare(compare, reply)).await
    }

    /// What the cheap model said counts.
    pub fn confirm(&self, keys: Vec<Fingerprint>) {
        self.send(Request::Confirm(keys));
    }

    /// Tells operators.
    pub fn alert(&self, alert: Alert) {
        self.send(Request::Alert(alert));
    }

    /// The next texts that lack their vectors.
    ///
    /// # Errors
    /// `gateway_down` where the database no longer answers.
    pub async fn lack_vectors(&self, without: Vec<u64>) -> Result<Option<LackVectors>, Refusal> {
        self.ask(|reply| Request::LackVectors(without, reply)).await
    }

    /// Stores vectors that were made; whether that was possible.
    ///
    /// # Errors
    /// `gateway_down` where the database no longer answers.
    pub async fn keep_vectors(&self, plan: Arc<Plan>, vectors: Vec<NewVector>) -> Result<bool, Refusal> {
        self.ask(|reply| Request::KeepVectors(plan, vectors, reply)).await
    }

    /// Says why no vectors are bought under a plan for now.
    pub fn hold_vectors(&self, plan: Arc<Plan>, refusal: Refusal) {
        self.send(Request::HoldVectors(plan, refusal));
    }

    /// Says of which texts the provider makes no vectors.
    pub fn no_vectors(&self, plan: Arc<Plan>, keys: Vec<Fingerprint>) {
        self.send(Request::NoVectors(plan, keys));
    }

    /// Has the main thread look at what there is to do.
    pub(crate) fn wake(&self) {
        (self.wake)();
    }

    pub(crate) async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Result<T, Refusal> {
        let (reply, answer) = oneshot::channel();
        self.send(request(reply));
        answer.await.map_err(|_| Refusal::because(Reason::GatewayDown, frame::STOPPING))
    }

    fn send(&self, request: Request) {
        // Without a receiver the reply's other end is dropped, which `ask` notices.
        if self.requests.send(request).is_ok() {
            (self.wake)();
        }
    }
}
