//! The earlier texts that are nearest to one, for people to look at.

use crate::pg::call_site::{Into, scope};
use crate::pg::neighbours::{Near, Neighbourhood, embedding_of, nearest_without_index};
use crate::pg::resolver::unreadable;
use crate::pg::{due, error, world};
use pg_categorize_core::error::Error;
use pgrx::prelude::*;

/// The most texts that may be asked for.
const MOST: i32 = 100;

/// Texts of a kind that are compared where there is no index: some hundredths of a second.
const WITHOUT_INDEX: usize = 10_000;

/// A text with its category, its cosine and its origin.
pub type Suggestion = (String, String, f32, f32, String);

/// The `k` earlier texts of the tenant that are nearest to an input, nearest first. Nothing is spent or stored.
///
/// # Errors
/// 22023 for an unknown taxonomy, or a `k` that is not between 1 and 100.
pub fn suggest(input: &str, k: i32, taxonomy: Option<&str>) -> Vec<Suggestion> {
    if !(1..=MOST).contains(&k) {
        error::raise(Error::invalid("invalid number of suggestions").hint(format!("k is a number from 1 to {MOST}.")));
    }
    let wanted = usize::try_from(k).unwrap_or(1);
    let (world, _) = world::now();
    let Some(scope) = scope(&world, &Into::Taxonomy(taxonomy)) else { return Vec::new() };
    if unreadable(input).is_some() {
        return Vec::new();
    }
    let Some(embedding) = embedding_of(input) else {
        notice!("no word of the input is known to the embedding");
        return Vec::new();
    };
    let near = match Neighbourhood::open(&scope) {
        Ok(neighbourhood) => neighbourhood.nearest(&scope, &[&embedding.0], wanted).pop().unwrap_or_default(),
        Err(obstacle) => {
            if obstacle.can_be_built() {
                due::missing_index();
            }
            let (near, is_part) = nearest_without_index(&scope, &embedding, wanted, WITHOUT_INDEX);
            if is_part {
                error::notice(
                    &format!("only the newest {WITHOUT_INDEX} texts were compared"),
                    format!("There is no index of embeddings: {}.", obstacle.as_str()),
                    "CREATE EXTENSION vector lets a worker build one.".to_owned(),
                );
            }
            near
        }
    };
    let suggestion = |near: Near| {
        let category = scope.text(scope.answerable(near.known.category)?)?.to_owned();
        Some((near.known.input, category, near.cosine, 1.0 - near.cosine, near.known.origin))
    };
    near.into_iter().filter_map(suggestion).collect()
}
