//! Learning from labelled examples: they answer exact matches, and train the model.

use super::correction::{Pupils, check_input, fingerprint, name_of, teaching};
use super::{as_writer, category, locked};
use crate::pg::scope::Scope;
use crate::pg::spi::{self, NewLabel};
use crate::pg::{catalog, due, error, freshness, guc, world};
use pg_categorize_core::close_names;
use pg_categorize_core::error::Error;
use pg_categorize_core::growth::Wanted;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

/// Categories that an error lists.
const LISTED: usize = 10;

/// Stores the examples that a query of (input, category) returns, and returns how many; the last of an input wins.
///
/// # Errors
/// 22023 where the taxonomy lacks a category (nothing is stored; the DETAIL lists them with close names), unless
/// `add_categories`; those of the query, which runs with the caller's rights and cannot write.
pub fn learn(query: &str, taxonomy: Option<&str>, add_categories: bool) -> i64 {
    let mut scope = teaching(taxonomy, Pupils::Many);
    let mut stored = 0;
    let mut missing = BTreeSet::new();
    spi::for_each_pair(query, |pairs| {
        let unknown = unknown(&scope, &pairs);
        if !unknown.is_empty() && add_categories {
            scope = add(&scope, unknown);
        } else {
            missing.extend(unknown);
        }
        // Nothing stays stored once something is missing: the error at the end takes all back.
        if missing.is_empty() {
            stored += store(&scope, pairs);
        }
    });
    if !missing.is_empty() {
        refuse(&scope, &missing);
    }
    stored as i64
}

fn unknown(scope: &Scope, pairs: &[(String, String)]) -> BTreeSet<String> {
    let taxonomy = scope.taxonomy().expect("labels name a taxonomy");
    pairs.iter().map(|(_, category)| category).filter(|c| taxonomy.lookup(c).is_none()).cloned().collect()
}

fn add(scope: &Scope, unknown: BTreeSet<String>) -> Rc<Scope> {
    let name = name_of(scope);
    as_writer(|caller| {
        if !caller.admin {
            error::not_allowed(
                "must be a member of categorize_admin to add categories",
                "Leave add_categories out, or have an admin add them: all tenants see the taxonomy.",
            );
        }
        let taxonomy = locked(&name);
        category::store(&taxonomy, unknown.into_iter().map(|path| Wanted { path, ..Wanted::default() }).collect());
        spi::bump_taxonomy(taxonomy.id);
        let grown = locked(&name);
        Rc::new(world::private_scope(&guc::tenant(), grown))
    })
}

fn store(scope: &Scope, pairs: Vec<(String, String)>) -> u64 {
    let taxonomy = scope.taxonomy().expect("labels name a taxonomy");
    let mut last = HashMap::new();
    for (input, category) in pairs {
        check_input(&input);
        let category = taxonomy.find(&category).unwrap_or_else(|e| error::raise(e)).id;
        last.insert(fingerprint(scope, &input), (input, category));
    }
    let label = |(fingerprint, (input, category))| NewLabel {
        fingerprint,
        input: scope.settings.store_input.then_some(input),
        category,
    };
    let mut new: Vec<NewLabel> = last.into_iter().map(label).collect();
    new.sort_unstable_by_key(|l| l.fingerprint);
    as_writer(|caller| {
        let stored = spi::upsert_labels(taxonomy.id, taxonomy.version, &caller.tenant, new);
        freshness::wrote(catalog::tables().cache);
        due::learnt(scope, stored.new);
        stored.all
    })
}

fn refuse(scope: &Scope, missing: &BTreeSet<String>) -> ! {
    let taxonomy = scope.taxonomy().expect("labels name a taxonomy");
    let close = |name: &String| {
        let close = close_names::close_names(name, taxonomy.live_categories().map(|c| c.path.as_str()), 1);
        match close.first() {
            Some(known) => format!("\"{name}\" (close: \"{known}\")"),
            None => format!("\"{name}\""),
        }
    };
    let mut list: Vec<String> = missing.iter().take(LISTED).map(close).collect();
    if missing.len() > LISTED {
        list.push(format!("and {} more", missing.len() - LISTED));
    }
    error::raise(
        Error::invalid(format!("taxonomy \"{}\" lacks categories of the examples", taxonomy.name))
            .detail(format!("Missing: {}.", list.join(", ")))
            .hint("Correct the names, or pass add_categories => true. Nothing was stored."),
    )
}
