//! What became of attempts: the money is booked, answers and audits are stored. Money that cannot be booked is kept until it can;
//! what cannot be stored, because somebody holds its keys uncommitted, is tried again for a while (`backlog`).

use super::books::Books;
use super::lessons::{self, Text};
use super::plans::{Plans, cache_ttl};
use crate::pg::spi::{self, AuditRow, Entry, NewAgreement, PaidAnswer, Reservation};
use crate::pg::{error, xact};
use pg_categorize_core::budget::{Movement, within_and_beyond};
use pg_categorize_core::fingerprint::Fingerprint;
use pg_categorize_core::frame::Asker;
use pg_categorize_core::money::Money;
use pg_categorize_core::price::Usage;
use pg_categorize_core::prompt::{PROMPT_VERSION, REASONED_PROMPT_VERSION};
use pg_categorize_gateway::plan::{Plan, Route};
use pg_categorize_gateway::store::{AttemptOutcome, Closing, NewAnswer, NewAudit, Share, Standing};
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

/// How the money of an attempt goes, and who pays it.
pub struct Booking<'a> {
    /// Its number.
    pub attempt: i64,
    /// How the money goes.
    pub outcome: AttemptOutcome,
    /// Who pays how much.
    pub shares: &'a [Share],
}

impl<'a> From<&'a Closing> for Booking<'a> {
    fn from(closing: &'a Closing) -> Self {
        Self { attempt: closing.attempt, outcome: closing.outcome, shares: &closing.shares }
    }
}

/// Books the money of attempts that have ended.
pub fn book(closings: &[Booking<'_>], books: &mut Books) {
    if closings.is_empty() {
        return;
    }
    spi::lock_books();
    let (doubtful, ended): (Vec<_>, Vec<_>) =
        closings.iter().partition(|closing| matches!(closing.outcome, AttemptOutcome::InDoubt));
    let attempts = |of: &[&Booking<'_>]| of.iter().map(|closing| closing.attempt).collect::<Vec<_>>();
    if !ended.is_empty() {
        let taken = spi::take_reservations(&attempts(&ended));
        let mut open: HashMap<i64, &Reservation> = taken.iter().map(|taken| (taken.attempt, taken)).collect();
        let (mut entries, mut moved) = (Vec::new(), Vec::new());
        for closing in ended {
            // Somebody settled it by hand, or it was booked in a transaction whose end we did not hear of.
            let Some(reservation) = open.remove(&closing.attempt) else { continue };
            match closing.outcome {
                // None of these is.
                AttemptOutcome::InDoubt => {}
                AttemptOutcome::Released => {
                    let whole = whole(reservation, Money::ZERO);
                    entries.push((reservation, entry("release", reservation.amount, &whole)));
                    moved.extend(spi::movements(reservation, Movement::release(reservation.amount)));
                }
                AttemptOutcome::Settled { cost, usage } => {
                    let shares = complete(closing.shares.to_vec(), reservation, cost);
                    let cost: Money = shares.iter().map(|share| share.cost).sum();
                    entries
                        .extend(settlement(reservation, &shares, usage).into_iter().map(|entry| (reservation, entry)));
                    moved.extend(spi::movements(reservation, Movement::settle(reservation.amount, cost)));
                }
            }
        }
        if !entries.is_empty() {
            spi::insert_entries(&entries);
            books.shift(&moved);
        }
    }
    if !doubtful.is_empty() {
        spi::doubt(&attempts(&doubtful));
    }
}

/// The lines of a settlement: one a payer within what was reserved, and one a payer beyond it.
fn settlement(reservation: &Reservation, shares: &[Share], usage: Usage) -> Vec<Entry> {
    let costs: Vec<Money> = shares.iter().map(|share| share.cost).collect();
    let split = within_and_beyond(&costs, reservation.amount);
    let mut entries = Vec::new();
    for (share, (within, _)) in shares.iter().zip(&split) {
        let line = entry("settle", *within, share);
        entries.push(Entry { usage: entries.is_empty().then_some(usage), ..line });
    }
    for (share, (_, beyond)) in shares.iter().zip(&split).filter(|(_, (_, beyond))| *beyond > Money::ZERO) {
        let nobody = Share { inputs: 0, wasted: 0, ..share.clone() };
        entries.push(entry("adjust", *beyond, &nobody));
    }
    entries
}

fn entry(kind: &'static str, amount: Money, share: &Share) -> Entry {
    let count = |inputs: usize| i32::try_from(inputs).unwrap_or(i32::MAX);
    Entry {
        kind,
        amount,
        asker: share.asker.clone(),
        inputs: count(share.inputs),
        wasted: count(share.wasted),
        usage: None,
        settled_by: None,
    }
}

/// The shares, and whatever part of the cost they leave out: each nano-dollar has somebody who pays it.
fn complete(mut shares: Vec<Share>, reservation: &Reservation, cost: Money) -> Vec<Share> {
    let paid: Money = shares.iter().map(|share| share.cost).sum();
    if shares.is_empty() {
        let share = whole(reservation, cost);
        return vec![Share { wasted: share.inputs, ..share }];
    }
    if let Some(rest) = cost.minus(paid).filter(|rest| *rest > Money::ZERO) {
        shares.push(Share { inputs: 0, ..whole(reservation, rest) });
    }
    shares
}

fn whole(reservation: &Reservation, cost: Money) -> Share {
    let asker: Asker = reservation.asker.clone();
    Share { asker, inputs: usize::try_from(reservation.inputs).unwrap_or(0), wasted: 0, cost }
}

/// What a request brought.
pub struct Brought<'a> {
    /// Its plan.
    pub plan: &'a Arc<Plan>,
    /// Whom it went to.
    pub route: &'a Arc<Route>,
    /// Answers to be stored.
    pub answers: &'a [NewAnswer],
    /// What a strong model decided.
    pub decided: &'a [Fingerprint],
    /// What it said of free answers.
    pub audits: &'a [NewAudit],
}

impl<'a> From<&'a Closing> for Brought<'a> {
    fn from(closing: &'a Closing) -> Self {
        let Closing { plan, route, answers, decided, audits, .. } = closing;
        Self { plan, route, answers, decided, audits }
    }
}

impl Brought<'_> {
    /// Whether there is nothing to be stored.
    pub fn is_empty(&self) -> bool {
        self.answers.is_empty() && self.decided.is_empty() && self.audits.is_empty()
    }
}

/// Stores answers and audits, and forgets what cheap models said where strong ones have decided, in a subtransaction; whether
/// that was possible now.
pub fn store(brought: &[Brought<'_>], plans: &mut Plans) -> bool {
    if brought.iter().all(Brought::is_empty) {
        return true;
    }
    let decided: Vec<Fingerprint> = brought.iter().flat_map(|brought| brought.decided.iter().copied()).collect();
    // Those of one plan and route go together.
    let mut groups: Vec<(&Arc<Plan>, &Arc<Route>, Vec<&NewAnswer>)> = Vec::new();
    for Brought { plan, route, answers, .. } in brought.iter().filter(|brought| !brought.answers.is_empty()) {
        match groups.iter_mut().find(|(p, r, _)| Arc::ptr_eq(p, plan) && Arc::ptr_eq(r, route)) {
            Some((_, _, all)) => all.extend(answers.iter()),
            None => groups.push((plan, route, answers.iter().collect())),
        }
    }
    let work = AssertUnwindSafe(|| {
        groups.into_iter().for_each(|(plan, route, all)| store_group(plan, route, &all, plans));
        if !decided.is_empty() {
            spi::forget_unsure(&decided);
        }
        brought.iter().for_each(store_audits);
    });
    let stored = xact::contained(|| { work }());
    if let Err(message) = &stored {
        error::log("gateway stores answers later", Some(format!("The error was: {message}.")), None);
    }
    stored.is_ok()
}

fn store_audits(Brought { plan, route, audits, .. }: &Brought<'_>) {
    let Some(taxonomy) = plan.taxonomy.filter(|_| !audits.is_empty()) else { return };
    let row = |audit: &NewAudit| AuditRow {
        fingerprint: audit.key,
        tier: audit.claim.tier.clone(),
        category: audit.claim.category,
        confidence: audit.claim.confidence,
        strong_category: audit.category,
        strong_confidence: audit.confidence,
        cost: audit.cost.0,
    };
    let by = (route.provider.name.as_str(), route.model.name.as_str());
    spi::store_audits(&plan.tenant, taxonomy, by, &audits.iter().map(row).collect::<Vec<_>>());
}

fn store_group(plan: &Plan, route: &Route, answers: &[&NewAnswer], plans: &mut Plans) {
    // Its settings as they are now: who no longer wants inputs stored means those that come back, too.
    let taxonomy = match plan.taxonomy {
        Some(id) => match plans.taxonomy(id) {
            Some(taxonomy) => Some(taxonomy),
            None => return,
        },
        None => None,
    };
    let stores_input = taxonomy.as_ref().is_none_or(|taxonomy| taxonomy.settings.store_input);
    let paid = spi::Paid {
        tenant: &plan.tenant,
        taxonomy: plan.taxonomy.map(|id| (id, plan.taxonomy_version)),
        provider: &route.provider.name,
        model: &route.model.name,
        prompt_version: if route.rationale { REASONED_PROMPT_VERSION } else { PROMPT_VERSION },
        lasts: taxonomy.as_ref().and_then(|taxonomy| cache_ttl(&taxonomy.settings)),
    };
    let label = |answer: &NewAnswer| {
        let at = usize::try_from(answer.category).ok()?;
        plan.choices.list().get(at).map(|choice| choice.label.clone())
    };
    observe(plan, answers, plans);
    let answers = answers.iter().filter_map(|answer| {
        let (category, label) = match plan.taxonomy {
            Some(_) => (Some(answer.category), None),
            None => (None, Some(label(answer)?)),
        };
        let paid = PaidAnswer {
            fingerprint: answer.key,
            category,
            label,
            confidence: answer.confidence.clamp(0.0, 1.0),
            cost: answer.cost.0,
            // An image is not stored: one without a text leaves its fingerprint only.
            input: (stores_input && !answer.text.is_empty()).then(|| answer.text.clone()),
            upgraded: matches!(answer.standing, Standing::Upgraded(_)),
            grounds: answer.grounds.clone(),
        };
        Some((&answer.standing, paid))
    });
    let (unsure, sure): (Vec<_>, Vec<_>) = answers.partition(|(standing, _)| **standing == Standing::Unsure);
    let only = |answers: Vec<(_, PaidAnswer)>| answers.into_iter().map(|(_, answer)| answer).collect::<Vec<_>>();
    if !unsure.is_empty() {
        spi::store_unsure(&paid, only(unsure));
    }
    if !sure.is_empty() {
        let sure = only(sure);
        let texts: Vec<Text> =
            sure.iter().filter_map(|answer| Some((answer.fingerprint, answer.input.clone()?))).collect();
        spi::store_answers(&paid, sure);
        if let Some(taxonomy) = &taxonomy {
            lessons::paid(taxonomy, &plan.tenant, &texts);
        }
    }
}

/// What strong models said of the answers of cheap ones.
fn observe(plan: &Plan, answers: &[&NewAnswer], plans: &mut Plans) {
    let agreement = |answer: &&NewAnswer| match &answer.standing {
        Standing::Upgraded(Some(observed)) => Some(NewAgreement {
            fingerprint: answer.key,
            model: observed.model.clone(),
            source: observed.grounds.source,
            raw: observed.grounds.raw_confidence,
            agreed: observed.agreed,
        }),
        _ => None,
    };
    let agreements: Vec<_> = answers.iter().filter_map(agreement).collect();
    if !agreements.is_empty() {
        spi::observe_agreements(&plan.tenant, &agreements);
        plans.hear(&plan.tenant, &agreements);
    }
}
