//! A provider's reply, read for each input: what those who wait hear, who pays, and what is stored.

use crate::desk::Load;
use crate::flight::FlightId;
use crate::plan::Route;
use crate::provider::ItemAnswer;
use crate::share::{Paid, shares};
use crate::store::{NewAnswer, Share};
use pg_categorize_core::cascade::Reason;
use pg_categorize_core::choices::Verdict;
use pg_categorize_core::frame::{Answered, Reply};
use pg_categorize_core::money::Money;

/// What a reply means.
pub(crate) struct Verdicts {
    /// What each input's flight comes to; `None` where the answer is missing or invalid.
    pub(crate) landed: Vec<(FlightId, Option<Reply>)>,
    pub(crate) shares: Vec<Share>,
    pub(crate) stored: Vec<NewAnswer>,
}

/// Reads the answers to `loads`, whose ids are their positions from 1 on. Without a cost, which nobody knows then, they
/// are told as free and nobody has a share.
pub(crate) fn read(route: &Route, loads: &[Load], answers: Vec<ItemAnswer>, cost: Option<Money>) -> Verdicts {
    let mut by_position: Vec<Option<ItemAnswer>> = loads.iter().map(|_| None).collect();
    for answer in answers {
        if let Some(slot) = (answer.id as usize).checked_sub(1).and_then(|at| by_position.get_mut(at)) {
            *slot = Some(answer);
        }
    }
    let costs = cost.unwrap_or(Money::ZERO).shares(loads.len());
    let (mut landed, mut stored) = (Vec::with_capacity(loads.len()), Vec::with_capacity(loads.len()));
    for ((load, answer), cost) in loads.iter().zip(by_position).zip(&costs) {
        let reply = answer.and_then(|answer| match answer.verdict {
            Verdict::Invalid => None,
            Verdict::NoneOfThese => Some(Reply::Unanswered { reason: Reason::NoneOfThese, detail: None }),
            Verdict::Category(category) => {
                let confidence = if answer.confidence.is_finite() { answer.confidence.clamp(0.0, 1.0) } else { 0.0 };
                let (key, text) = (load.key.answer, load.text.to_string());
                stored.push(NewAnswer { key, text, category, confidence, cost: *cost });
                Some(Reply::Answered(Box::new(Answered {
                    category,
                    confidence,
                    known: false,
                    provider: Some(route.provider.name.clone()),
                    model: Some(route.model.name.clone()),
                    cost: cost.0,
                    alternatives: answer.alternatives,
                })))
            }
        });
        landed.push((load.id, reply));
    }
    let paid = loads.iter().zip(&landed).zip(costs).map(|((load, (_, reply)), cost)| Paid {
        asker: &load.payer.asker,
        cost,
        answered: reply.is_some(),
    });
    let shares = if cost.is_some() { shares(paid) } else { Vec::new() };
    Verdicts { landed, shares, stored }
}

/// The shares of a request that was paid and brought nothing.
pub(crate) fn wasted(loads: &[Load], cost: Option<Money>) -> Vec<Share> {
    let Some(cost) = cost else { return Vec::new() };
    let costs = cost.shares(loads.len());
    shares(loads.iter().zip(costs).map(|(load, cost)| Paid { asker: &load.payer.asker, cost, answered: false }))
}
