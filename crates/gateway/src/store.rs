//! What the gateway asks of the database. Its threads never touch Postgres: they put questions into an inbox, wake the
//! main thread, and await the reply, which comes once the transaction that made it is committed.

use crate::plan::{Plan, Route};
use pg_categorize_core::audit::Claim;
use pg_categorize_core::cascade::{CategoryId, Reason};
use pg_categorize_core::fingerprint::Fingerprint;
use pg_categorize_core::frame::{self, Asker, Grounds, Nearness, Target};
use pg_categorize_core::money::Money;
use pg_categorize_core::price::Usage;
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
    /// No vectors are bought under a plan for now, for this reason.
    HoldVectors(Arc<Plan>, Refusal),
    /// The provider makes no vectors of these: they are not sent again.
    NoVectors(Arc<Plan>, Vec<Fingerprint>),
}

/// Texts of one tenant in one taxonomy that lack their vectors.
#[derive(Debug)]
pub struct LackVectors {
    /// How these are bought.
    pub plan: Arc<Plan>,
    /// How long the vectors are which the texts before have; `None` where they have none.
    pub length: Option<usize>,
    /// The texts, at least one and at most as many as the route takes at once, with their keys.
    pub texts: Vec<(Fingerprint, String)>,
    /// Why they are not bought now; then there are none.
    pub refusal: Option<Refusal>,
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

/// A vector that was paid for.
#[derive(Debug, Clone, PartialEq)]
pub struct NewVector {
    /// Key of its text.
    pub key: Fingerprint,
    /// The vector: finite numbers, not all zero.
    pub vector: Vec<f32>,
}

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

    /// Says why no vectors are bought under a plan for now.
    pub fn hold_vectors(&self, plan: Arc<Plan>, refusal: Refusal) {
        self.send(Request::HoldVectors(plan, refusal));
    }

    /// Says of which texts the provider makes no vectors.
    pub fn no_vectors(&self, plan: Arc<Plan>, keys: Vec<Fingerprint>) {
        self.send(Request::NoVectors(plan, keys));
    }

    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Result<T, Refusal> {
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
