//! Decisions on whole sets: each distinct input passes the tiers once.

use crate::pg::call_site::{Call, Into, call_site, scope};
use crate::pg::decision::{Decision, decision};
use crate::pg::freshness::Horizon;
use crate::pg::resolver::Resolver;
use crate::pg::{guard, stats, world};
use pg_categorize_core::cascade::{Outcome, Reason};
use std::cell::RefCell;
use std::collections::HashMap;

/// `(categorize_detail(x)).*` calls once a column: the last answer is kept, so that a row is asked about once.
struct Last {
    horizon: Horizon,
    generation: u64,
    /// The call sites that were given it: a site that asks again has come to another row.
    served: Vec<usize>,
    input: String,
    taxonomy: Option<String>,
    outcome: Outcome,
}

thread_local! {
    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
}

/// The decision on one input.
pub fn detail(call: Call, input: Option<&str>, taxonomy: Option<&str>) -> Option<Decision> {
    let input = input?;
    let Some(site) = call_site(call, &Into::Taxonomy(taxonomy)) else {
        return Some(decision(1, Some(input), None, &no_taxonomy()));
    };
    let scope = site.resolver.scope().clone();
    let place = std::ptr::from_ref(site) as usize;
    let known = LAST.with_borrow_mut(|last| {
        let last = last.as_mut()?;
        let same = last.horizon == site.horizon
            && last.generation == site.generation
            && last.input == input
            && last.taxonomy.as_deref() == taxonomy
            && !last.served.contains(&place);
        same.then(|| {
            last.served.push(place);
            last.outcome.clone()
        })
    });
    let outcome = known.unwrap_or_else(|| {
        guard::check_for_interrupts();
        let outcome = site.resolver.resolve_one(input);
        stats::count_outcome(&scope, &outcome);
        let last = Last {
            horizon: site.horizon,
            generation: site.generation,
            served: vec![place],
            input: input.to_owned(),
            taxonomy: taxonomy.map(str::to_owned),
            outcome: outcome.clone(),
        };
        LAST.set(Some(last));
        outcome
    });
    Some(decision(1, Some(input), Some(&scope), &outcome))
}

/// The decisions on many inputs, numbered from 1 in their order.
pub fn decisions(inputs: Vec<Option<String>>, taxonomy: Option<&str>) -> Vec<Decision> {
    let (world, _) = world::now();
    let Some(scope) = scope(&world, &Into::Taxonomy(taxonomy)) else {
        let unresolved =
            |(i, input): (usize, &Option<String>)| decision(i as i32 + 1, input.as_deref(), None, &no_taxonomy());
        return inputs.iter().enumerate().map(unresolved).collect();
    };
    let mut place: HashMap<&str, usize> = HashMap::new();
    let mut distinct: Vec<&str> = Vec::new();
    for input in inputs.iter().flatten() {
        place.entry(input).or_insert_with(|| {
            distinct.push(input);
            distinct.len() - 1
        });
    }
    let outcomes = Resolver::new(scope.clone()).resolve(&distinct);
    let nothing = Outcome::default();
    inputs
        .iter()
        .enumerate()
        .map(|(i, input)| {
            guard::check_for_interrupts();
            let outcome = input.as_deref().map_or(&nothing, |text| &outcomes[place[text]]);
            if input.is_some() {
                stats::count_outcome(&scope, outcome);
            }
            decision(i as i32 + 1, input.as_deref(), Some(&scope), outcome)
        })
        .collect()
}

fn no_taxonomy() -> Outcome {
    Outcome { reason: Some(Reason::NoTaxonomy), ..Outcome::default() }
}
