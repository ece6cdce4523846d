//! What batches ask of the database, as questions to the thread that touches it. Each is answered once its transaction is
//! committed; one that could not be has no reply, and who asked begins anew from what is durable.

use super::store::{LineResult, Lost, Made, Open, Outline, Part, Request, Store, Waiting};
use crate::plan::Route;
use crate::store::{self, Refusal};
use pg_categorize_core::batch::{Batch, Moment, Pace, Rest};
use pg_categorize_core::cascade::Reason;
use pg_categorize_core::fingerprint::Fingerprint;
use pg_categorize_core::frame::{Asker, Input, Target};
use std::sync::Arc;
use tokio::sync::oneshot::Sender;

/// Where a reply goes.
pub type Reply<T> = Sender<T>;

/// A question, with where its reply goes.
#[derive(Debug)]
pub enum Question {
    /// What is to be done now.
    Agenda(Sender<Agenda>),
    /// A run that the agenda told of is over: what waited is in batches, as far as it could be.
    RunOver(Run, Sender<()>),
    /// What became of inputs that were asked about live; whether all of these jobs have ended.
    Asked(Vec<Ended>, Sender<bool>),
    /// [`Store::open`].
    Open(Sender<Vec<Open>>),
    /// [`Store::waiting`].
    Waiting(Arc<Route>, Option<i64>, usize, Sender<Vec<Waiting>>),
    /// [`Store::build`].
    Build(Part, Sender<Option<Made>>),
    /// [`Store::too_large`].
    TooLarge(Vec<i64>, Sender<()>),
    /// [`Store::requests`].
    Requests(i64, u32, usize, Sender<Vec<Request>>),
    /// [`Store::outlines`].
    Outlines(i64, u32, usize, Sender<Vec<Outline>>),
    /// [`Store::keep`]; `false` is [`Lost`].
    Keep(Box<[Batch; 2]>, Rest, Sender<bool>),
    /// [`Store::ingest`].
    Ingest(i64, Vec<LineResult>, Sender<()>),
}

/// What is to be done now.
#[derive(Debug, Default)]
pub struct Agenda {
    /// To whom batches of what waits are sent now.
    pub routes: Vec<Arc<Route>>,
    /// The run that this is, where it is one.
    pub run: Option<Run>,
    /// Batches that somebody wants cancelled, and that do not know it.
    pub cancel: Vec<i64>,
    /// Whether there are batches that have not ended.
    pub has_open: bool,
    /// Inputs that are asked about live, those of one asker together.
    pub live: Vec<Live>,
    /// How often providers are asked how far they are.
    pub pace: Pace,
    /// When the schedule is to be looked at again; `None` where nothing waits for it.
    pub next: Option<Moment>,
}

/// A run of the schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// When it began.
    pub at: Moment,
    /// What had been wanted by then, as the store counts it.
    pub wanted: Option<i64>,
}

/// Inputs of the queue that are asked about live.
#[derive(Debug)]
pub struct Live {
    /// Their tenant.
    pub tenant: String,
    /// Into what they are sorted.
    pub target: Target,
    /// Who pays.
    pub asker: Asker,
    /// Their jobs, in the order of the inputs.
    pub jobs: Vec<i64>,
    /// The inputs.
    pub inputs: Vec<Input>,
}

/// What became of an input that was asked about live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Its job.
    pub job: i64,
    /// Under which its answer is stored: it does not end before.
    pub key: Fingerprint,
    /// Why it has no answer; `None` where it has one.
    pub reason: Option<Reason>,
}

impl store::Store {
    /// What is to be done now.
    pub(super) async fn agenda(&self) -> Result<Agenda, Lost> {
        self.ask_batches(Question::Agenda).await
    }

    /// Says that a run is over.
    pub(super) async fn run_over(&self, run: Run) -> Result<(), Lost> {
        self.ask_batches(|reply| Question::RunOver(run, reply)).await
    }

    /// Says what became of inputs that were asked about live; whether all of these jobs have ended.
    pub(super) async fn asked(&self, ended: Vec<Ended>) -> Result<bool, Lost> {
        self.ask_batches(|reply| Question::Asked(ended, reply)).await
    }

    async fn ask_batches<T>(&self, question: impl FnOnce(Sender<T>) -> Question) -> Result<T, Lost> {
        let asked = self.ask(|reply| store::Request::Batches(question(reply))).await;
        asked.map_err(|_: Refusal| Lost)
    }
}

impl Store for store::Store {
    async fn open(&self) -> Result<Vec<Open>, Lost> {
        self.ask_batches(Question::Open).await
    }

    async fn waiting(&self, route: &Arc<Route>, after: Option<i64>, limit: usize) -> Result<Vec<Waiting>, Lost> {
        self.ask_batches(|reply| Question::Waiting(route.clone(), after, limit, reply)).await
    }

    async fn build(&self, part: Part) -> Result<Option<Made>, Lost> {
        self.ask_batches(|reply| Question::Build(part, reply)).await
    }

    async fn too_large(&self, jobs: Vec<i64>) -> Result<(), Lost> {
        self.ask_batches(|reply| Question::TooLarge(jobs, reply)).await
    }

    async fn requests(&self, batch: i64, from: u32, limit: usize) -> Result<Vec<Request>, Lost> {
        self.ask_batches(|reply| Question::Requests(batch, from, limit, reply)).await
    }

    async fn outlines(&self, batch: i64, from: u32, limit: usize) -> Result<Vec<Outline>, Lost> {
        self.ask_batches(|reply| Question::Outlines(batch, from, limit, reply)).await
    }

    async fn keep(&self, before: &Batch, after: &Batch, rest: Rest) -> Result<(), Lost> {
        let records = Box::new([before.clone(), after.clone()]);
        let kept = self.ask_batches(|reply| Question::Keep(records, rest, reply)).await?;
        if kept { Ok(()) } else { Err(Lost) }
    }

    async fn ingest(&self, batch: i64, results: Vec<LineResult>) -> Result<(), Lost> {
        if results.is_empty() {
            return Ok(());
        }
        self.ask_batches(|reply| Question::Ingest(batch, results, reply)).await
    }
}
