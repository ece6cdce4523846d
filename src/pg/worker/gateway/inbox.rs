//! What the gateway's threads ask of the database: all that is there is done in one transaction, and answered once that is
//! committed. Where it fails, each question gets a transaction of its own: one that cannot be done takes no other with it.

use super::books::Books;
use super::closing::{self, Backlog, Brought, Late};
use super::look_up::look_up;
use super::plans::Plans;
use crate::pg::xact::{self, Failed};
use crate::pg::{error, freshness, spi, world};
use pg_categorize_core::cascade::Reason;
use pg_categorize_gateway::store::{Attempt, AttemptOutcome, Closing, Known, Refusal, Request, Reserved};
use std::sync::mpsc::Receiver;
use std::time::Duration;

/// Questions in one transaction.
const TOGETHER: usize = 256;

/// The main thread's end of the inbox.
pub struct Inbox {
    requests: Receiver<Request>,
    work: Work,
    backlog: Backlog,
}

/// What is kept between transactions.
#[derive(Default)]
struct Work {
    plans: Plans,
    books: Books,
    generation: Option<u64>,
    orphaned: bool,
}

/// What became of a question.
enum Done {
    Known(Result<Known, Refusal>),
    Reserved(Result<Reserved, Refusal>),
    /// Whether the answers are stored.
    Closed(bool),
    Noted,
}

impl Inbox {
    /// Reads questions from here.
    pub fn new(requests: Receiver<Request>) -> Self {
        Self { requests, work: Work::default(), backlog: Backlog::default() }
    }

    /// Does what is there; whether there may be more.
    pub fn drain(&mut self) -> bool {
        let batch: Vec<Request> = self.requests.try_iter().take(TOGETHER).collect();
        let is_full = batch.len() == TOGETHER;
        if !batch.is_empty() {
            match self.attempt(&batch) {
                Ok(done) => batch.into_iter().zip(done).for_each(|(request, done)| self.reply(request, done)),
                Err(_) => batch.into_iter().for_each(|request| self.alone(request)),
            }
        }
        self.catch_up(false);
        is_full
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

    /// How long until something is tried again.
    pub fn rest(&self) -> Option<Duration> {
        self.backlog.rest()
    }

    /// Whether something is to be tried again.
    pub fn has_backlog(&self) -> bool {
        self.backlog.rest().is_some()
    }

    /// Tries once more to store what could not be stored, at the end.
    pub fn store_backlog(&mut self) {
        self.catch_up(true);
    }

    fn attempt(&mut self, batch: &[Request]) -> Result<Vec<Done>, Failed> {
        let Self { work, backlog, .. } = self;
        let done = xact::attempt(|| work.run(batch, backlog));
        report_statistics();
        done.inspect_err(|failed| {
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
            Request::Reserve(_, reply) => _ = reply.send(Err(refusal())),
            Request::Close(closing, reply) => {
                self.backlog.keep_money(closing);
                _ = reply.send(());
            }
            Request::Alert(_) => {}
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
                    self.backlog.keep_answers(&closing.plan, &closing.route, closing.answers);
                }
                _ = reply.send(());
            }
            _ => {}
        }
    }

    /// Does again what could not be done, if it is time for it.
    fn catch_up(&mut self, now: bool) {
        let Some((money, answers)) = self.backlog.take(now) else { return };
        for closing in money {
            let booked = xact::attempt(|| world::as_owner(|| closing::book(&[&closing])));
            if booked.is_err() {
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
            late.keep(&mut self.backlog);
        }
    }
}

impl Work {
    fn run(&mut self, batch: &[Request], backlog: &Backlog) -> Vec<Done> {
        // Who drops or updates the extension changes all tables that are watched.
        let generation = Some(freshness::plans());
        if self.generation != generation {
            self.generation = generation;
            self.orphaned = !super::is_here();
        }
        if self.orphaned {
            return batch.iter().map(refuse).collect();
        }
        world::as_owner(|| self.answer(batch, backlog))
    }

    /// Money that comes back first: others may have it in the same transaction.
    fn answer(&mut self, batch: &[Request], backlog: &Backlog) -> Vec<Done> {
        self.plans.refresh();
        let closings: Vec<&Closing> = batch.iter().filter_map(closing).collect();
        closing::book(&closings);
        let brought: Vec<Brought<'_>> = closings.iter().map(|c| (&c.plan, &c.route, &c.answers[..])).collect();
        let stored = closing::store(&brought, &mut self.plans);
        let attempts: Vec<&Attempt> = batch.iter().filter_map(attempt).collect();
        let mut reserved = if attempts.is_empty() { Vec::new() } else { self.books.reserve(&attempts) }.into_iter();
        let mut done = Vec::with_capacity(batch.len());
        for request in batch {
            done.push(match request {
                Request::LookUp(ask, _) => Done::Known(look_up(ask, &mut self.plans, &mut self.books, backlog)),
                Request::Reserve(..) => {
                    Done::Reserved(reserved.next().unwrap_or_else(|| Err(Refusal::new(Reason::GatewayDown))))
                }
                Request::Close(..) => Done::Closed(stored),
                Request::Alert(alert) => {
                    spi::insert_alert(alert.kind, &alert.provider, &alert.model, &alert.message);
                    Done::Noted
                }
            });
        }
        done
    }
}

fn closing(request: &Request) -> Option<&Closing> {
    match request {
        Request::Close(closing, _) => Some(closing),
        _ => None,
    }
}

fn attempt(request: &Request) -> Option<&Attempt> {
    match request {
        Request::Reserve(attempt, _) => Some(attempt),
        _ => None,
    }
}

fn refuse(request: &Request) -> Done {
    let refusal = Refusal::because(Reason::GatewayDown, "The extension was dropped or updated.");
    match request {
        Request::LookUp(..) => Done::Known(Err(refusal)),
        Request::Reserve(..) => Done::Reserved(Err(refusal)),
        Request::Close(..) => Done::Closed(true),
        Request::Alert(_) => Done::Noted,
    }
}

fn release(attempt: Attempt, reserved: Reserved) -> Closing {
    Closing {
        attempt: reserved.attempt,
        outcome: AttemptOutcome::Released,
        route: attempt.route,
        plan: attempt.plan,
        shares: Vec::new(),
        answers: Vec::new(),
    }
}

fn report_statistics() {
    // SAFETY: a plain call outside of any transaction.
    unsafe { pgrx::pg_sys::pgstat_report_stat(false) };
}
