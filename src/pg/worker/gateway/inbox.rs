//! What the gateway's threads ask of the database: all that is there is done in one transaction, and answered once that is
//! committed. Where it fails, each question gets a transaction of its own: one that cannot be done takes no other with it.
//!
//! Somebody waits for what is looked up and reserved. For what is closed nobody does: it waits a moment, so that it stands
//! in nobody's way and many share a flush.

use super::backlog::{Backlog, Late};
use super::batches::{Batches, Desk};
use super::closing::{self, Booking};
use super::work::{Done, Work};
use crate::pg::xact::{self, Failed};
use crate::pg::{error, world};
use pg_categorize_core::cascade::Reason;
use pg_categorize_gateway::batches::{Question, Reply};
use pg_categorize_gateway::store::{Attempt, AttemptOutcome, Closing, NotReserved, Refusal, Request, Reserved};
use pgrx::pg_sys;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

/// Questions in one transaction.
const TOGETHER: usize = 256;

/// How long what nobody waits for may wait.
const LINGER: Duration = Duration::from_millis(5);

/// The main thread's end of the inbox.
pub struct Inbox {
    requests: Receiver<Request>,
    /// What nobody waits for, since when the oldest is there.
    lingering: Vec<Request>,
    since: Instant,
    work: Work,
    backlog: Backlog,
}

impl Inbox {
    /// Reads questions from here.
    pub fn new(requests: Receiver<Request>) -> Self {
        let (lingering, since) = (Vec::new(), Instant::now());
        Self { requests, lingering, since, work: Work::default(), backlog: Backlog::default() }
    }

    /// Does what is there, but for what may wait; whether there may be more.
    pub fn drain(&mut self) -> bool {
        let batch: Vec<Request> = self.requests.try_iter().take(TOGETHER).collect();
        let is_full = batch.len() == TOGETHER;
        let (questions, batch): (Vec<_>, Vec<_>) =
            batch.into_iter().partition(|request| matches!(request, Request::Batches(_)));
        let (urgent, may_wait): (Vec<_>, Vec<_>) =
            batch.into_iter().partition(|request| !matches!(request, Request::Close(..) | Request::Alert(_)));
        if self.lingering.is_empty() {
            self.since = Instant::now();
        }
        self.lingering.extend(may_wait);
        // What one tenant paid for may be what another is given; they have no flight in common. What was answered just now is
        // near to what comes now.
        let needs_all = |request: &Request| matches!(request, Request::Confirm(_) | Request::Compare(..));
        if urgent.iter().any(|request| shares_answers(request) || needs_all(request)) {
            self.settle();
        }
        let refused = self.together(urgent);
        let is_time = self.since.elapsed() >= LINGER || self.lingering.len() >= TOGETHER;
        // What comes back may be what somebody lacks.
        if !self.lingering.is_empty() && (is_time || !refused.is_empty()) {
            self.settle();
        }
        self.together(refused);
        self.catch_up(false);
        // Nobody is in a hurry for these, and no job ends before its answer is stored.
        if !questions.is_empty() {
            self.settle();
        }
        for question in questions {
            if let Request::Batches(question) = question {
                self.answer_batches(question);
            }
        }
        is_full
    }

    fn answer_batches(&mut self, question: Question) {
        match question {
            Question::Agenda(reply) => self.durably(reply, |batches, desk| batches.agenda(desk)),
            Question::RunOver(run, reply) => self.durably(reply, |batches, _| batches.run_over(run)),
            Question::Asked(mut ended, reply) => {
                // What is not stored yet is asked about once more, and found.
                let all = ended.len();
                ended.retain(|ended| ended.reason.is_some() || !self.backlog.has_answer(&ended.key));
                let all_end = ended.len() == all;
                self.durably(reply, |batches, _| {
                    batches.asked(&ended);
                    all_end
                });
            }
            Question::Open(reply) => self.durably(reply, |batches, desk| batches.open(desk)),
            Question::Waiting(route, after, limit, reply) => {
                self.durably(reply, |batches, desk| batches.waiting(&route, after, limit, desk));
            }
            Question::Build(part, reply) => self.durably(reply, |batches, desk| batches.build(&part, desk)),
            Question::TooLarge(jobs, reply) => self.durably(reply, |batches, _| batches.too_large(&jobs)),
            Question::Requests(batch, from, limit, reply) => {
                self.durably(reply, |batches, desk| batches.requests(batch, from, limit, desk));
            }
            Question::Outlines(batch, from, limit, reply) => {
                self.durably(reply, |batches, desk| batches.outlines(batch, from, limit, desk));
            }
            Question::Keep(records, rest, reply) => {
                let [before, after] = *records;
                self.durably(reply, |batches, desk| batches.keep(&before, &after, rest, desk));
            }
            Question::Ingest(batch, results, reply) => {
                self.durably(reply, |batches, desk| batches.ingest(batch, &results, desk));
            }
        }
    }

    /// Replies once a transaction of its own is committed; not at all where it fails.
    fn durably<T>(&mut self, reply: Reply<T>, answer: impl FnOnce(&mut Batches, &mut Desk<'_>) -> T) {
        let work = &mut self.work;
        match xact::attempt(|| work.for_batches(answer)) {
            Ok(answer) => _ = answer.map(|answer| reply.send(answer)),
            Err(failed) => {
                self.work.books.forget();
                let detail = format!("The error was: {}.", failed.message);
                error::log("a transaction of the gateway about batches failed", Some(detail), None);
            }
        }
        report_statistics();
    }

    /// Does what was left to wait.
    pub fn settle(&mut self) {
        let lingering = std::mem::take(&mut self.lingering);
        self.together(lingering);
    }

    /// Does these in one transaction. Returns those that there is no money for, while some may be about to come back.
    fn together(&mut self, batch: Vec<Request>) -> Vec<Request> {
        let mut refused = Vec::new();
        if batch.is_empty() {
            return refused;
        }
        match self.attempt(&batch) {
            Ok(done) => {
                for (request, done) in batch.into_iter().zip(done) {
                    if !self.lingering.is_empty() && is_out_of_money(&done) {
                        refused.push(request);
                    } else {
                        self.reply(request, done);
                    }
                }
            }
            Err(_) => batch.into_iter().for_each(|request| self.alone(request)),
        }
        refused
    }

    /// Whether something changed of what plans are made of.
    pub fn plans_changed(&mut self) -> bool {
        self.work.plans.take_changed()
    }

    /// Has everything read anew.
    pub fn forget_plans(&mut self) {
        self.work.plans.forget();
        self.work.books.forget();
    }

    /// Whether the extension is gone, or of another version.
    pub fn is_orphaned(&self) -> bool {
        self.work.orphaned
    }

    /// How long until something is to be done, whether anybody asks or not.
    pub fn rest(&self) -> Option<Duration> {
        let linger = (!self.lingering.is_empty()).then(|| LINGER.saturating_sub(self.since.elapsed()));
        [linger, self.backlog.rest(), self.work.bought.rest()].into_iter().flatten().min()
    }

    /// Whether something is to be tried again.
    pub fn has_backlog(&self) -> bool {
        !self.lingering.is_empty() || self.backlog.rest().is_some()
    }

    /// Tries once more to store what could not be stored, at the end.
    pub fn store_backlog(&mut self) {
        self.settle();
        self.catch_up(true);
        self.work.bought.store_late();
    }

    fn attempt(&mut self, batch: &[Request]) -> Result<Vec<Done>, Failed> {
        let Self { work, backlog, .. } = self;
        let done = xact::attempt(|| work.run(batch, backlog));
        report_statistics();
        done.inspect_err(|failed| {
            // What it wrote is undone.
            self.work.books.forget();
            error::log(
                "a transaction of the gateway failed",
                Some(format!("The error was: {}.", failed.message)),
                None,
            );
        })
    }

    fn alone(&mut self, request: Request) {
        match self.attempt(std::slice::from_ref(&request)) {
            Ok(mut done) => {
                if let Some(done) = done.pop() {
                    self.reply(request, done);
                }
            }
            Err(failed) => self.give_up(request, &failed),
        }
    }

    fn give_up(&mut self, request: Request, failed: &Failed) {
        // The class only: a message may quote what was asked.
        let refusal = || {
            let detail = format!("A transaction of the gateway failed ({:?}); the server's log says why.", failed.code);
            Refusal::because(Reason::GatewayDown, detail)
        };
        match request {
            Request::LookUp(_, reply) => _ = reply.send(Err(refusal())),
            Request::Reserve(_, reply) => _ = reply.send(Err(NotReserved::Refused(refusal()))),
            Request::Close(mut closing, reply) => {
                // Before the reply: who hears it asks what is to be bought next.
                self.work.bought.keep(&mut closing);
                self.backlog.keep_money(closing);
                _ = reply.send(());
            }
            Request::LackVectors(_, reply) => {
                self.work.shelf.begin_anew();
                _ = reply.send(None);
            }
            Request::KeepVectors(_, _, reply) => _ = reply.send(false),
            Request::Compare(_, reply) => _ = reply.send(Vec::new()),
            // Within the hour it is done all the same, or with the next vectors.
            Request::Confirm(_)
            | Request::Alert(_)
            | Request::HoldVectors(..)
            | Request::NoVectors(..)
            | Request::Batches(_) => {}
        }
    }

    fn reply(&mut self, request: Request, done: Done) {
        match (request, done) {
            (Request::LookUp(_, reply), Done::Known(known)) => _ = reply.send(known),
            (Request::Reserve(attempt, reply), Done::Reserved(reserved)) => {
                // Nobody is there to send it any more.
                if let Err(Ok(unused)) = reply.send(reserved) {
                    self.backlog.keep_money(release(attempt, unused));
                }
            }
            (Request::Close(closing, reply), Done::Closed(stored)) => {
                if !stored {
                    let mut closing = closing;
                    self.backlog.keep_brought(&mut closing);
                }
                _ = reply.send(());
            }
            (Request::LackVectors(_, reply), Done::Lacking(lacking)) => _ = reply.send(lacking),
            (Request::KeepVectors(_, _, reply), Done::Kept(kept)) => _ = reply.send(kept),
            (Request::Compare(_, reply), Done::Compared(compared)) => _ = reply.send(compared),
            _ => {}
        }
    }

    /// Does again what could not be done, if it is time for it.
    fn catch_up(&mut self, now: bool) {
        if self.work.bought.rest() == Some(Duration::ZERO) {
            self.work.bought.store_late();
        }
        let Some((money, answers)) = self.backlog.take(now) else { return };
        for closing in money {
            let books = &mut self.work.books;
            let booked = xact::attempt(|| world::as_owner(|| closing::book(&[Booking::from(&closing)], books)));
            if booked.is_err() {
                self.work.books.forget();
                self.backlog.keep_money(closing);
            }
        }
        for late in answers {
            self.store_late(late);
        }
        report_statistics();
    }

    fn store_late(&mut self, late: Late) {
        let plans = &mut self.work.plans;
        let stored = xact::attempt(|| world::as_owner(|| closing::store(&[late.brought()], plans)));
        if !stored.unwrap_or(false) {
            self.backlog.keep(late);
        }
    }
}

fn shares_answers(request: &Request) -> bool {
    matches!(request, Request::LookUp(ask, _) if ask.keys.iter().any(|key| key.shared.is_some()))
}

fn is_out_of_money(done: &Done) -> bool {
    matches!(done, Done::Reserved(Err(NotReserved::Refused(refusal))) if refusal.reason == Reason::BudgetExceeded)
}

fn release(attempt: Attempt, reserved: Reserved) -> Closing {
    Closing {
        attempt: reserved.attempt,
        outcome: AttemptOutcome::Released,
        route: attempt.route,
        plan: attempt.plan,
        shares: Vec::new(),
        answers: Vec::new(),
        decided: Vec::new(),
        audits: Vec::new(),
        vectors: Vec::new(),
    }
}

fn report_statistics() {
    // SAFETY: a plain call outside of any transaction.
    unsafe { pg_sys::pgstat_report_stat(false) };
}
