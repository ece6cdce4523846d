//! The nearest of known titles by comparing with all of them: what an index would find at best.

use pg_categorize_core::cascade::CategoryId;
use pg_categorize_core::embedding::{Embedding, embed};
use pg_categorize_core::similarity::NEIGHBOURS;
use std::collections::HashMap;

/// Titles with their categories.
pub struct Known<'a> {
    all: Vec<(Embedding, &'a str, CategoryId)>,
}

/// One that is near.
#[derive(Debug, Clone, Copy)]
pub struct Near<'a> {
    /// Its category.
    pub category: CategoryId,
    /// How near it is.
    pub cosine: f32,
    /// Its text, in normal form.
    pub text: &'a str,
}

impl<'a> Known<'a> {
    /// Titles in normal form with the names of their categories; those without a known word are left out.
    pub fn new(titles: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut ids: HashMap<&str, CategoryId> = HashMap::new();
        let mut known = |(text, category): (&'a str, &'a str)| {
            let next = CategoryId::try_from(ids.len()).expect("some hundred categories");
            Some((embed(text)?, text, *ids.entry(category).or_insert(next)))
        };
        Self { all: titles.filter_map(&mut known).collect() }
    }
}

/// The nearest of each of these texts, the nearest first; none for a text without a known word.
pub fn nearest<'a>(known: &Known<'a>, texts: &[String]) -> Vec<Vec<Near<'a>>> {
    let of = |text: &String| {
        let Some(embedding) = embed(text) else { return Vec::new() };
        let near = |(other, text, category): &(Embedding, &'a str, CategoryId)| Near {
            category: *category,
            cosine: embedding.cosine(other),
            text,
        };
        let mut all: Vec<Near<'a>> = known.all.iter().map(near).collect();
        let by_nearness = |one: &Near<'_>, other: &Near<'_>| other.cosine.total_cmp(&one.cosine);
        if all.len() > NEIGHBOURS {
            all.select_nth_unstable_by(NEIGHBOURS, by_nearness);
            all.truncate(NEIGHBOURS);
        }
        all.sort_by(by_nearness);
        all
    };
    texts.iter().map(of).collect()
}
