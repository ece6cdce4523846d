//! Adding, renaming, merging and dropping categories. Answers follow, since they refer to ids.

use super::{already_exists, as_writer, locked};
use crate::pg::error;
use crate::pg::spi::{self, NewCategory};
use pg_categorize_core::category_path;
use pg_categorize_core::error::Error;
use pg_categorize_core::growth::{self, Parent, Wanted};
use pg_categorize_core::taxonomy::{Category, Taxonomy};
use pgrx::prelude::*;

/// Adds a category, with the nodes above it that are not there yet.
///
/// # Errors
/// 22023 for a bad path or taxonomy; 42710 where the category exists; 54000 beyond the bound.
pub fn add(taxonomy: &str, wanted: Wanted) -> i32 {
    as_writer(|_| {
        let taxonomy = locked(taxonomy);
        refuse_existing(&taxonomy, &wanted.path);
        let ids = store(&taxonomy, vec![wanted]);
        spi::bump_taxonomy(taxonomy.id);
        ids.last().copied().unwrap_or_default()
    })
}

/// Gives a category another path; what hangs below moves with it, answers stay.
///
/// # Errors
/// 22023 for an unknown category or a bad path; 42710 where the new path is taken.
pub fn rename(taxonomy: &str, path: &str, new_path: &str) {
    as_writer(|_| {
        let taxonomy = locked(taxonomy);
        let category = find(&taxonomy, path);
        let labels = category_path::split(new_path).unwrap_or_else(|e| error::raise(e));
        if taxonomy.lookup(new_path).is_some_and(|other| other.id != category.id) {
            refuse_existing(&taxonomy, new_path);
        }
        let below = taxonomy.descendants(category.id);
        let (label, above) = labels.split_last().expect("a path has a label");
        let parent = parent_of(&taxonomy, above);
        if parent.is_some_and(|p| p == category.id || below.iter().any(|c| c.id == p)) {
            error::raise(Error::invalid(format!("category \"{path}\" cannot be moved below itself")));
        }
        spi::move_category(category.id, parent, label, new_path);
        let depth = taxonomy.labels(category).len();
        for child in below {
            let mut moved: Vec<&str> = labels.iter().map(String::as_str).collect();
            moved.extend(&taxonomy.labels(child)[depth..]);
            let path = category_path::join(&moved);
            category_path::split(&path).unwrap_or_else(|e| error::raise(e));
            spi::move_category(child.id, child.parent, &child.label, &path);
        }
        spi::bump_taxonomy(taxonomy.id);
    });
}

/// Sends the answers, corrections and rules of a category to another, and ends it.
///
/// # Errors
/// 22023 for an unknown category or a merger with itself; 2BP01 where categories hang below it.
pub fn merge(taxonomy: &str, path: &str, into_path: &str) {
    as_writer(|_| {
        let taxonomy = locked(taxonomy);
        let (category, into) = (find(&taxonomy, path), find(&taxonomy, into_path));
        if category.id == into.id {
            error::raise(Error::invalid(format!("category \"{path}\" cannot be merged into itself")));
        }
        refuse_inner(&taxonomy, category, "merge");
        spi::set_merged_into(category.id, into.id);
        spi::bump_taxonomy(taxonomy.id);
    });
}

/// Ends a category; its answers no longer count.
///
/// # Errors
/// 22023 for an unknown category; 2BP01 where categories hang below it.
pub fn drop(taxonomy: &str, path: &str) {
    as_writer(|_| {
        let taxonomy = locked(taxonomy);
        let category = find(&taxonomy, path);
        refuse_inner(&taxonomy, category, "drop");
        spi::set_dropped(category.id);
        spi::bump_taxonomy(taxonomy.id);
    });
}

/// Stores what a taxonomy lacks of `wanted`; returns the new ids, parents first.
pub(super) fn store(taxonomy: &Taxonomy, wanted: Vec<Wanted>) -> Vec<i32> {
    let nodes = growth::grow(taxonomy, wanted).unwrap_or_else(|e| error::raise(e));
    let ids = spi::next_category_ids(nodes.len());
    let new = nodes.into_iter().map(|node| NewCategory {
        parent: match node.parent {
            Parent::Top => None,
            Parent::Known(id) => Some(id),
            Parent::New(at) => Some(ids[at]),
        },
        label: node.label,
        path: node.wanted.path,
        description: node.wanted.description,
        examples: node.wanted.examples,
    });
    spi::insert_categories(taxonomy.id, &ids, new.collect());
    ids
}

fn parent_of(taxonomy: &Taxonomy, above: &[String]) -> Option<i32> {
    if above.is_empty() {
        return None;
    }
    let path = category_path::join(above);
    match taxonomy.lookup(&path) {
        Some(parent) => Some(parent.id),
        None => store(taxonomy, vec![Wanted { path, ..Wanted::default() }]).last().copied(),
    }
}

fn find<'a>(taxonomy: &'a Taxonomy, path: &str) -> &'a Category {
    taxonomy.find(path).unwrap_or_else(|e| error::raise(e))
}

fn refuse_existing(taxonomy: &Taxonomy, path: &str) {
    if taxonomy.lookup(path).is_some() {
        already_exists(
            &format!("category \"{path}\" of taxonomy \"{}\"", taxonomy.name),
            "To join two categories use categorize.merge_category().",
        );
    }
}

fn refuse_inner(taxonomy: &Taxonomy, category: &Category, verb: &str) {
    let below = taxonomy.descendants(category.id);
    if let Some(child) = below.first() {
        error::report(
            PgSqlErrorCode::ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST,
            format!("cannot {verb} category \"{}\" because others hang below it", category.path),
            Some(format!("Categories below it: {}, the first is \"{}\".", below.len(), child.path)),
            Some(format!("First rename, merge or drop those, then {verb} this one.")),
        );
    }
}
