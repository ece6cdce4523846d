//! What is known of inputs before anybody is paid: corrections first, then answers that were stored meanwhile.

use super::backlog::Backlog;
use super::books::Books;
use super::comparing::comparable;
use super::plans::Plans;
use crate::pg::{guc, spi};
use pg_categorize_core::cascade::{CategoryId, Reason};
use pg_categorize_core::fingerprint::Fingerprint;
use pg_categorize_core::frame::Target;
use pg_categorize_core::money::Money;
use pg_categorize_core::taxonomy::Taxonomy;
use pg_categorize_gateway::plan::Plan;
use pg_categorize_gateway::store::{Keys, Known, KnownAnswer, LookUp, Refusal, Unsure};
use std::collections::HashMap;

/// Looks inputs up.
pub fn look_up(ask: &LookUp, plans: &mut Plans, books: &mut Books, backlog: &Backlog) -> Result<Known, Refusal> {
    if !guc::external() {
        return Err(Refusal::new(Reason::ExternalOff));
    }
    let plan = plans.plan(&ask.tenant, &ask.target)?;
    let taxonomy = plan.taxonomy.and_then(|id| plans.taxonomy(id));
    let answers = if ask.audits { audited(ask, backlog) } else { answers(ask, &plan, taxonomy.as_deref(), backlog) };
    let is_open = answers.iter().any(Option::is_none);
    let unsure = if is_open && !ask.audits { unsure(ask, &answers, taxonomy.as_deref()) } else { HashMap::new() };
    let soft = is_open && books.is_soft(&plan);
    let comparable = if is_open && !ask.audits { comparable(&plan) } else { None };
    Ok(Known { plan, answers, unsure, soft, comparable })
}

/// What is known of free answers is whether they were audited; what was said of them is nobody's answer.
fn audited(ask: &LookUp, backlog: &Backlog) -> Vec<Option<KnownAnswer>> {
    let audited = spi::audited(&ask.keys.iter().map(|key| key.own).collect::<Vec<_>>());
    let known = || {
        let (provider, model, grounds) = (None, None, None);
        let is_similar = false;
        KnownAnswer { category: 0, confidence: 0.0, provider, model, upgraded: false, grounds, is_similar }
    };
    let is_audited = |key: &Fingerprint| audited.contains(key) || backlog.is_audited(key);
    ask.keys.iter().map(|key| is_audited(&key.own).then(known)).collect()
}

fn answers(ask: &LookUp, plan: &Plan, taxonomy: Option<&Taxonomy>, backlog: &Backlog) -> Vec<Option<KnownAnswer>> {
    let known = known_answers(ask, taxonomy).into_iter().zip(&ask.keys);
    known.map(|(answer, key)| answer.or_else(|| backlog.answer(plan, &key.of_answer()))).collect()
}

/// What cheap models have said of inputs without an answer: in a batch, which cannot ask a strong one.
fn unsure(ask: &LookUp, answers: &[Option<KnownAnswer>], taxonomy: Option<&Taxonomy>) -> HashMap<Fingerprint, Unsure> {
    let open = ask.keys.iter().zip(answers).filter(|(_, answer)| answer.is_none());
    let open: Vec<Fingerprint> = open.map(|(key, _)| Keys::of_answer(key)).collect();
    let said = spi::unsure_answers(&open).into_iter();
    said.filter_map(|(answer, cost)| {
        let key = answer.fingerprint;
        Some((key, Unsure { answer: known(answer, &ask.target, taxonomy)?, cost: Money(cost) }))
    })
    .collect()
}

/// What the tables know.
pub fn known_answers(ask: &LookUp, taxonomy: Option<&Taxonomy>) -> Vec<Option<KnownAnswer>> {
    let own: Vec<Fingerprint> = ask.keys.iter().map(|key| key.own).collect();
    let shared: Vec<Fingerprint> = ask.keys.iter().filter_map(|key| key.shared).collect();
    let corrections = match taxonomy {
        Some(_) => spi::corrections(&ask.tenant, &own),
        None => Vec::new(),
    };
    let said = corrections.into_iter().filter_map(|(key, category)| {
        let category = taxonomy?.answerable(category)?.id;
        let (provider, model, grounds, is_similar) = (None, None, None, false);
        Some((key, KnownAnswer { category, confidence: 1.0, provider, model, upgraded: false, grounds, is_similar }))
    });
    let said: HashMap<_, _> = said.collect();
    let read = |kept: Vec<spi::KeptAnswer>| -> HashMap<Fingerprint, KnownAnswer> {
        kept.into_iter()
            .filter_map(|answer| Some((answer.fingerprint, known(answer, &ask.target, taxonomy)?)))
            .collect()
    };
    let kept = read(spi::own_answers(&ask.tenant, &own));
    let paid = if shared.is_empty() { HashMap::new() } else { read(spi::shared_answers(&shared)) };
    let mut found = Vec::with_capacity(ask.keys.len());
    for key in &ask.keys {
        let answer = said.get(&key.own).or_else(|| kept.get(&key.own));
        let answer = answer.or_else(|| key.shared.and_then(|shared| paid.get(&shared)));
        found.push(answer.cloned());
    }
    found
}

/// A stored answer, if its category may still answer.
fn known(kept: spi::KeptAnswer, target: &Target, taxonomy: Option<&Taxonomy>) -> Option<KnownAnswer> {
    let category: CategoryId = match (kept.category, target) {
        (Some(id), Target::Taxonomy { .. }) => taxonomy?.answerable(id)?.id,
        (None, Target::Labels(labels)) => {
            let label = kept.label?;
            i32::try_from(labels.iter().position(|known| *known == label)?).ok()?
        }
        _ => return None,
    };
    Some(KnownAnswer {
        category,
        confidence: kept.confidence,
        provider: kept.provider,
        model: kept.model,
        upgraded: kept.upgraded,
        grounds: kept.grounds,
        is_similar: kept.is_similar,
    })
}
