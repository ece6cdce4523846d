//! One request for vectors, from its money to its end, and again while it is worth it.

use super::making;
use crate::attempt::{Brought, Closed, OpenAttempt};
use crate::desk::Desk;
use crate::dispatch::{ATTEMPT, cost, outcome};
use crate::health::{Intent, Permit};
use crate::plan::{Plan, ProviderKind, Route};
use crate::provider::{Charge, Ended, Failure, FailureClass};
use crate::sender::VectorParcel;
use crate::share::{Paid, shares};
use crate::store::{AttemptOutcome, NewVector, NotReserved, Refusal};
use crate::switch::Switch;
use pg_categorize_core::cascade::Reason;
use pg_categorize_core::embedding_model::{MOST_DIMENSIONS, too_long};
use pg_categorize_core::fingerprint::Fingerprint;
use pg_categorize_core::flow::retry;
use pg_categorize_core::frame::Asker;
use pg_categorize_core::money::Money;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Failures after which it is not sent again for now: each of them may have been charged.
const MOST_FAILURES: u32 = 3;

/// Texts of one tenant whose vectors are bought together.
pub(crate) struct Pack<'a> {
    /// How.
    pub(crate) plan: &'a Arc<Plan>,
    /// The texts with their keys.
    pub(crate) texts: &'a [(Fingerprint, &'a str)],
    /// Who pays for each; asked when they are about to be sent. None where nobody wants them any longer.
    pub(crate) payers: &'a (dyn Fn() -> Option<Vec<Asker>> + Sync),
    /// How long the vectors have to be, where that is known.
    pub(crate) length: Option<usize>,
    /// How long it may take until it is sent.
    pub(crate) patience: Duration,
    /// Whether somebody waits for them, and how long a request may take then: there is one, and what it brings is not stored
    /// with its money.
    pub(crate) haste: Option<Duration>,
}

/// What became of a pack.
pub(crate) enum Bought {
    /// Its vectors are paid for, for so much each where that is known, and stored where nobody waits for them.
    Vectors(Vec<Vec<f32>>, Vec<Money>),
    /// Nobody wants them any longer.
    Unwanted,
    /// What its plan was made of has changed.
    Outdated,
    /// Fewer texts may do, or a text cannot have a vector at all.
    TooMuch,
    /// The provider turns the request down, for what is in it or for how it is made.
    Rejected(Refusal),
    /// Nothing was bought.
    Refused(Refusal),
}

/// What follows from an attempt.
enum Step {
    Over(Bought),
    Failed(Failure),
}

/// Buys the vectors of a pack; those of a transformer in this process are made.
pub(crate) async fn buy(desk: &Arc<Desk>, switch: &mut watch::Receiver<Switch>, pack: &Pack<'_>) -> Bought {
    let Some(route) = pack.plan.routes.first() else { return Bought::Refused(Refusal::new(Reason::NoProvider)) };
    if route.provider.kind == ProviderKind::Transformer {
        return making::make(desk, switch, pack, route).await;
    }
    let Some(price) = &route.price else {
        let detail = format!("The model \"{}\" has no price.", route.model.name);
        return Bought::Refused(Refusal::because(Reason::UnknownPrice, detail));
    };
    let texts: Vec<&str> = pack.texts.iter().map(|(_, text)| *text).collect();
    let dimensions = pack.plan.embeds.as_ref().and_then(|embeds| embeds.dimensions);
    let deadline = desk.clock.now().saturating_add(pack.patience);
    let (mut failures, mut not_before) = (0, Duration::ZERO);
    let most_failures = if pack.haste.is_some() { 1 } else { MOST_FAILURES };
    loop {
        let parcel = match desk.sender.prepare_vectors(route, &texts, dimensions) {
            Ok(parcel) => parcel,
            Err(refusal) if matches!(refusal.reason, Reason::InputTooLarge | Reason::EmptyInput) => {
                return Bought::TooMuch;
            }
            Err(refusal) => return Bought::Refused(refusal),
        };
        let Some(worst_case) = price.price.worst_case(parcel.input_bound(), 0) else {
            return Bought::Refused(Refusal::new(Reason::RequestTooExpensive));
        };
        let failure = match attempt(desk, switch, pack, route, &*parcel, (worst_case, not_before.min(deadline))).await {
            Step::Over(bought) => return bought,
            Step::Failed(failure) => failure,
        };
        let because = |reason| {
            let detail = format!("provider {}: {}", route.provider.name, failure.detail);
            Refusal::because(reason, detail)
        };
        let refusal = |reason| Bought::Refused(because(reason));
        failures += 1;
        let pause = failure.retry_after.unwrap_or_else(|| retry::pause(failures, rand::random()));
        not_before = desk.clock.now().saturating_add(pause);
        match failure.class {
            FailureClass::ContextOverflow => return Bought::TooMuch,
            FailureClass::Rejected => return Bought::Rejected(because(Reason::ProviderError)),
            FailureClass::RateLimited if not_before > deadline || pack.haste.is_some() => {
                return refusal(Reason::RateLimited);
            }
            FailureClass::RateLimited => {}
            FailureClass::TimedOut if failures >= most_failures => return refusal(Reason::Timeout),
            FailureClass::Stopped => return refusal(Reason::ProviderError),
            _ if failures >= most_failures || not_before > deadline => return refusal(Reason::ProviderError),
            _ => {}
        }
    }
}

async fn attempt(
    desk: &Arc<Desk>,
    switch: &mut watch::Receiver<Switch>,
    pack: &Pack<'_>,
    route: &Arc<Route>,
    parcel: &dyn VectorParcel,
    (worst_case, not_before): (Money, Duration),
) -> Step {
    let refused = |refusal| Step::Over(Bought::Refused(refusal));
    let tokens = parcel.input_bound() / 4;
    let deadline = desk.clock.now().saturating_add(pack.patience).max(not_before);
    let free = |now| {
        let mut health = desk.health.lock();
        health.passes(route, now)?;
        Ok(not_before.max(now + health.held(route, now).max(health.wait(route, tokens, now))))
    };
    if let Err(refusal) = wait(desk, switch, deadline, free).await {
        return refused(refusal);
    }
    let intent = Intent::new(&desk.health, route, tokens);
    let Some(payers) = (pack.payers)() else { return Step::Over(Bought::Unwanted) };
    let asker = payers.into_iter().next().unwrap_or_default();
    let reserved = OpenAttempt::reserve(desk, pack.plan, route, worst_case, pack.texts.len(), asker).await;
    let mut open = match reserved {
        Ok(open) => open,
        Err(NotReserved::Outdated) => return Step::Over(Bought::Outdated),
        Err(NotReserved::Refused(refusal)) if refusal.reason == Reason::RequestTooExpensive && pack.texts.len() > 1 => {
            return Step::Over(Bought::TooMuch);
        }
        Err(NotReserved::Refused(refusal)) => return refused(refusal),
    };
    let permit = Permit::take(&desk.health, route, tokens, desk.clock.now());
    drop(intent);
    let Some(mut permit) = permit else {
        open.end(AttemptOutcome::Released, Vec::new());
        return refused(Refusal::new(Reason::BreakerOpen));
    };
    let place = |now| permit.moment(now).ok_or_else(|| Refusal::new(Reason::BreakerOpen));
    // Its place was free a moment ago. Who finds it taken looks at plan and price anew.
    if let Err(refusal) = wait(desk, switch, desk.clock.now() + Duration::from_secs(1), place).await {
        open.end(AttemptOutcome::Released, Vec::new());
        let taken = refusal.reason == Reason::RateLimited;
        return if taken { Step::Over(Bought::Outdated) } else { refused(refusal) };
    }
    let Some(payers) = (pack.payers)() else {
        open.end(AttemptOutcome::Released, Vec::new());
        return Step::Over(Bought::Unwanted);
    };
    permit.sent();
    open.sent();
    let aborted = async {
        let switched = switch.wait_for(|switch| switch.aborts_sent().is_some()).await;
        switched.ok().and_then(|switch| switch.aborts_sent())
    };
    let embedded = tokio::select! {
        biased;
        aborted = aborted => {
            open.end(AttemptOutcome::InDoubt, Vec::new());
            return refused(aborted.unwrap_or_else(|| Refusal::new(Reason::GatewayDown)));
        }
        embedded = parcel.send(route, pack.haste.unwrap_or(ATTEMPT)) => embedded,
    };
    let misfit = embedded.result.as_ref().ok().and_then(|vectors| misfit(vectors, pack));
    let result = embedded.result.and_then(|vectors| match &misfit {
        Some(detail) => Err(Failure::new(FailureClass::Unreadable, Charge::Unknown, detail.clone())),
        None => Ok(vectors),
    });
    let ended = Ended {
        result: result.as_ref().map(|_| Vec::new()).map_err(Clone::clone),
        usage: embedded.usage,
        limits: embedded.limits,
        latency: embedded.latency,
    };
    if let Some(alert) = permit.judge(&ended, desk.clock.now()) {
        desk.store.alert(alert);
    }
    let step = conclude(desk, pack, &payers, open, &ended, result).await;
    // The next ones are as long as these, and would be paid for as well.
    match misfit {
        Some(detail) => {
            let detail = format!("provider {}: {detail}", route.provider.name);
            refused(Refusal::because(Reason::InvalidAnswer, detail))
        }
        None => step,
    }
}

/// Books what it cost, and has the vectors stored, unless somebody waits for them. It ends once both are committed: what is
/// asked for next must not be what was bought just now. Who waits does not wait for that.
async fn conclude(
    desk: &Desk,
    pack: &Pack<'_>,
    payers: &[Asker],
    open: OpenAttempt,
    ended: &Ended,
    result: Result<Vec<Vec<f32>>, Failure>,
) -> Step {
    let outcome = outcome(open.route(), ended, open.worst_case());
    let cost = cost(desk, &open, outcome);
    let costs = cost.map(|cost| cost.shares(pack.texts.len())).unwrap_or_default();
    let paid = payers.iter().zip(&costs);
    let shares = shares(paid.map(|(asker, cost)| Paid { asker, cost: *cost, answered: result.is_ok() }));
    let vectors = match result {
        Ok(vectors) => vectors,
        Err(failure) => {
            booked(pack, open.close(outcome, shares, Brought::default())).await;
            return Step::Failed(failure);
        }
    };
    let too_long = vectors.first().map(Vec::len).filter(|length| *length > MOST_DIMENSIONS).map(too_long);
    let new = |((key, _), vector): (&(Fingerprint, &str), &Vec<f32>)| NewVector { key: *key, vector: vector.clone() };
    let stays_out = too_long.is_some() || pack.haste.is_some();
    let brought = if stays_out { Vec::new() } else { pack.texts.iter().zip(&vectors).map(new).collect() };
    booked(pack, open.close(outcome, shares, Brought { vectors: brought, ..Brought::default() })).await;
    Step::Over(match too_long {
        Some(error) => {
            let sentences = [error.message, error.detail.unwrap_or_default(), error.hint.unwrap_or_default()];
            Bought::Refused(Refusal::because(Reason::InvalidAnswer, sentences.join(". ").replace(".. ", ". ")))
        }
        None => Bought::Vectors(vectors, costs),
    })
}

/// Waits until the end of an attempt is committed, unless somebody waits for what it brought.
async fn booked(pack: &Pack<'_>, closed: Closed) {
    match pack.haste {
        Some(_) => _ = tokio::spawn(closed),
        None => closed.await,
    }
}

/// What is wrong with vectors that are not as long as those before, or as was asked for.
pub(super) fn misfit(vectors: &[Vec<f32>], pack: &Pack<'_>) -> Option<String> {
    let asked_for = || pack.plan.embeds.as_ref().and_then(|embeds| embeds.dimensions);
    let length = pack.length.or_else(asked_for)?;
    let other = vectors.iter().map(Vec::len).find(|other| *other != length)?;
    Some(format!("vectors of {other} dimensions where {length} were expected"))
}

/// Waits until a moment that may move.
///
/// # Errors
/// Why it does not come before `deadline`, or at all.
async fn wait(
    desk: &Desk,
    switch: &mut watch::Receiver<Switch>,
    deadline: Duration,
    moment: impl Fn(Duration) -> Result<Duration, Refusal>,
) -> Result<(), Refusal> {
    loop {
        let refused = switch.borrow_and_update().refuses_new();
        if let Some(refusal) = refused {
            return Err(refusal);
        }
        let now = desk.clock.now();
        let at = moment(now)?;
        if at <= now {
            return Ok(());
        }
        if at > deadline {
            return Err(Refusal::because(Reason::RateLimited, "The limit of the provider is reached."));
        }
        tokio::select! {
            () = desk.clock.until(at) => {}
            changed = switch.changed() => if changed.is_err() { return Err(Refusal::new(Reason::GatewayDown)) },
        }
    }
}
