//! Stores results: the money of each request, its answers, and what is next for each of its inputs, together.

use super::ending::{reason_after, state_after};
use super::reading::jobs;
use super::{Batches, Desk, raw};
use crate::pg::spi::{self, BatchItem, BatchedJob, Former, JobEnd};
use crate::pg::worker::gateway::closing::{self, Booking, Brought};
use pg_categorize_core::batch::{LineEnd, after};
use pg_categorize_core::cascade::Reason;
use pg_categorize_core::choices::Verdict;
use pg_categorize_core::frame::Grounds;
use pg_categorize_core::money::Money;
use pg_categorize_core::price::Price;
use pg_categorize_gateway::batches::LineResult;
use pg_categorize_gateway::plan::{Plan, Route};
use pg_categorize_gateway::provider::ItemAnswer;
use pg_categorize_gateway::share::{Paid, shares};
use pg_categorize_gateway::store::{AttemptOutcome, NewAnswer, Share, Standing};
use std::collections::HashMap;
use std::sync::Arc;

/// What a request brought.
struct Line {
    attempt: i64,
    outcome: AttemptOutcome,
    shares: Vec<Share>,
    plan: Arc<Plan>,
    answers: Vec<NewAnswer>,
    ends: Vec<JobEnd<'static>>,
}

impl Batches {
    /// Stores results. A request that has one keeps it.
    ///
    /// # Panics
    /// Where answers cannot be stored now, since somebody holds their keys: the transaction is undone, and the results are read again.
    pub fn ingest(&mut self, batch: i64, results: &[LineResult], desk: &mut Desk<'_>) {
        let by_ordinal: HashMap<i32, &LineResult> =
            results.iter().filter_map(|result| Some((i32::try_from(result.ordinal).ok()?, result))).collect();
        let items = spi::take_items(batch, &by_ordinal.keys().copied().collect::<Vec<_>>());
        let Some(of) = Sent::load(batch, desk) else { panic!("the provider of a batch cannot be asked any more") };
        let jobs = jobs(&items);
        let lines: Vec<Line> =
            items.iter().map(|item| line(item, by_ordinal[&item.ordinal], &jobs, &of, desk)).collect();
        let bookings: Vec<Booking<'_>> = lines
            .iter()
            .map(|line| Booking { attempt: line.attempt, outcome: line.outcome, shares: &line.shares })
            .collect();
        closing::book(&bookings, desk.books);
        let brought: Vec<Brought<'_>> = lines
            .iter()
            .map(|line| Brought {
                plan: &line.plan,
                route: &of.route,
                answers: &line.answers,
                decided: &[],
                audits: &[],
            })
            .collect();
        assert!(closing::store(&brought, desk.plans), "results of a batch cannot be stored now");
        let money =
            lines.iter().map(|line| cost(line, of.live.as_ref())).fold((0, 0), |sum, of| (sum.0 + of.0, sum.1 + of.1));
        let ends: Vec<JobEnd<'_>> = lines.into_iter().flat_map(|line| line.ends).collect();
        let count = |states: &[&str]| ends.iter().filter(|end| states.contains(&end.state)).count() as i32;
        spi::count_results(batch, (count(&["done"]), count(&["failed", "live"])), money);
        spi::move_jobs(&ends, Former::Batch { id: batch, requests: of.route.raw.is_some() });
    }
}

/// A batch as it was sent.
struct Sent {
    /// Whom it went to.
    route: Arc<Route>,
    /// Whether somebody cancelled it: then what was not run waits no more.
    cancelled: bool,
    /// What its requests would have cost live.
    live: Option<Price>,
}

impl Sent {
    fn load(batch: i64, desk: &mut Desk<'_>) -> Option<Self> {
        let (system, database) = super::here();
        let open = spi::open_batches(system, database).into_iter().find(|open| open.record.id == batch)?;
        let route = desk.plans.route_of_batch(&open)?;
        let live = spi::price_row(open.price).map(|price| price.live);
        Some(Self { route, cancelled: open.record.cancel_wanted, live })
    }
}

/// Nano-dollars that a request cost, and would have cost live.
fn cost(line: &Line, live: Option<&Price>) -> (i64, i64) {
    match line.outcome {
        AttemptOutcome::Settled { cost, usage } => {
            (cost.0, live.and_then(|price| price.cost(&usage)).unwrap_or(cost).0)
        }
        AttemptOutcome::Released | AttemptOutcome::InDoubt => (0, 0),
    }
}

fn line(
    item: &BatchItem,
    result: &LineResult,
    jobs: &HashMap<i64, BatchedJob>,
    sent: &Sent,
    desk: &mut Desk<'_>,
) -> Line {
    let route = &sent.route;
    let of = item.jobs.iter().find_map(|job| jobs.get(job));
    let plan = match of {
        Some(job) => desk.plan_or_nothing(&job.tenant, &job.target),
        None => desk.plan_or_nothing("", &pg_categorize_core::frame::Target::Labels(Vec::new())),
    };
    // How much its confidence is worth is known of the tenant's plan.
    let known = plan.routes.iter().find(|other| other.provider.id == route.provider.id && other.model == route.model);
    let calibrated = known.unwrap_or(route);
    let costs = match result.money {
        AttemptOutcome::Settled { cost, .. } => cost.shares(item.jobs.len()),
        AttemptOutcome::Released | AttemptOutcome::InDoubt => vec![Money::ZERO; item.jobs.len()],
    };
    let live = of.is_none_or(|job| desk.asks_live(&job.target));
    let (mut answers, mut ends, mut paid) = (Vec::new(), Vec::new(), Vec::new());
    for (((job, key), number), cost) in item.jobs.iter().zip(&item.fingerprints).zip(item.first..).zip(&costs) {
        let Some(job) = jobs.get(job) else { continue };
        let said = result.answers.iter().find(|answer| i64::from(answer.id) == i64::from(number));
        let is_answered = said.is_some() || result.reply.is_some();
        // A request for vectors is one job of many texts.
        let each = |cost| Paid { asker: &job.asker, cost, answered: is_answered };
        paid.extend(cost.shares(job.inputs).into_iter().map(each));
        let attempts = job.attempts + 1;
        let end = |state, reason| JobEnd { job: job.id, state, attempts, reason };
        if job.is_request {
            let cancelled = sent.cancelled && result.end == LineEnd::NotRun;
            let (state, reason) = if cancelled { ("cancelled", None) } else { raw::end(job, result, attempts, route) };
            ends.push(end(state, reason));
            continue;
        }
        ends.push(match said.map(|answer| (answer, answer.verdict)) {
            Some((answer, Verdict::Category(category))) => {
                let answer =
                    new_answer(job, job.shared.unwrap_or(*key), category, answer, *cost, (&plan, live), calibrated);
                let is_unsure = answer.standing == Standing::Unsure;
                answers.push(answer);
                // The cheap answer is kept, and a strong model is asked live.
                end(if is_unsure { "live" } else { "done" }, None)
            }
            Some(_) => end("failed", Some(Reason::NoneOfThese.as_str())),
            None if sent.cancelled && result.end == LineEnd::NotRun => end("cancelled", None),
            None => {
                let how = if result.end == LineEnd::Answered { LineEnd::Unanswered } else { result.end };
                let next = after(how, attempts.unsigned_abs().into(), live);
                end(state_after(next), reason_after(next, how))
            }
        });
    }
    let is_settled = matches!(result.money, AttemptOutcome::Settled { .. });
    let shares = if is_settled { shares(paid) } else { Vec::new() };
    Line { attempt: item.attempt, outcome: result.money, shares, plan, answers, ends }
}

fn new_answer(
    job: &BatchedJob,
    key: pg_categorize_core::fingerprint::Fingerprint,
    category: i32,
    answer: &ItemAnswer,
    cost: Money,
    (plan, live): (&Plan, bool),
    route: &Route,
) -> NewAnswer {
    let raw = if answer.confidence.is_finite() { answer.confidence.clamp(0.0, 1.0) } else { 0.0 };
    let confidence = route.calibrated(raw, answer.source);
    let upgrades = live && !plan.strong.is_empty() && confidence < plan.upgrade_below;
    NewAnswer {
        key,
        text: job.text.clone().unwrap_or_default(),
        category,
        confidence,
        cost,
        grounds: Grounds { raw_confidence: raw, source: answer.source, rationale: answer.rationale.clone() },
        standing: if upgrades { Standing::Unsure } else { Standing::Sure },
    }
}
