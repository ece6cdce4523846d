//! A provider's reply, read for each input: what those who wait hear, who pays, and what is stored.

use crate::desk::{Landed, Load};
use crate::flight::First;
use crate::plan::{Grade, Plan, Route};
use crate::provider::ItemAnswer;
use crate::share::{Paid, shares};
use crate::store::{NewAnswer, Observed, Share, Standing};
use pg_categorize_core::cascade::{CategoryId, Reason};
use pg_categorize_core::choices::Verdict;
use pg_categorize_core::fingerprint::Fingerprint;
use pg_categorize_core::frame::{Answered, Grounds, Reply};
use pg_categorize_core::money::Money;

/// What a reply means.
pub(crate) struct Verdicts {
    /// What each input's flight comes to.
    pub(crate) landed: Vec<Landed>,
    pub(crate) shares: Vec<Share>,
    pub(crate) stored: Vec<NewAnswer>,
    /// What a strong model decided.
    pub(crate) decided: Vec<Fingerprint>,
}

/// Reads the answers to `loads`, whose ids are their positions from 1 on. Without a cost, which nobody knows then, they
/// are told as free and nobody has a share.
pub(crate) fn read(
    (plan, grade): (&Plan, Grade),
    route: &Route,
    loads: &[Load],
    answers: Vec<ItemAnswer>,
    cost: Option<Money>,
) -> Verdicts {
    let mut by_position: Vec<Option<ItemAnswer>> = loads.iter().map(|_| None).collect();
    for answer in answers {
        if let Some(slot) = (answer.id as usize).checked_sub(1).and_then(|at| by_position.get_mut(at)) {
            *slot = Some(answer);
        }
    }
    let costs = cost.unwrap_or(Money::ZERO).shares(loads.len());
    let (mut landed, mut stored) = (Vec::with_capacity(loads.len()), Vec::with_capacity(loads.len()));
    let mut decided = Vec::new();
    for ((load, answer), cost) in loads.iter().zip(by_position).zip(&costs) {
        let said = answer.filter(|answer| answer.verdict != Verdict::Invalid).map(|answer| said(route, answer));
        let unsure = load.may_upgrade && said.as_ref().is_none_or(|said| said.confidence < plan.upgrade_below);
        if grade == Grade::Strong && said.is_some() && load.first.is_some() {
            decided.push(load.key.answer);
        }
        let reply = said.map(|said| {
            let whole = load.first.as_ref().map_or(*cost, |first| [first.cost, *cost].into_iter().sum());
            let Some(category) = said.category else {
                return Reply::Unanswered { reason: Reason::NoneOfThese, detail: None };
            };
            let standing = match grade {
                Grade::Strong => Standing::Upgraded(observed(load.first.as_ref(), category)),
                Grade::Cheap if unsure => Standing::Unsure,
                Grade::Cheap => Standing::Sure,
            };
            stored.push(NewAnswer {
                key: load.key.answer,
                text: load.text.to_string(),
                category,
                confidence: said.confidence,
                cost: whole,
                grounds: said.grounds.clone(),
                standing,
            });
            Reply::Answered(Box::new(Answered {
                category,
                confidence: said.confidence,
                known: false,
                provider: Some(route.provider.name.clone()),
                model: Some(route.model.name.clone()),
                cost: if load.first.as_ref().is_some_and(|first| first.cost_told) { cost.0 } else { whole.0 },
                alternatives: said.alternatives,
                upgraded: grade == Grade::Strong,
                provisional: false,
                grounds: Some(said.grounds),
            }))
        });
        landed.push(Landed { id: load.id, reply, cost: *cost, unsure });
    }
    let paid = loads.iter().zip(&landed).zip(costs).map(|((load, landed), cost)| Paid {
        asker: &load.payer.asker,
        cost,
        answered: landed.reply.is_some(),
    });
    let shares = if cost.is_some() { shares(paid) } else { Vec::new() };
    Verdicts { landed, shares, stored, decided }
}

/// A valid answer.
struct Said {
    /// `None` where no category fits.
    category: Option<CategoryId>,
    confidence: f32,
    grounds: Grounds,
    alternatives: Vec<(CategoryId, f32)>,
}

fn said(route: &Route, answer: ItemAnswer) -> Said {
    let raw = if answer.confidence.is_finite() { answer.confidence.clamp(0.0, 1.0) } else { 0.0 };
    let category = match answer.verdict {
        Verdict::Category(category) => Some(category),
        Verdict::NoneOfThese | Verdict::Invalid => None,
    };
    let confidence = route.calibrated(raw, answer.source);
    let grounds = Grounds { raw_confidence: raw, source: answer.source, rationale: answer.rationale };
    Said { category, confidence, grounds, alternatives: answer.alternatives }
}

/// What a strong model's answer tells of the cheap one's.
fn observed(first: Option<&First>, category: CategoryId) -> Option<Observed> {
    let Reply::Answered(first) = &first?.reply else { return None };
    Some(Observed { model: first.model.clone()?, grounds: first.grounds.clone()?, agreed: first.category == category })
}

/// The shares of a request that was paid and brought nothing.
pub(crate) fn wasted(loads: &[Load], cost: Option<Money>) -> Vec<Share> {
    let Some(cost) = cost else { return Vec::new() };
    let costs = cost.shares(loads.len());
    shares(loads.iter().zip(costs).map(|(load, cost)| Paid { asker: &load.payer.asker, cost, answered: false }))
}
