//! What earlier texts say of inputs whose vectors were bought: the rule of the similarity tier, before a language model is asked.
//! What they answer is stored, so that it is paid for once.

use super::plans::{Plans, cache_ttl};
use super::vectors::{current, wanted_by};
use crate::pg::neighbours::{Asked, Neighbourhood, Weighed, weigh};
use crate::pg::spi::{self, NearAnswer as Row};
use crate::pg::{error, world, xact};
use pg_categorize_core::frame::Nearness;
use pg_categorize_core::normalise::{Case, normalise};
use pg_categorize_core::similarity::NEIGHBOURS;
use pg_categorize_gateway::plan::Plan;
use pg_categorize_gateway::store::{Comparable, Compare, Compared, NearAnswer};
use std::panic::AssertUnwindSafe;

/// How long the vectors are that inputs under a plan can be compared with; none where they cannot be now.
pub fn comparable(plan: &Plan) -> Option<usize> {
    let (taxonomy, model) = wanted_by(plan.vectors.as_deref()?)?;
    let index = current(taxonomy, model)?;
    (index.ready && index.table.is_some()).then_some(index.dimensions)
}

/// Compares inputs with the earlier texts of their tenant. Nothing is found where that fails: then a language model is asked.
pub fn compare(ask: &Compare, plans: &mut Plans) -> Vec<Compared> {
    let look = AssertUnwindSafe(|| look(ask));
    let weighed = match xact::contained(|| { look }()) {
        Ok(weighed) => weighed.unwrap_or_default(),
        Err(message) => {
            error::log("gateway compares no vectors", Some(format!("The error was: {message}.")), None);
            Vec::new()
        }
    };
    let keep = AssertUnwindSafe(|| keep(ask, &weighed, plans));
    if let Err(message) = xact::contained(|| { keep }()) {
        // Whoever asks again pays for the vector again.
        error::log("gateway does not store similar answers", Some(format!("The error was: {message}.")), None);
    }
    weighed.into_iter().map(compared).collect()
}

fn look(ask: &Compare) -> Option<Vec<Weighed>> {
    let (id, model) = wanted_by(&ask.plan)?;
    let (name, _) = spi::taxonomy_by_id(id)?;
    let (world, _) = world::now();
    let scope = world.scope(&ask.plan.tenant, &name);
    if scope.taxonomy().is_none_or(|taxonomy| taxonomy.id != id) {
        return None;
    }
    let length = ask.inputs.first()?.vector.len();
    let neighbourhood = Neighbourhood::open(&scope).ok().filter(|opened| opened.takes(model, length))?;
    let normals: Vec<String> = ask.inputs.iter().map(|input| normalise(&input.text, Case::Folded)).collect();
    let asked: Vec<Asked<'_>> =
        ask.inputs.iter().zip(&normals).map(|(input, normal)| Asked { key: input.key, normal }).collect();
    let vectors: Vec<Option<Vec<f32>>> = ask.inputs.iter().map(|input| Some(input.vector.to_vec())).collect();
    let near = neighbourhood.nearest_to(&scope, &asked, &vectors, NEIGHBOURS);
    let weigh = |(asked, near): (&Asked<'_>, Result<Vec<_>, String>)| {
        near.map_or_else(|_| Weighed::default(), |near| weigh(&scope, asked.normal, near, neighbourhood.model()))
    };
    Some(asked.iter().zip(near).map(weigh).collect())
}

fn keep(ask: &Compare, weighed: &[Weighed], plans: &mut Plans) {
    let vectors = ask.plan.vectors.as_ref().and_then(|vectors| vectors.routes.first());
    let taxonomy = ask.plan.taxonomy.and_then(|id| plans.taxonomy(id));
    let (Some(route), Some(taxonomy)) = (vectors, taxonomy) else { return };
    let row = |(input, weighed): (&Comparable, &Weighed)| {
        let answer = weighed.answer.as_ref()?;
        Some(Row {
            fingerprint: input.key,
            category: answer.guess.category,
            confidence: answer.guess.confidence.clamp(0.0, 1.0),
            cost: input.cost.0,
            input: taxonomy.settings.store_input.then(|| input.text.to_string()),
            expires_at: (answer.expires_at < i64::MAX).then_some(answer.expires_at),
        })
    };
    let rows: Vec<Row> = ask.inputs.iter().zip(weighed).filter_map(row).collect();
    if !rows.is_empty() {
        let by = (route.provider.name.as_str(), route.model.name.as_str());
        let of = (taxonomy.id, ask.plan.taxonomy_version);
        spi::store_near_answers(&ask.plan.tenant, of, by, cache_ttl(&taxonomy.settings), rows);
    }
}

fn compared(weighed: Weighed) -> Compared {
    let Weighed { answer, similar } = weighed;
    let mut hints = Vec::new();
    for text in &similar.texts {
        if !hints.contains(&text.category) {
            hints.push(text.category);
        }
    }
    let answer = answer.map(|answer| NearAnswer {
        category: answer.guess.category,
        confidence: answer.guess.confidence,
        nearness: Nearness { origin: answer.origin, similar },
    });
    Compared { answer, hints }
}
