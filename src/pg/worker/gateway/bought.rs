//! Vectors that were bought, or made here: stored with the money that they cost, or as soon as they can be.

use super::vectors::{current, wanted_by};
use crate::pg::spi::{self, Holding, NewVector};
use crate::pg::{error, world, xact};
use pg_categorize_core::money::Money;
use pg_categorize_gateway::plan::Plan;
use pg_categorize_gateway::store::{self, AttemptOutcome, Closing};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long until it is tried again to store vectors.
const STORE_AGAIN: Duration = Duration::from_secs(5);

/// Vectors that are paid for and could not be stored yet; while there are some, nothing is handed out.
#[derive(Default)]
pub struct Bought {
    late: Vec<Late>,
    /// When that was tried last.
    tried: Option<Instant>,
}

/// The vectors of a request that could not be stored yet, and what they cost.
struct Late {
    attempt: i64,
    plan: Arc<Plan>,
    vectors: Vec<store::NewVector>,
    cost: Money,
}

impl Bought {
    /// Whose vectors wait to be stored, if any do.
    pub fn waits(&self) -> Option<&Arc<Plan>> {
        self.late.first().map(|late| &late.plan)
    }

    /// Keeps the vectors of a request, and what they cost.
    pub fn take(&mut self, closing: &Closing) {
        let Some((taxonomy, model)) = wanted_by(&closing.plan).filter(|_| concerns(closing)) else { return };
        let cost = cost_of(closing);
        // A transaction that fails afterwards is done anew.
        self.late.retain(|late| late.attempt != closing.attempt);
        let stored = AssertUnwindSafe(|| store(&closing.plan, &closing.vectors, taxonomy, model, cost));
        let failed = match xact::contained(|| { stored }()) {
            Ok(Ok(())) => return,
            Ok(Err(why)) => why.to_owned(),
            Err(message) => message,
        };
        error::log("gateway stores vectors later", Some(format!("The error was: {failed}.")), None);
        if !closing.vectors.is_empty() {
            self.push(closing, closing.vectors.clone());
        }
    }

    /// Takes over what a request brought whose end could not be committed: its money is booked later, by itself.
    pub fn keep(&mut self, closing: &mut Closing) {
        self.late.retain(|late| late.attempt != closing.attempt);
        let vectors = std::mem::take(&mut closing.vectors);
        if wanted_by(&closing.plan).is_some() && (!vectors.is_empty() || cost_of(closing) > Money::ZERO) {
            self.push(closing, vectors);
        }
    }

    fn push(&mut self, closing: &Closing, vectors: Vec<store::NewVector>) {
        let (attempt, plan, cost) = (closing.attempt, closing.plan.clone(), cost_of(closing));
        self.late.push(Late { attempt, plan, vectors, cost });
        self.tried = Some(Instant::now());
    }

    /// How long until it is to be tried again to store what could not be stored.
    pub fn rest(&self) -> Option<Duration> {
        let elapsed = self.tried.map_or(Duration::MAX, |tried| tried.elapsed());
        (!self.late.is_empty()).then(|| STORE_AGAIN.saturating_sub(elapsed))
    }

    /// Stores what could not be stored before, each request's in a transaction of its own, up to the first that fails again.
    /// Outside of any transaction.
    pub fn store_late(&mut self) {
        while let Some(late) = self.late.pop() {
            let Some((taxonomy, model)) = wanted_by(&late.plan) else { continue };
            let stored =
                xact::attempt(|| world::as_owner(|| store(&late.plan, &late.vectors, taxonomy, model, late.cost)));
            if !matches!(stored, Ok(Ok(()))) {
                self.late.push(late);
                self.tried = Some(Instant::now());
                return;
            }
        }
    }
}

/// Whether an attempt was for vectors, or brought some beside its answers.
fn concerns(closing: &Closing) -> bool {
    closing.plan.embeds.is_some() || !closing.vectors.is_empty()
}

/// What vectors cost: not what the answers did beside which they came.
fn cost_of(closing: &Closing) -> Money {
    match closing.outcome {
        AttemptOutcome::Settled { .. } if closing.plan.embeds.is_none() => Money::ZERO,
        AttemptOutcome::Settled { cost, .. } => cost,
        AttemptOutcome::Released | AttemptOutcome::InDoubt => Money::ZERO,
    }
}

/// Stores vectors that were made and cost nothing; whether that was possible. They are made anew where it was not.
pub fn keep_made(plan: &Plan, vectors: &[store::NewVector]) -> bool {
    let Some((taxonomy, model)) = wanted_by(plan) else { return true };
    let stored = AssertUnwindSafe(|| store(plan, vectors, taxonomy, model, Money::ZERO));
    let failed = match xact::contained(|| { stored }()) {
        Ok(Ok(())) => return true,
        Ok(Err(why)) => why.to_owned(),
        Err(message) => message,
    };
    error::log("gateway could not store vectors", Some(format!("The error was: {failed}.")), None);
    false
}

/// Stores vectors in the index that they were bought for; where there is none any more, or it has vectors of another length,
/// nobody can use them.
///
/// # Errors
/// Why they cannot be stored for now.
pub fn store(
    plan: &Plan,
    new: &[store::NewVector],
    taxonomy: i32,
    model: &str,
    cost: Money,
) -> Result<(), &'static str> {
    let Some(mut index) = current(taxonomy, model) else { return Ok(()) };
    let length = new.first().map_or(0, |new| new.vector.len());
    let mut stored = 0;
    if length > 0 {
        let Some(pgvector) = spi::pgvector().filter(|pgvector| pgvector.has_halfvec) else {
            return Err("pgvector is gone, or has no type halfvec");
        };
        if index.has_lost_its_table() {
            return Err("the table of the index is gone");
        }
        if index.table.is_none() {
            spi::create_table(index.id, Holding::Vectors(&pgvector, length));
            index.dimensions = length;
        }
        // Of another length are those of a model that was changed at the provider.
        if index.dimensions == length {
            let vector = |new: &store::NewVector| NewVector {
                fingerprint: new.key,
                tenant: plan.tenant.clone(),
                embedding: new.vector.clone(),
            };
            stored = spi::insert_vectors(index.id, &pgvector, &new.iter().map(vector).collect::<Vec<_>>());
        }
    }
    spi::add_cost(index.id, cost, stored);
    Ok(())
}
