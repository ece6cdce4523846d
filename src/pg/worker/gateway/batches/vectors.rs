//! Vectors of stored texts, on their way through batches: their requests are queued by `gateway::vectors`, where many texts lack them.

use super::Desk;
use super::ending::{reason_after, state_after};
use crate::pg::spi::{self, BatchedJob, WaitingVectors};
use crate::pg::worker::gateway::bought;
use crate::pg::worker::gateway::vectors::current;
use pg_categorize_core::batch::after;
use pg_categorize_core::cascade::Reason;
use pg_categorize_core::choices::Choices;
use pg_categorize_core::money::Money;
use pg_categorize_gateway::batches::LineResult;
use pg_categorize_gateway::embeddings;
use pg_categorize_gateway::plan::{Plan, Route};
use pg_categorize_gateway::store::{AttemptOutcome, NewVector};

/// What is to be done with a request that waits.
#[derive(Clone, Copy)]
pub(super) enum Fit {
    /// It is sent.
    Sent,
    /// It waits for another batch.
    Waits,
    /// Nobody wants it any more.
    Over,
}

/// Whether vectors of a tenant's texts are wanted still, by this embedding, and may be bought now.
pub(super) fn fit(desk: &mut Desk<'_>, tenant: &str, taxonomy: i32, model: Option<&str>) -> Fit {
    match desk.plans.vectors(tenant, taxonomy) {
        _ if model.is_none() => Fit::Over,
        Ok(plan) if plan.embeds.as_ref().map(|embeds| embeds.model.as_str()) != model => Fit::Over,
        // What is left of a budget is for those who wait.
        Ok(plan) if desk.books.is_soft(&plan) => Fit::Waits,
        Ok(_) => Fit::Sent,
        Err(refusal) if matches!(refusal.reason, Reason::NoTaxonomy | Reason::ExternalOff) => Fit::Over,
        // Another kind of embedding was chosen, or the provider cannot be asked for now.
        Err(_) => desk.plans.taxonomy(taxonomy).map_or(Fit::Over, |taxonomy| {
            if Some(taxonomy.settings.embedding.id().as_str()) == model { Fit::Waits } else { Fit::Over }
        }),
    }
}

/// Ends what waits for a batch that will never be: its texts get their vectors live, where they are wanted still.
pub(super) fn leave(desk: &mut Desk<'_>) {
    for waiting in spi::waiting_vectors() {
        if let Some((state, reason)) = way_out(desk, &waiting) {
            spi::move_all(&spi::jobs_of_vectors(&waiting), state, reason.map(Reason::as_str));
        }
    }
}

/// How requests end that wait for no batch any more; `None` where they wait for one. A provider that cannot be asked for now may sell
/// them later.
fn way_out(desk: &mut Desk<'_>, waiting: &WaitingVectors) -> Option<(&'static str, Option<Reason>)> {
    let Some(taxonomy) = desk.plans.taxonomy(waiting.taxonomy) else { return Some(("cancelled", None)) };
    if taxonomy.settings.batch_vectors().is_none() {
        return Some(("failed", None));
    }
    let plan = desk.plans.vectors(&waiting.tenant, waiting.taxonomy).ok()?;
    let live = plan.routes.first().filter(|route| route.price.is_some() && route.model.name == waiting.model)?;
    desk.plans.batch_route(live).is_none().then_some(("failed", Some(Reason::UnknownPrice)))
}

/// What becomes of the job of a request that was in so many batches: the vectors that it brought are stored, with what they cost.
pub(super) fn end(
    job: &BatchedJob,
    taxonomy: i32,
    result: &LineResult,
    attempts: i16,
    route: &Route,
) -> (&'static str, Option<&'static str>) {
    // Without its index nobody can use them.
    let Some((model, keys)) = spi::queued_vectors(job.id) else { return ("done", None) };
    let cost = match result.money {
        AttemptOutcome::Settled { cost, .. } => cost,
        AttemptOutcome::Released | AttemptOutcome::InDoubt => Money::ZERO,
    };
    let unusable = ("failed", Some(Reason::InvalidAnswer.as_str()));
    let Some(reply) = &result.reply else {
        let next = after(result.end, attempts.unsigned_abs().into(), false);
        return (state_after(next), reason_after(next, result.end));
    };
    let index = current(taxonomy, &model);
    let fits = |vectors: &Vec<Vec<f32>>| {
        let length = index.as_ref().map_or(0, |index| index.dimensions);
        length == 0 || vectors.iter().all(|vector| vector.len() == length)
    };
    let Some(vectors) = embeddings::read_reply(route, reply, keys.len()).filter(fits) else {
        if let Some(index) = index {
            spi::add_cost(index.id, cost, 0);
        }
        return unusable;
    };
    let plan = Plan { tenant: job.tenant.clone(), ..Plan::new(Choices::new(Vec::new()), Vec::new()) };
    let new: Vec<NewVector> = keys.into_iter().zip(vectors).map(|(key, vector)| NewVector { key, vector }).collect();
    match bought::store(&plan, &new, taxonomy, &model, cost) {
        Ok(()) => {
            spi::forget_vectors(&[job.id]);
            ("done", None)
        }
        // pgvector is gone, or the table: as soon as there is another, they are bought anew.
        Err(_) => unusable,
    }
}
