//! What is done of what was asked of the database, in one transaction, and what is kept from one to the next.

use super::backlog::Backlog;
use super::batches::{self, Batches};
use super::books::Books;
use super::bought::{self, Bought};
use super::closing::{self, Booking, Brought};
use super::comparing::compare;
use super::look_up::look_up;
use super::plans::Plans;
use super::vectors::Shelf;
use crate::pg::{catalog, due, freshness, spi, world};
use pg_categorize_core::cascade::Reason;
use pg_categorize_core::fingerprint::Fingerprint;
use pg_categorize_gateway::store::{
    Attempt, Closing, Compared, Known, LackVectors, NotReserved, Refusal, Request, Reserved,
};
use pgrx::pg_sys;
use std::collections::HashSet;

/// What is kept between transactions.
#[derive(Default)]
pub struct Work {
    /// How inputs are asked about.
    pub plans: Plans,
    /// What budgets have left.
    pub books: Books,
    /// Which texts lack vectors.
    pub shelf: Shelf,
    /// Vectors that are to be stored.
    pub bought: Bought,
    batches: Batches,
    generation: Option<u64>,
    /// Which extension this is the gateway of: the OID of one of its tables.
    tables: Option<Option<pg_sys::Oid>>,
    /// Whether the extension is gone, or of another version.
    pub orphaned: bool,
}

/// What became of a question.
pub enum Done {
    Known(Result<Known, Refusal>),
    Reserved(Result<Reserved, NotReserved>),
    /// Whether answers and audits are stored.
    Closed(bool),
    Compared(Vec<Compared>),
    Lacking(Option<LackVectors>),
    /// Whether vectors that were made are stored.
    Kept(bool),
    Noted,
}

impl Work {
    /// Does these, in their order, but for money that comes back, which comes first.
    pub fn run(&mut self, batch: &[Request], backlog: &mut Backlog) -> Vec<Done> {
        if !self.is_ours() {
            return batch.iter().map(refuse).collect();
        }
        // As the superuser, who sees when the transactions of others began; before anything is read.
        let until = batch.iter().any(|request| matches!(request, Request::LackVectors(..)));
        let until = until.then(spi::all_written_before).flatten();
        world::as_owner(|| self.answer(batch, until, backlog))
    }

    /// Answers what batches ask; `None` where the extension is gone.
    pub fn for_batches<T>(&mut self, answer: impl FnOnce(&mut Batches, &mut batches::Desk<'_>) -> T) -> Option<T> {
        if !self.is_ours() {
            return None;
        }
        let Self { plans, books, batches, generation, .. } = self;
        world::as_owner(|| {
            plans.refresh(*generation);
            Some(answer(batches, &mut batches::Desk { plans, books }))
        })
    }

    /// Whether this is still the gateway of the extension that is here.
    fn is_ours(&mut self) -> bool {
        // Who drops or updates the extension changes all tables that are watched.
        let generation = Some(freshness::plans());
        if self.generation != generation {
            self.generation = generation;
            let tables = super::is_here().then(|| catalog::tables().provider);
            // Another extension of our version is not ours: it counts attempts anew.
            self.orphaned = tables.is_none() || *self.tables.get_or_insert(tables) != tables;
        }
        !self.orphaned
    }

    /// Money that comes back first: others may have it in the same transaction.
    fn answer(&mut self, batch: &[Request], until: Option<i64>, backlog: &mut Backlog) -> Vec<Done> {
        self.plans.refresh(self.generation);
        self.shelf.refresh(self.generation);
        let closings: Vec<&Closing> = batch.iter().filter_map(closing).collect();
        closing::book(&closings.iter().map(|closing| Booking::from(*closing)).collect::<Vec<_>>(), &mut self.books);
        let brought: Vec<Brought<'_>> = closings.iter().map(|closing| Brought::from(*closing)).collect();
        let stored = closing::store(&brought, &mut self.plans);
        closings
            .iter()
            .filter(|closing| self.plans.keeps_vectors(closing))
            .for_each(|closing| self.bought.take(closing));
        let decided: Vec<_> = closings.iter().flat_map(|closing| closing.decided.iter().copied()).collect();
        let confirmed: Vec<_> = batch.iter().filter_map(confirmed).flatten().copied().collect();
        backlog.decide(&decided, &confirmed);
        if !confirmed.is_empty() {
            spi::confirm_unsure(&confirmed);
            due::unindexed();
        }
        // What was planned before a provider, a key or a price changed is not paid for.
        let current = self.current(batch);
        let holds = |attempt: &Attempt| current.contains(&attempt.plan.serial);
        let attempts: Vec<&Attempt> = batch.iter().filter_map(attempt).filter(|attempt| holds(attempt)).collect();
        let mut reserved = if attempts.is_empty() { Vec::new() } else { self.books.reserve(&attempts) }.into_iter();
        let mut done = Vec::with_capacity(batch.len());
        for request in batch {
            done.push(match request {
                Request::LookUp(ask, _) => Done::Known(look_up(ask, &mut self.plans, &mut self.books, backlog)),
                Request::Reserve(attempt, _) if !holds(attempt) => Done::Reserved(Err(NotReserved::Outdated)),
                Request::Reserve(..) => {
                    let reserved = reserved.next().unwrap_or_else(|| Err(Refusal::new(Reason::GatewayDown)));
                    Done::Reserved(reserved.map_err(NotReserved::Refused))
                }
                Request::Close(..) => Done::Closed(stored),
                Request::Compare(ask, _) => Done::Compared(compare(ask, &mut self.plans)),
                // Each of these has a transaction of its own.
                Request::Confirm(_) | Request::Batches(_) => Done::Noted,
                Request::LackVectors(without, _) => {
                    let Self { plans, books, shelf, bought, .. } = self;
                    Done::Lacking(shelf.next(without, until, bought, plans, books))
                }
                Request::KeepVectors(plan, vectors, _) => Done::Kept(bought::keep_made(plan, vectors)),
                Request::HoldVectors(plan, refusal) => {
                    self.shelf.hold(plan, refusal);
                    Done::Noted
                }
                Request::NoVectors(plan, keys) => {
                    self.shelf.leave_out(plan, keys);
                    Done::Noted
                }
                Request::Alert(alert) => {
                    spi::insert_alert(alert.kind, &alert.provider, &alert.model, &alert.message);
                    Done::Noted
                }
            });
        }
        done
    }

    /// The plans of these attempts that still hold.
    fn current(&mut self, batch: &[Request]) -> HashSet<u64> {
        let mut seen = HashSet::new();
        let plans = batch.iter().filter_map(attempt).map(|attempt| &attempt.plan);
        let of_each = plans.filter(|plan| seen.insert(plan.serial));
        of_each.filter(|plan| self.plans.holds(plan)).map(|plan| plan.serial).collect()
    }
}

fn closing(request: &Request) -> Option<&Closing> {
    match request {
        Request::Close(closing, _) => Some(closing),
        _ => None,
    }
}

fn confirmed(request: &Request) -> Option<&Vec<Fingerprint>> {
    match request {
        Request::Confirm(keys) => Some(keys),
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
        Request::Reserve(..) => Done::Reserved(Err(NotReserved::Refused(refusal))),
        Request::Close(..) => Done::Closed(true),
        Request::Compare(..) => Done::Compared(Vec::new()),
        Request::LackVectors(..) => Done::Lacking(None),
        Request::KeepVectors(..) => Done::Kept(false),
        Request::Confirm(_)
        | Request::Alert(_)
        | Request::HoldVectors(..)
        | Request::NoVectors(..)
        | Request::Batches(_) => Done::Noted,
    }
}
