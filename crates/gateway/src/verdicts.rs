//! A provider's reply, read for each input: what those who wait hear, who pays, and what is stored.

use crate::desk::{Landed, Landing, Load};
use crate::flight::First;
use crate::plan::{Grade, Plan, Route};
use crate::provider::ItemAnswer;
use crate::share::{Paid, shares};
use crate::store::{NewAnswer, NewAudit, NewVector, Observed, Share, Standing};
use pg_categorize_core::candidates::{Next, Offered, Reach};
use pg_categorize_core::cascade::{CategoryId, Reason};
use pg_categorize_core::choices::Verdict;
use pg_categorize_core::fingerprint::Fingerprint;
use pg_categorize_core::frame::{Answered, Grounds, Reply, Request};
use pg_categorize_core::money::Money;
use std::sync::Arc;

/// What a reply means.
pub(crate) struct Verdicts {
    /// What each input's flight comes to.
    pub(crate) landed: Vec<Landed>,
    pub(crate) shares: Vec<Share>,
    pub(crate) stored: Vec<NewAnswer>,
    /// What a strong model decided.
    pub(crate) decided: Vec<Fingerprint>,
    /// What it said of answers that are audited.
    pub(crate) audits: Vec<NewAudit>,
    /// The vectors of what is stored, where they were bought.
    pub(crate) vectors: Vec<NewVector>,
}

/// Reads the answers to `loads`, whose ids are their positions from 1 on. Without a cost, which nobody knows then, they
/// are told as free and nobody has a share.
pub(crate) fn read(
    (plan, grade): (&Plan, Grade),
    route: &Route,
    loads: &[Load],
    answers: Vec<ItemAnswer>,
    (cost, request): (Option<Money>, Request),
) -> Verdicts {
    let mut by_position: Vec<Option<ItemAnswer>> = loads.iter().map(|_| None).collect();
    for answer in answers {
        if let Some(slot) = (answer.id as usize).checked_sub(1).and_then(|at| by_position.get_mut(at)) {
            *slot = Some(answer);
        }
    }
    let costs = cost.unwrap_or(Money::ZERO).shares(loads.len());
    let (mut landed, mut stored) = (Vec::with_capacity(loads.len()), Vec::with_capacity(loads.len()));
    let (mut decided, mut audits, mut vectors) = (Vec::new(), Vec::new(), Vec::new());
    for ((load, answer), cost) in loads.iter().zip(by_position).zip(&costs) {
        let landing = match answer.map(|answer| said(plan, route, load, answer)) {
            None => Landing::Invalid { named: None },
            Some(Said::Invalid { named }) => Landing::Invalid { named },
            Some(Said::Further { offered, sure }) => Landing::Further { offered, sure },
            Some(Said::Final(word)) => {
                if let Some(claim) = &load.claim {
                    let (key, claim) = (load.key.answer, claim.clone());
                    let cost = [load.spent.all, *cost].into_iter().sum();
                    audits.push(NewAudit { key, claim, category: word.category, confidence: word.confidence, cost });
                }
                let unsure = load.may_upgrade && word.confidence < plan.upgrade_below;
                if grade == Grade::Strong && load.first.is_some() {
                    decided.push(load.key.answer);
                }
                let reply = match word.category {
                    None => Reply::Unanswered { reason: Reason::NoneOfThese, detail: None },
                    Some(category) if load.claim.is_some() => {
                        answered((route, request), grade, category, word, load.spent.untold(*cost))
                    }
                    Some(category) => {
                        let standing = match grade {
                            Grade::Strong => Standing::Upgraded(observed(load.first.as_ref(), category)),
                            Grade::Vectors | Grade::Cheap if unsure => Standing::Unsure,
                            Grade::Vectors | Grade::Cheap => Standing::Sure,
                        };
                        vectors.extend(
                            load.vector
                                .as_ref()
                                .map(|vector| NewVector { key: load.key.answer, vector: vector.to_vec() }),
                        );
                        stored.push(NewAnswer {
                            key: load.key.answer,
                            text: load.text.to_string(),
                            category,
                            confidence: word.confidence,
                            cost: [load.spent.all, *cost].into_iter().sum(),
                            grounds: word.grounds.clone(),
                            standing,
                        });
                        answered((route, request), grade, category, word, load.spent.untold(*cost))
                    }
                };
                if unsure { Landing::Unsure(reply) } else { Landing::Told(reply) }
            }
        };
        landed.push(Landed { id: load.id, landing, cost: *cost, may_upgrade: load.may_upgrade });
    }
    let paid = loads.iter().zip(&landed).zip(costs).map(|((load, landed), cost)| Paid {
        asker: &load.payer.asker,
        cost,
        answered: !matches!(landed.landing, Landing::Invalid { .. }),
    });
    let shares = if cost.is_some() { shares(paid) } else { Vec::new() };
    Verdicts { landed, shares, stored, decided, audits, vectors }
}

fn answered((route, request): (&Route, Request), grade: Grade, category: CategoryId, word: Word, cost: i64) -> Reply {
    Reply::Answered(Box::new(Answered {
        category,
        confidence: word.confidence,
        known: false,
        provider: Some(route.provider.name.clone()),
        model: Some(route.model.name.clone()),
        cost,
        alternatives: word.alternatives,
        upgraded: grade == Grade::Strong,
        provisional: false,
        grounds: Some(word.grounds),
        nearness: None,
        request: Some(request),
    }))
}

/// What a model says of an input.
enum Said {
    /// It decides.
    Final(Word),
    /// Not yet: the input is asked with another list.
    Further { offered: Arc<Offered>, sure: f32 },
    /// Nothing; perhaps a category that was not offered.
    Invalid { named: Option<CategoryId> },
}

/// A valid answer.
struct Word {
    /// `None` where no category fits.
    category: Option<CategoryId>,
    confidence: f32,
    grounds: Grounds,
    alternatives: Vec<(CategoryId, f32)>,
}

fn said(plan: &Plan, route: &Route, load: &Load, answer: ItemAnswer) -> Said {
    let raw = if answer.confidence.is_finite() { answer.confidence.clamp(0.0, 1.0) } else { 0.0 };
    // The end of a way down is as sure as all of it.
    let raw = raw * load.sure;
    let next = match (&plan.candidates, &load.offered) {
        (Some(candidates), Some(offered)) => candidates.after(load.sought(), offered, answer.verdict),
        _ => match answer.verdict {
            Verdict::Category(category) => Next::Answer(category),
            Verdict::NoneOfThese => Next::Nothing,
            Verdict::NotOffered(_) | Verdict::Invalid => Next::Invalid,
        },
    };
    let category = match next {
        Next::Answer(category) => Some(category),
        Next::Nothing => None,
        Next::Ask(offered) => {
            let sure = if answer.verdict == Verdict::NoneOfThese { load.sure } else { raw };
            return Said::Further { offered: Arc::new(offered), sure };
        }
        Next::Invalid => {
            let named = match answer.verdict {
                Verdict::NotOffered(category) => Some(category),
                _ => None,
            };
            return Said::Invalid { named };
        }
    };
    let confidence = route.calibrated(raw, answer.source);
    let grounds = Grounds { raw_confidence: raw, source: answer.source, rationale: answer.rationale };
    // Branches are no alternatives to the answer.
    let walks = load.offered.as_ref().is_some_and(|offered| offered.step.reach() == Reach::Tree);
    let alternatives = if walks { Vec::new() } else { answer.alternatives };
    Said::Final(Word { category, confidence, grounds, alternatives })
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
