//! A request from its choice of a route to its end, and again while it is worth it. One task each.

use crate::attempt::{Brought, OpenAttempt};
use crate::desk::{Desk, Load, Rest};
use crate::health::{Intent, Permit, alert};
use crate::piece::Piece;
use crate::plan::{Grade, Route};
use crate::provider::{Charge, Ended, FailureClass};
use crate::route_choice::{Choice, Chosen, Trail};
use crate::store::{AttemptOutcome, NotReserved, Refusal};
use crate::switch::Switch;
use crate::verdicts::{self, Verdicts};
use pg_categorize_core::cascade::Reason;
use pg_categorize_core::choices::Choices;
use pg_categorize_core::frame::Request;
use pg_categorize_core::money::Money;
use pg_categorize_core::price::Usage;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How long an attempt may last, whoever waits for it.
pub(crate) const ATTEMPT: Duration = Duration::from_secs(60);

/// Money is set aside for a place among others that is no further off.
const SOON: Duration = Duration::from_secs(1);

/// Whether there is more to do for a request.
enum Step {
    Again,
    Done,
}

/// Sends a request until its inputs are answered, refused, or nobody waits for them.
pub(crate) async fn run(mut piece: Piece) {
    let desk = piece.desk.clone();
    let plan = piece.plan.clone();
    let mut switch = desk.switch.subscribe();
    let mut trail = Trail::new(plan.routes_of(piece.grade()));
    loop {
        let refused = switch.borrow_and_update().refuses_new();
        if let Some(refusal) = refused {
            return piece.refuse(&refusal);
        }
        let (mut loads, patience) = desk.load(&mut piece);
        let choices = desk.offer(&mut piece, &mut loads);
        if loads.is_empty() {
            return;
        }
        match trail.choose(&desk, (&plan, piece.grade()), (&choices, &loads), patience) {
            Choice::Nobody(refusal) if piece.grade() == Grade::Strong => return desk.downgrade(&mut piece, &refusal),
            Choice::Nobody(refusal) => return piece.refuse(&refusal),
            Choice::Smaller(most) => return piece.split(most),
            Choice::Go(chosen) => {
                let asked = (choices, loads);
                if matches!(attempt(&mut piece, &mut trail, &mut switch, asked, chosen).await, Step::Done) {
                    return;
                }
            }
        }
    }
}

async fn attempt(
    piece: &mut Piece,
    trail: &mut Trail,
    switch: &mut watch::Receiver<Switch>,
    (choices, mut loads): (Arc<Choices>, Vec<Load>),
    chosen: Chosen,
) -> Step {
    let (desk, plan) = (piece.desk.clone(), piece.plan.clone());
    let Chosen { index, route, parcel, worst_case, tokens, not_before, obstacle } = chosen;
    // A pause is waited out before money is set aside, a place among others after it.
    let pause = |now| {
        let mut health = desk.health.lock();
        let open = health.passes(&route, now).is_err();
        (!open).then(|| {
            let place = health.wait(&route, tokens, now).saturating_sub(SOON);
            not_before.max(now + health.held(&route, now).max(place))
        })
    };
    if !may_go(piece, switch, &obstacle, pause).await {
        return Step::Again;
    }
    let intent = Intent::new(&desk.health, &route, tokens);
    let asker = loads.first().map(|load| load.payer.asker.clone()).unwrap_or_default();
    let mut open = match OpenAttempt::reserve(&desk, &plan, &route, worst_case, loads.len(), asker).await {
        Ok(open) => open,
        Err(NotReserved::Outdated) => {
            desk.look_up_again(piece);
            return Step::Done;
        }
        Err(NotReserved::Refused(refusal)) if refusal.reason == Reason::RequestTooExpensive && loads.len() > 1 => {
            piece.split(loads.len().div_ceil(2));
            return Step::Done;
        }
        // The database, or the kill switch: another provider would not help.
        Err(NotReserved::Refused(refusal)) if matches!(refusal.reason, Reason::GatewayDown | Reason::ExternalOff) => {
            piece.refuse(&refusal);
            return Step::Done;
        }
        Err(NotReserved::Refused(refusal)) => {
            trail.close(index, refusal);
            return Step::Again;
        }
    };
    // The limits count who has money, and nobody else.
    let permit = Permit::take(&desk.health, &route, tokens, desk.clock.now());
    drop(intent);
    let Some(mut permit) = permit else {
        open.end(AttemptOutcome::Released, Vec::new());
        return Step::Again;
    };
    let place = |now| permit.moment(now);
    let began = desk.clock.now();
    let may = may_go(piece, switch, &obstacle, place).await;
    // Who had to wait may have been overtaken by a change of the provider, its key or its price.
    if may && desk.clock.now().saturating_sub(began) > SOON && !desk.still_holds(&plan, &loads).await {
        open.end(AttemptOutcome::Released, Vec::new());
        desk.look_up_again(piece);
        return Step::Done;
    }
    if !may || !desk.depart(&mut loads) {
        open.end(AttemptOutcome::Released, Vec::new());
        return Step::Again;
    }
    permit.sent();
    open.sent();
    let aborted = async {
        let switched = switch.wait_for(|switch| switch.aborts_sent().is_some()).await;
        switched.ok().and_then(|switch| switch.aborts_sent())
    };
    let ended = tokio::select! {
        biased;
        aborted = aborted => Err(aborted),
        ended = parcel.send(&route, &choices, ATTEMPT) => Ok(ended),
    };
    let ended = match ended {
        Ok(ended) => ended,
        Err(aborted) => {
            // The connection is gone with the request: no answer can come any more.
            open.end(AttemptOutcome::InDoubt, Vec::new());
            desk.paid_in_vain(&plan, &loads);
            piece.refuse(&aborted.unwrap_or_else(|| Refusal::new(Reason::GatewayDown)));
            return Step::Done;
        }
    };
    let now = desk.clock.now();
    if let Some(alert) = permit.judge(&ended, now) {
        desk.store.alert(alert);
    }
    conclude(piece, trail, index, open, loads, ended)
}

/// Waits until a request may be sent; `false` where it must not be, or nobody waits for it any longer.
async fn may_go(
    piece: &Piece,
    switch: &mut watch::Receiver<Switch>,
    obstacle: &Refusal,
    moment: impl Fn(Duration) -> Option<Duration>,
) -> bool {
    let clock = piece.desk.clock;
    let mut waits = false;
    let may = loop {
        if switch.borrow_and_update().refuses_new().is_some() || !piece.desk.is_awaited(&piece.ids) {
            break false;
        }
        let now = clock.now();
        let Some(at) = moment(now) else { break false };
        if at <= now {
            break true;
        }
        if !waits {
            waits = true;
            piece.waits_for(Some(obstacle.clone()));
        }
        tokio::select! {
            () = clock.until(at) => {}
            () = piece.signal.woken() => {}
            changed = switch.changed() => if changed.is_err() { break false },
        }
    };
    if waits {
        piece.waits_for(None);
    }
    may
}

/// Closes an attempt that ended, and tells those who wait.
fn conclude(
    piece: &mut Piece,
    trail: &mut Trail,
    index: usize,
    open: OpenAttempt,
    loads: Vec<Load>,
    ended: Ended,
) -> Step {
    let (desk, route) = (piece.desk.clone(), open.route().clone());
    let outcome = outcome(&route, &ended, open.worst_case());
    let cost = cost(&desk, &open, outcome);
    match ended.result {
        Err(failure) => {
            open.end(outcome, verdicts::wasted(&loads, cost));
            if !matches!(outcome, AttemptOutcome::Released | AttemptOutcome::Settled { cost: Money::ZERO, .. }) {
                desk.paid_in_vain(&piece.plan, &loads);
            }
            if failure.class == FailureClass::ContextOverflow && loads.len() > 1 {
                piece.split(loads.len().div_ceil(2));
                return Step::Done;
            }
            trail.failed(index, &route, &failure, desk.clock.now());
            Step::Again
        }
        Ok(answers) => {
            let grade = piece.grade();
            let Verdicts { landed, shares, stored, decided, audits, vectors } =
                verdicts::read((&piece.plan, grade), &route, &loads, answers, (cost, request(&open, outcome)));
            let detail = format!("provider {}: none of the categories, twice", route.provider.name);
            // Before anybody is told: whoever hears an answer finds it on its way to the database.
            let closed = open.close(outcome, shares, Brought { stored, decided, audits, vectors });
            let Rest { again, unsure, further, told } =
                desk.land(piece, landed, &Refusal::because(Reason::InvalidAnswer, detail));
            desk.health.lock().answered(&route, told.len() + unsure.len(), unsure.len());
            // What the cheap model said is on its way to the database before anybody can say that it counts.
            desk.upgrade(&piece.plan, &unsure);
            desk.queue_all(&piece.plan, &further);
            tokio::spawn(async move {
                closed.await;
                desk.forget(&told);
            });
            piece.split_off(again.into_iter().map(|id| vec![id]));
            Step::Done
        }
    }
}

/// What those are told of a request whose inputs were in it.
fn request(open: &OpenAttempt, outcome: AttemptOutcome) -> Request {
    let usage = match outcome {
        AttemptOutcome::Settled { usage, .. } => usage,
        _ => Usage::default(),
    };
    let parts = [usage.input, usage.cached_input, usage.cache_write, usage.cache_write_long];
    let input_tokens = parts.into_iter().fold(0, u64::saturating_add);
    Request { attempt: open.attempt(), input_tokens, output_tokens: usage.output }
}

/// What an attempt cost, where that is known; more than was reserved for it stops its model.
pub(crate) fn cost(desk: &Desk, open: &OpenAttempt, outcome: AttemptOutcome) -> Option<Money> {
    let AttemptOutcome::Settled { cost, .. } = outcome else { return None };
    if cost > open.worst_case() {
        Permit::exceeded(open.route(), &desk.health, desk.clock.now());
        let message = format!("A request cost {cost} dollars, and {} were reserved for it.", open.worst_case());
        desk.store.alert(alert("reservation_exceeded", open.route(), message));
    }
    Some(cost)
}

/// How the money of an attempt goes. What a provider says that it charged settles it, however it ended.
pub(crate) fn outcome(route: &Route, ended: &Ended, worst_case: Money) -> AttemptOutcome {
    let settled = |usage: Usage| {
        let cost = route.price.as_ref()?.price.cost(&usage)?;
        Some(AttemptOutcome::Settled { cost, usage })
    };
    match (&ended.result, ended.usage) {
        (_, Some(usage)) => settled(usage).unwrap_or(AttemptOutcome::InDoubt),
        (Err(failure), None) if failure.charge == Charge::None => AttemptOutcome::Released,
        // Where nothing can be charged, nothing is in doubt.
        (_, None) if worst_case == Money::ZERO => {
            AttemptOutcome::Settled { cost: Money::ZERO, usage: Usage::default() }
        }
        (_, None) => AttemptOutcome::InDoubt,
    }
}
