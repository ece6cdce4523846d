//! What people correct. It counts from the next statement after commit, over all that machines said.

use super::{as_writer, held};
use crate::pg::resolver::{Resolver, unreadable};
use crate::pg::scope::Scope;
use crate::pg::spi::{self, Hold, NewCorrection};
use crate::pg::{due, error, guc, world};
use pg_categorize_core::error::{Error, ErrorKind};
use pg_categorize_core::fingerprint::Fingerprint;
use pg_categorize_core::normalise::normalise;
use pg_categorize_core::taxonomy::Taxonomy;
use std::collections::HashMap;
use std::rc::Rc;

/// Stores the correction of one input.
///
/// # Errors
/// 22023 for a blank input, an unknown category or taxonomy; 54000 for an input above 1 MB.
pub fn correct(input: &str, category: &str, taxonomy: Option<&str>) {
    let scope = teaching(taxonomy, Pupils::One);
    store(&scope, vec![(input.to_owned(), category.to_owned())]);
}

/// Stores the corrections that a query of (input, category) returns; the last of an input wins.
///
/// # Errors
/// As `correct`, and those of the query, which runs with the caller's rights and cannot write.
pub fn correct_many(query: &str, taxonomy: Option<&str>) -> i64 {
    let scope = teaching(taxonomy, Pupils::Many);
    let mut stored = 0;
    spi::for_each_pair(query, |pairs| stored += store(&scope, pairs));
    stored as i64
}

/// Takes the correction of an input back; says whether there was one.
///
/// # Errors
/// 22023 for an unknown taxonomy.
pub fn drop(input: &str, taxonomy: Option<&str>) -> bool {
    let scope = scope_of(taxonomy);
    as_writer(|_| spi::delete_correction(&fingerprint(&scope, input)))
}

/// Forgets the answers kept for an input, also a learnt one; says whether there were any.
///
/// # Errors
/// 22023 for an unknown taxonomy.
pub fn forget(input: &str, taxonomy: Option<&str>) -> bool {
    let scope = scope_of(taxonomy);
    as_writer(|_| spi::delete_cached(&[fingerprint(&scope, input)]) > 0)
}

/// The caller's view of a taxonomy.
pub(super) fn scope_of(taxonomy: Option<&str>) -> Rc<Scope> {
    let name = super::taxonomy(taxonomy).name.clone();
    world::now().0.scope(&guc::tenant(), &name)
}

/// How much a call teaches.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Pupils {
    /// One input.
    One,
    /// Many, in portions: two such calls of a tenant wait for each other, so that they never lock the same inputs in
    /// opposite order.
    Many,
}

/// The caller's view of a taxonomy that is held against being dropped, as it is committed now.
pub(super) fn teaching(taxonomy: Option<&str>, pupils: Pupils) -> Rc<Scope> {
    let seen = scope_of(taxonomy);
    as_writer(|caller| {
        let now = held(&name_of(&seen), Hold::Keep);
        if pupils == Pupils::Many {
            spi::lock_lessons(now.id, &caller.tenant);
        }
        // One of the same name may have been dropped and made anew meanwhile.
        let same = |was: &Taxonomy| {
            (was.id, was.version) == (now.id, now.version) && was.settings.explicit() == now.settings.explicit()
        };
        if seen.taxonomy().is_some_and(same) {
            seen.clone()
        } else {
            Rc::new(world::private_scope(&caller.tenant, now))
        }
    })
}

/// The key of an input among its tenant's own answers.
pub(super) fn fingerprint(scope: &Scope, input: &str) -> Fingerprint {
    scope.own.fingerprint(&normalise(input, scope.case()))
}

/// The name of a scope's taxonomy.
pub(super) fn name_of(scope: &Scope) -> String {
    scope.taxonomy().expect("people teach taxonomies, not ad-hoc labels").name.clone()
}

/// Refuses what cannot be learnt from.
pub(super) fn check_input(input: &str) {
    if let Some(reason) = unreadable(input) {
        let kind = match reason {
            pg_categorize_core::cascade::Reason::InputTooLarge => ErrorKind::LimitExceeded,
            _ => ErrorKind::InvalidParameter,
        };
        error::raise(Error::new(kind, "input cannot be categorized").detail(format!("Reason: {}.", reason.as_str())));
    }
}

fn store(scope: &Rc<Scope>, pairs: Vec<(String, String)>) -> u64 {
    let taxonomy: &Taxonomy = scope.taxonomy().expect("corrections name a taxonomy");
    let mut last: HashMap<Fingerprint, (String, i32)> = HashMap::new();
    for (input, category) in pairs {
        check_input(&input);
        let category = taxonomy.find(&category).unwrap_or_else(|e| error::raise(e)).id;
        last.insert(fingerprint(scope, &input), (input, category));
    }
    // In one order everywhere: two that correct the same inputs wait for each other, and never both.
    let mut last: Vec<_> = last.into_iter().collect();
    last.sort_unstable_by_key(|(fingerprint, _)| *fingerprint);
    let (keys, values): (Vec<_>, Vec<_>) = last.into_iter().unzip();
    let inputs: Vec<&str> = values.iter().map(|(input, _)| input.as_str()).collect();
    let said = Resolver::free(scope.clone()).resolve(&inputs);
    let new = keys.into_iter().zip(&values).zip(said).map(|((fingerprint, (input, category)), said)| NewCorrection {
        fingerprint,
        input: scope.settings.store_input.then(|| input.clone()),
        category: *category,
        machine_category: said.answer.as_ref().map(|a| a.guess.category),
        machine_source: said.answer.as_ref().map(|a| a.source.as_str().to_owned()),
    });
    let new: Vec<_> = new.collect();
    let said: Vec<_> = new.iter().map(|correction| (correction.fingerprint, correction.category)).collect();
    let stored = as_writer(|caller| {
        spi::observe_corrections(&said);
        spi::upsert_corrections(taxonomy.id, &caller.tenant, &caller.name, new)
    });
    due::learnt(scope, stored.new);
    stored.all
}
