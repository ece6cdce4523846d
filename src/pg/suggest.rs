//! The earlier texts that are nearest to one, for people to look at.

use crate::pg::call_site::{Into, scope};
use crate::pg::neighbours::{Asked, Near, Neighbourhood, nearest_without_index};
use crate::pg::resolver::unreadable;
use crate::pg::{error, world};
use pg_categorize_core::error::Error;
use pg_categorize_core::normalise::{Case, normalise};
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
    let normal = normalise(input, Case::Folded);
    let found = match Neighbourhood::open(&scope) {
        Ok(neighbourhood) => {
            let asked = Asked { key: scope.own.fingerprint(&normalise(input, scope.case())), normal: &normal };
            neighbourhood.nearest(&scope, &[asked], wanted).pop().unwrap_or_else(|| Ok(Vec::new()))
        }
        Err(obstacle) => Err(format!("There is no index of embeddings: {}.", obstacle.as_str())),
    };
    let near = found.unwrap_or_else(|why| {
        let Some((near, is_part)) = nearest_without_index(&scope, &normal, wanted, WITHOUT_INDEX) else {
            notice!("no word of the input is known to the embedding");
            return Vec::new();
        };
        if is_part {
            let hint = "With the extension vector (pgvector), a worker builds one.".to_owned();
            error::notice(&format!("only the newest {WITHOUT_INDEX} texts were compared"), why, hint);
        }
        near
    });
    let suggestion = |near: Near| {
        let category = scope.text(scope.answerable(near.known.category)?)?.to_owned();
        Some((near.known.input, category, near.cosine, 1.0 - near.cosine, near.known.origin))
    };
    near.into_iter().filter_map(suggestion).collect()
}
