//! Decisions on whole sets: each distinct input passes the tiers once.

use crate::pg::call_site::{Call, CallSite, Into, call_site, scope};
use crate::pg::decision::{Decision, decision};
use crate::pg::freshness::Horizon;
use crate::pg::resolver::Resolver;
use crate::pg::scope::Scope;
use crate::pg::view::View;
use crate::pg::{guard, guc, model, stats, world};
use pg_categorize_core::cascade::{Outcome, Reason};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// `(categorize_detail(x)).*` calls once a column: the last answer is kept, so that a row is asked about once.
struct Last {
    horizon: Horizon,
    generation: u64,
    /// The call sites that were given it: a site that asks again has come to another row.
    served: Vec<usize>,
    /// What was asked: a text's bytes, or the key of a view.
    input: Vec<u8>,
    taxonomy: Option<String>,
    outcome: Outcome,
}

thread_local! {
    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
}

/// The decision on one input.
pub fn detail(call: Call, input: Option<&str>, taxonomy: Option<&str>) -> Option<Decision> {
    let input = input?;
    let Some(site) = call_site(call, &Into::Taxonomy(taxonomy), false) else {
        return Some(decision(1, Some(input), None, &no_taxonomy()));
    };
    let scope = site.resolver.scope().clone();
    let outcome = once(site, input.as_bytes(), taxonomy, |site| {
        let mut outcome = site.resolve(input);
        model::add_evidence(&scope, input, &mut outcome);
        outcome
    });
    Some(decision(1, Some(input), Some(&scope), &outcome))
}

/// The decision on an image, with the text beside it.
///
/// # Errors
/// 22023 where it is none.
pub fn image_detail(call: Call, view: Option<View<'_>>, taxonomy: Option<&str>) -> Option<Decision> {
    let view = view?;
    let text = Some(view.text).filter(|text| !text.is_empty());
    let picture = view.picture();
    let Some(site) = call_site(call, &Into::Taxonomy(taxonomy), false) else {
        return Some(decision(1, text, None, &no_taxonomy()));
    };
    let scope = site.resolver.scope().clone();
    let outcome = match picture {
        Ok(picture) => {
            let resolve = |site: &mut CallSite| site.resolver.resolve_picture(&picture, view.text);
            once(site, &view.key(&picture), taxonomy, resolve)
        }
        Err(outcome) => {
            stats::count_outcome(&scope, &outcome);
            *outcome
        }
    };
    Some(decision(1, text, Some(&scope), &outcome))
}

/// What was said of this input for another column of the same row, or now.
fn once(
    site: &mut CallSite,
    input: &[u8],
    taxonomy: Option<&str>,
    resolve: impl FnOnce(&mut CallSite) -> Outcome,
) -> Outcome {
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
    known.unwrap_or_else(|| {
        guard::check_for_interrupts();
        let outcome = resolve(site);
        stats::count_outcome(site.resolver.scope(), &outcome);
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
    })
}

/// Inputs with what became of each distinct one.
struct Resolved {
    scope: Option<Rc<Scope>>,
    outcomes: Vec<Outcome>,
    /// Where the outcome of each input is; `None` for NULL.
    numbers: Vec<Option<usize>>,
}

/// Resolves each distinct input once; `with_grounds` where the words are wanted, too, for which a model answered so.
fn resolved(inputs: &[Option<String>], taxonomy: Option<&str>, with_grounds: bool) -> Resolved {
    let (world, _) = world::now();
    let scope = scope(&world, &Into::Taxonomy(taxonomy));
    let mut place: HashMap<&str, usize> = HashMap::new();
    let mut distinct: Vec<&str> = Vec::new();
    let mut numbers: Vec<Option<usize>> = Vec::with_capacity(inputs.len());
    for input in inputs {
        numbers.push(input.as_deref().map(|text| {
            *place.entry(text).or_insert_with(|| {
                distinct.push(text);
                distinct.len() - 1
            })
        }));
    }
    let outcomes = match &scope {
        Some(scope) => {
            let mut outcomes = Resolver::new(scope.clone()).resolve(&distinct);
            if with_grounds {
                for (input, outcome) in distinct.iter().zip(&mut outcomes) {
                    guard::check_for_interrupts();
                    model::add_evidence(scope, input, outcome);
                }
            }
            outcomes
        }
        None => vec![no_taxonomy(); distinct.len()],
    };
    Resolved { scope, outcomes, numbers }
}

/// The decisions on many inputs, numbered from 1 in their order; each row is made when it is asked for.
pub fn decisions(inputs: Vec<Option<String>>, taxonomy: Option<&str>) -> impl Iterator<Item = Decision> + use<> {
    let Resolved { scope, outcomes, numbers } = resolved(&inputs, taxonomy, true);
    let nothing = Outcome::default();
    (1..).zip(inputs).zip(numbers).map(move |((ordinality, input), number)| {
        let outcome = number.map_or(&nothing, |at| &outcomes[at]);
        if let (Some(scope), Some(_)) = (&scope, number) {
            stats::count_outcome(scope, outcome);
        }
        decision(ordinality, input.as_deref(), scope.as_deref(), outcome)
    })
}

/// The category of each input and the tier that answered it, or `unresolved`, in their order; NULLs for NULL.
pub fn answers(inputs: &[Option<String>], taxonomy: &str) -> Vec<(Option<String>, Option<String>)> {
    let Resolved { scope, outcomes, numbers } = resolved(inputs, Some(taxonomy), false);
    let answer = |number: Option<usize>| {
        let (Some(at), Some(scope)) = (number, &scope) else { return (None, None) };
        let outcome = &outcomes[at];
        stats::count_outcome(scope, outcome);
        let best = || outcome.alternatives.first().filter(|_| scope.on_unresolved() == guc::OnUnresolved::Best);
        let guess = outcome.answer.as_ref().map(|answer| &answer.guess).or_else(best);
        let source = outcome.answer.as_ref().map_or("unresolved", |answer| answer.source.as_str());
        (guess.and_then(|guess| scope.text(guess.category)).map(str::to_owned), Some(source.to_owned()))
    };
    numbers.into_iter().map(answer).collect()
}

fn no_taxonomy() -> Outcome {
    Outcome { reason: Some(Reason::NoTaxonomy), ..Outcome::default() }
}
