//! To whom a request goes: the first route in order that may be asked and has a price, and is free now or soon.

use crate::desk::{Desk, Load};
use crate::plan::{AnswerMode, Grade, Plan, Route};
use crate::provider::{Failure, FailureClass, Item};
use crate::sender::Parcel;
use crate::store::Refusal;
use pg_categorize_core::cascade::Reason;
use pg_categorize_core::choices::Choices;
use pg_categorize_core::flow::order::Candidate;
use pg_categorize_core::flow::retry;
use pg_categorize_core::money::Money;
use pg_categorize_core::price::Usage;
use std::sync::Arc;
use std::time::Duration;

/// For so long the route that comes first is waited for, rather than that the next one is asked, which may be dearer.
const WORTH_WAITING: Duration = Duration::from_secs(1);

/// Failures after which a route is not asked again for the same inputs: each of them may have been charged.
const MOST_FAILURES: u32 = 5;

/// What a request has met on each route.
pub(crate) struct Trail {
    steps: Vec<Step>,
    /// Decides for this request among those who take turns.
    draw: u64,
}

#[derive(Default)]
struct Step {
    failures: u32,
    limited: u32,
    /// It is not asked before.
    not_before: Duration,
    /// Why it failed last.
    failure: Option<Refusal>,
    /// Why it is not asked again for these inputs.
    closed: Option<Refusal>,
}

/// A request, and to whom it goes.
pub(crate) struct Chosen {
    pub(crate) index: usize,
    pub(crate) route: Arc<Route>,
    pub(crate) parcel: Box<dyn Parcel>,
    pub(crate) worst_case: Money,
    pub(crate) tokens: u64,
    /// When it is worth sending after what failed.
    pub(crate) not_before: Duration,
    /// What it waits for till then.
    pub(crate) obstacle: Refusal,
}

/// What to do with a request.
pub(crate) enum Choice {
    /// Send it.
    Go(Chosen),
    /// It has to be smaller: at most so many inputs.
    Smaller(usize),
    /// Nobody can be asked: why the last one could not.
    Nobody(Refusal),
}

impl Trail {
    pub(crate) fn new(routes: &[Arc<Route>]) -> Self {
        Self { steps: routes.iter().map(|_| Step::default()).collect(), draw: rand::random() }
    }

    /// Chooses among the routes those that can be asked within `patience`.
    pub(crate) fn choose(
        &mut self,
        desk: &Desk,
        (plan, grade): (&Plan, Grade),
        (choices, loads): (&Choices, &[Load]),
        patience: Duration,
    ) -> Choice {
        let now = desk.clock.now();
        let mut last = Last(Refusal::new(Reason::NoProvider));
        let mut best: Option<(Duration, Chosen)> = None;
        let routes = plan.routes_of(grade);
        for index in order(desk, plan, routes, (choices, loads), self.draw) {
            let (Some(route), Some(step)) = (routes.get(index), self.steps.get_mut(index)) else { continue };
            if let Some(closed) = &step.closed {
                last.hear(closed.clone());
                continue;
            }
            if let Err(refusal) = desk.health.lock().passes(route, now) {
                // What these inputs met themselves is the truer reason.
                last.hear(step.failure.clone().unwrap_or(refusal));
                continue;
            }
            let limit = desk.sender.pack_limit(route, choices).max(1);
            if loads.len() > limit {
                return Choice::Smaller(limit);
            }
            let chosen = match prepare(desk, (plan, choices), route, index, loads) {
                Ok(chosen) => chosen,
                Err(refusal) if refusal.reason == Reason::InputTooLarge && loads.len() > 1 => {
                    return Choice::Smaller(loads.len().div_ceil(2));
                }
                Err(refusal) => {
                    last.hear(step.closed.insert(refusal).clone());
                    continue;
                }
            };
            let limited = desk.health.lock().wait(route, chosen.tokens, now);
            let wait = limited.max(step.not_before.saturating_sub(now));
            let obstacle = step.failure.clone().unwrap_or_else(|| {
                let detail = format!("provider {}: its limit is reached", route.provider.name);
                Refusal::because(Reason::RateLimited, detail)
            });
            if wait > patience {
                last.hear(obstacle);
                continue;
            }
            let chosen = Chosen { not_before: step.not_before, obstacle, ..chosen };
            // Who has failed these inputs is asked again once no other can be asked sooner.
            if wait <= WORTH_WAITING && (step.failures == 0 || wait.is_zero()) {
                return Choice::Go(chosen);
            }
            if best.as_ref().is_none_or(|(shortest, _)| wait < *shortest) {
                best = Some((wait, chosen));
            }
        }
        best.map_or(Choice::Nobody(last.0), |(_, chosen)| Choice::Go(chosen))
    }

    /// A route is not asked again for these inputs.
    pub(crate) fn close(&mut self, index: usize, refusal: Refusal) {
        if let Some(step) = self.steps.get_mut(index) {
            step.closed = Some(refusal);
        }
    }

    /// A request failed.
    pub(crate) fn failed(&mut self, index: usize, route: &Route, failure: &Failure, now: Duration) {
        let Some(step) = self.steps.get_mut(index) else { return };
        let reason = match failure.class {
            FailureClass::RateLimited => Reason::RateLimited,
            FailureClass::TimedOut => Reason::Timeout,
            FailureClass::ContextOverflow => Reason::InputTooLarge,
            _ => Reason::ProviderError,
        };
        let refusal = Refusal::because(reason, format!("provider {}: {}", route.provider.name, failure.detail));
        // Flow control costs nothing: it is borne as long as somebody waits.
        if failure.class == FailureClass::RateLimited {
            step.limited += 1;
        } else {
            step.failures += 1;
        }
        let for_good =
            matches!(failure.class, FailureClass::Stopped | FailureClass::Rejected | FailureClass::ContextOverflow);
        if for_good || step.failures >= MOST_FAILURES {
            step.closed = Some(refusal.clone());
        }
        step.failure = Some(refusal);
        let own = retry::pause(step.failures + step.limited, rand::random());
        let overloaded = (failure.class == FailureClass::Overloaded).then_some(retry::OVERLOADED);
        step.not_before = now.saturating_add(failure.retry_after.max(overloaded).unwrap_or(own));
    }
}

/// Why the last route cannot be asked. That one takes no images is worth telling only where none does.
struct Last(Refusal);

impl Last {
    fn hear(&mut self, refusal: Refusal) {
        if refusal.reason != Reason::NoProvider || self.0.reason == Reason::NoProvider {
            self.0 = refusal;
        }
    }
}

/// The places of the routes in the order in which they are asked.
fn order(
    desk: &Desk,
    plan: &Plan,
    routes: &[Arc<Route>],
    (choices, loads): (&Choices, &[Load]),
    draw: u64,
) -> Vec<usize> {
    if routes.len() < 2 {
        return (0..routes.len()).collect();
    }
    // About four bytes make a token, and labels are short. What is to be compared is the same for all.
    let prompt = choices.prompt();
    let texts = loads.iter().map(|load| load.text.len()).sum::<usize>();
    let writes = (prompt.items.json.len() + prompt.schema.len() + prompt.list.as_ref().map_or(0, String::len) + texts)
        as u64
        / 4;
    // Each question of a decision has all choices with it.
    let decides = (prompt.decision.json.len() + choices.options_bytes() * loads.len() + texts) as u64 / 4;
    let output = loads.len() as u64 * (prompt.longest as u64 / 4 + 8);
    let now = desk.clock.now();
    let mut health = desk.health.lock();
    let candidates: Vec<_> = routes
        .iter()
        .map(|route| {
            let (input, written) =
                if route.model.mode == AnswerMode::Decision { (decides, 0) } else { (writes, output) };
            let seen = image_tokens(route, loads);
            let usage =
                Usage { input: input + seen, output: written + route.model.thinking_tokens, ..Usage::default() };
            Candidate {
                name: &route.provider.name,
                priority: route.priority,
                weight: route.weight,
                price: route.price.as_ref().and_then(|row| row.price.cost(&usage)),
                wait: health.wait(route, input + seen + output, now),
            }
        })
        .collect();
    plan.order.of(&candidates, draw)
}

fn prepare(
    desk: &Desk,
    (plan, choices): (&Plan, &Choices),
    route: &Arc<Route>,
    index: usize,
    loads: &[Load],
) -> Result<Chosen, Refusal> {
    let name = &route.model.name;
    let Some(price) = &route.price else {
        return Err(Refusal::because(Reason::UnknownPrice, format!("The model \"{name}\" has no price.")));
    };
    let items: Vec<_> = (1_u32..)
        .zip(loads)
        .map(|(id, load)| Item { id, text: &load.text, image: load.image.as_deref().map(|held| &**held) })
        .collect();
    let parcel = desk.sender.prepare(route, plan, choices, &items)?;
    let (input, output) = (parcel.input_bound(), parcel.output_bound());
    let worst_case = price.price.worst_case(input, output).ok_or_else(|| {
        Refusal::because(Reason::RequestTooExpensive, format!("What the model \"{name}\" may cost cannot be counted."))
    })?;
    // Limits count tokens, of which four bytes make about one; the bound counts bytes, and images as tokens.
    let seen = image_tokens(route, loads);
    let tokens = (input.saturating_sub(seen) / 4).saturating_add(seen).saturating_add(output);
    let obstacle = Refusal::new(Reason::RateLimited);
    Ok(Chosen { index, route: route.clone(), parcel, worst_case, tokens, not_before: Duration::ZERO, obstacle })
}

/// Tokens of the images of a request, at most.
fn image_tokens(route: &Route, loads: &[Load]) -> u64 {
    let images = loads.iter().filter(|load| load.image.is_some()).count() as u64;
    images.saturating_mul(route.model.image_tokens.unwrap_or(0))
}
