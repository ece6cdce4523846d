//! The nearest earlier texts of a tenant: what the similarity tier judges by, and what `suggest()` shows.
//!
//! By which embedding they are near is the taxonomy's choice. Until the index of a new choice is complete, that of the old one
//! answers, and texts are compared by the model of the index that answers.

mod exact;
mod obstacle;
mod reach;
mod weigh;

pub use obstacle::Obstacle;
pub use weigh::{Weighed, weigh};

use crate::pg::guard;
use crate::pg::scope::Scope;
use crate::pg::spi::{self, EmbeddingIndex, Hit, KnownText, Pgvector, Search, Trigrams};
use crate::pg::{due, world};
use pg_categorize_core::embedding::{Embedding, embed};
use pg_categorize_core::embedding_model::EmbeddingModel;
use pg_categorize_core::fingerprint::Fingerprint;
use pg_categorize_core::normalise::{Case, normalise};
use pgrx::pg_sys;
use std::collections::HashMap;

/// Vectors asked for beyond those that are wanted: the texts of some may be gone or have expired.
const SPARE: usize = 2;

/// How many times as many are asked for where that was not enough.
const MORE: usize = 10;

/// A tenant's vectors in a taxonomy, open for the rest of the transaction.
pub struct Neighbourhood {
    index: EmbeddingIndex,
    model: EmbeddingModel,
    engine: Engine,
    exact: bool,
}

/// What compares.
enum Engine {
    Vectors(Pgvector),
    Texts(Trigrams),
}

/// A text whose neighbours are looked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Its key.
    pub key: Fingerprint,
    /// The text in normal form, case folded.
    pub normal: &'a str,
}

/// A text with how near it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Near {
    /// The cosine of the two vectors, or the share of trigrams that both texts have.
    pub cosine: f32,
    /// What is known of it.
    pub known: KnownText,
}

impl Neighbourhood {
    /// Opens the vectors of a scope, in its statement's view. Who has to make them is told where there are none.
    ///
    /// # Errors
    /// Why there are none.
    pub fn open(scope: &Scope) -> Result<Self, Obstacle> {
        let opened = Self::find(scope);
        match opened {
            Err(Obstacle::NotBuilt) => due::missing_index(),
            Err(Obstacle::NotBought) => due::missing_vectors(),
            _ => {}
        }
        opened
    }

    fn find(scope: &Scope) -> Result<Self, Obstacle> {
        let taxonomy = scope.taxonomy().ok_or(Obstacle::AdHoc)?.id;
        let chosen = &scope.settings.embedding;
        let engine = |model: &EmbeddingModel| match model {
            EmbeddingModel::Trigrams => spi::trigrams().map(Engine::Texts).ok_or(Obstacle::NoTrigrams),
            _ => match spi::pgvector() {
                None => Err(Obstacle::NoPgvector),
                Some(pgvector) if !pgvector.has_halfvec => Err(Obstacle::OldPgvector),
                Some(pgvector) => Ok(Engine::Vectors(pgvector)),
            },
        };
        world::as_owner(|| {
            let (ready, building): (Vec<_>, Vec<_>) = spi::embedding_indexes(taxonomy, None)
                .into_iter()
                .filter_map(|index| Some((EmbeddingModel::of_id(&index.model)?, index)))
                .partition(|(_, index)| index.ready);
            let mut ready: Vec<_> = ready.into_iter().filter(|(_, index)| index.table.is_some()).collect();
            // The one that was chosen, else the newest of those that answered before.
            ready.sort_by_key(|(model, index)| (model != chosen, -index.id));
            let usable = |(model, index): (EmbeddingModel, EmbeddingIndex)| {
                let engine = engine(&model).ok()?;
                is_there(&index).then_some((model, index, engine))
            };
            if let Some((model, index, engine)) = ready.into_iter().find_map(usable) {
                return Ok(Self {
                    exact: exact::compares_all(&index, &scope.tenant, scope.tenant_hash),
                    model,
                    index,
                    engine,
                });
            }
            engine(chosen)?;
            if !scope.settings.store_input {
                return Err(Obstacle::NoTexts);
            }
            if !spi::has_known_texts(taxonomy, &scope.tenant) {
                return Err(Obstacle::NothingKnown);
            }
            match chosen.is_of_gateway() {
                true if !scope.settings.allow_external && chosen.paid().is_none() => Err(Obstacle::NoQuestions),
                true if !scope.settings.allow_external => Err(Obstacle::NoExternal),
                true if !guard::preloaded() => Err(Obstacle::NotPreloaded),
                // What is lost, and what is complete, is an indexer's to see to.
                true if building.iter().any(|(model, index)| model == chosen && index.lacks_vectors()) => {
                    Err(Obstacle::NotBought)
                }
                _ => Err(Obstacle::NotBuilt),
            }
        })
    }

    /// By which embedding it compares.
    pub fn model(&self) -> &EmbeddingModel {
        &self.model
    }

    /// The nearest texts to each of these, nearest first, at most so many; or why a text cannot be compared. One statement,
    /// however many are asked about; a second one for those whose nearest vectors have lost their texts.
    pub fn nearest(&self, scope: &Scope, asked: &[Asked<'_>], wanted: usize) -> Vec<Result<Vec<Near>, String>> {
        let vectors = match &self.engine {
            Engine::Vectors(pgvector) => world::as_owner(|| self.vectors(scope, pgvector, asked)),
            Engine::Texts(_) => asked.iter().map(|_| Some(Vec::new())).collect(),
        };
        self.nearest_to(scope, asked, &vectors, wanted)
    }

    /// Whether it compares vectors of this model and length.
    pub fn takes(&self, model: &str, length: usize) -> bool {
        matches!(self.engine, Engine::Vectors(_)) && self.index.model == model && self.index.dimensions == length
    }

    /// As [`Self::nearest`], for texts whose vectors are there, where it takes these.
    pub fn nearest_to(
        &self,
        scope: &Scope,
        asked: &[Asked<'_>],
        vectors: &[Option<Vec<f32>>],
        wanted: usize,
    ) -> Vec<Result<Vec<Near>, String>> {
        let mut open: Vec<usize> = (0..asked.len()).filter(|place| vectors[*place].is_some()).collect();
        let mut near: Vec<Result<Vec<Near>, String>> = asked.iter().map(|_| Err(self.why_not())).collect();
        for most in [wanted + SPARE, wanted * MORE] {
            if open.is_empty() {
                break;
            }
            let mut seen = vec![0; open.len()];
            open.iter().for_each(|place| near[*place] = Ok(Vec::new()));
            for (at, cosine, known) in world::as_owner(|| self.search(scope, asked, vectors, &open, most)) {
                seen[at] += 1;
                if let Ok(near) = &mut near[open[at]] {
                    near.extend(known.map(|known| Near { cosine, known }));
                }
            }
            let is_short = |(at, place): (usize, &usize)| {
                let has_few = near[*place].as_ref().is_ok_and(|near| near.len() < wanted);
                (seen[at] == most && has_few).then_some(*place)
            };
            open = open.iter().enumerate().filter_map(is_short).collect();
        }
        near.iter_mut().flatten().for_each(|near| keep_nearest(near, wanted));
        near
    }

    /// The nearest rows to the texts at these places, which are counted from 0.
    fn search(
        &self,
        scope: &Scope,
        asked: &[Asked<'_>],
        vectors: &[Option<Vec<f32>>],
        places: &[usize],
        most: usize,
    ) -> Vec<Hit> {
        let tenant = &scope.tenant;
        match &self.engine {
            Engine::Texts(trigrams) => {
                let texts: Vec<&str> = places.iter().map(|place| asked[*place].normal).collect();
                spi::nearest_texts(&self.index, trigrams, tenant, &texts, most, self.exact)
            }
            Engine::Vectors(pgvector) => {
                let vectors: Vec<&[f32]> = places.iter().filter_map(|place| vectors[*place].as_deref()).collect();
                self.search_vectors(scope, pgvector, &vectors, most)
            }
        }
    }

    /// The nearest vectors to these. An HNSW index is searched only as far as it takes to find as many as are asked for; where it
    /// ends before, all vectors of the tenant are compared. He has that many, or they would all have been compared at once; but
    /// a search ends when it has passed so many of others (`hnsw.max_scan_tuples`).
    fn search_vectors(&self, scope: &Scope, pgvector: &Pgvector, vectors: &[&[f32]], most: usize) -> Vec<Hit> {
        let (index, tenant) = (&self.index, &scope.tenant);
        let steps: &[Search] = match self.exact {
            true => &[Search::All],
            false if most <= spi::FOUND_AT_ONCE && reach::may_do_at_once(index, scope) => {
                &[Search::Once, Search::On, Search::All]
            }
            false => &[Search::On, Search::All],
        };
        let mut found = vec![Vec::new(); vectors.len()];
        let mut open: Vec<usize> = (0..vectors.len()).collect();
        for search in steps {
            let is_last = *search == Search::All && !self.exact;
            if open.is_empty() || is_last && !exact::may_compare_all(index, tenant) {
                break;
            }
            // What was too little before is among what is found now.
            open.iter().for_each(|at| found[*at].clear());
            let asked: Vec<&[f32]> = open.iter().map(|at| vectors[*at]).collect();
            for (at, cosine, known) in spi::nearest(index, pgvector, tenant, &asked, most, *search) {
                found[open[at]].push((open[at], cosine, known));
            }
            open.retain(|at| found[*at].len() < most);
            if *search == Search::Once && open.len() * 2 > asked.len() {
                reach::note_too_little(index, scope);
            }
        }
        found.into_iter().flatten().collect()
    }

    /// The vectors of texts, where there can be any: a backend buys none.
    fn vectors(&self, scope: &Scope, pgvector: &Pgvector, asked: &[Asked<'_>]) -> Vec<Option<Vec<f32>>> {
        if !self.model.is_of_gateway() {
            return asked.iter().map(|one| Some(embed(one.normal)?.0.to_vec())).collect();
        }
        let keys: Vec<Fingerprint> = asked.iter().map(|one| one.key).collect();
        let stored = spi::stored_vectors(&self.index, pgvector, &scope.tenant, &keys);
        let mut stored: HashMap<Fingerprint, Vec<f32>> = stored.into_iter().collect();
        keys.iter().map(|key| stored.remove(key)).collect()
    }

    fn why_not(&self) -> String {
        match &self.model {
            EmbeddingModel::Provider(model) => format!(
                "a session buys no vectors, and there is none of this text by {model}; the gateway buys it before it asks a language model"
            ),
            EmbeddingModel::Transformer(name) => format!(
                "a session has no transformer, and there is no vector of this text by {name}; the gateway makes it before it asks a language model"
            ),
            EmbeddingModel::Static | EmbeddingModel::Trigrams => {
                "no word of the input is known to the embedding".to_owned()
            }
        }
    }
}

/// The nearest of a tenant's newest texts, all of them compared here: where there is no index. The second value is whether
/// older ones were left out; there is nothing where the text cannot be compared. What a provider would have to embed is
/// compared by the static table.
pub fn nearest_without_index(scope: &Scope, normal: &str, wanted: usize, among: usize) -> Option<(Vec<Near>, bool)> {
    let taxonomy = scope.taxonomy()?;
    let most = i64::try_from(among).unwrap_or(i64::MAX);
    let texts = world::as_owner(|| spi::known_texts(taxonomy.id, &scope.tenant, most));
    let is_part = texts.len() >= among;
    let trigrams = spi::trigrams().filter(|_| scope.settings.embedding == EmbeddingModel::Trigrams);
    let mut near: Vec<Near> = match trigrams {
        Some(trigrams) => {
            let normal_of = |known: &KnownText| {
                guard::check_for_interrupts();
                normalise(&known.input, Case::Folded)
            };
            let normals: Vec<String> = texts.iter().map(normal_of).collect();
            let likenesses = world::as_owner(|| spi::likenesses(&trigrams, normal, &normals));
            texts.into_iter().zip(likenesses).map(|(known, cosine)| Near { cosine, known }).collect()
        }
        None => {
            let of = embed(normal)?;
            let near = |known: KnownText| {
                guard::check_for_interrupts();
                Some(Near { cosine: embedding_of(&known.input)?.cosine(&of), known })
            };
            texts.into_iter().filter_map(near).collect()
        }
    };
    keep_nearest(&mut near, wanted);
    Some((near, is_part))
}

/// The vector of a text as it came, by the static table.
pub fn embedding_of(input: &str) -> Option<Embedding> {
    embed(&normalise(input, Case::Folded))
}

/// The nearest first; of those that are as near, always the same.
fn keep_nearest(near: &mut Vec<Near>, wanted: usize) {
    let order =
        |a: &Near, b: &Near| b.cosine.total_cmp(&a.cosine).then_with(|| a.known.fingerprint.cmp(&b.known.fingerprint));
    near.sort_by(order);
    near.truncate(wanted);
}

/// Whether the table of an index is there, and stays until the transaction ends: an older view may name one that was removed.
fn is_there(index: &EmbeddingIndex) -> bool {
    let Some(table) = index.table else { return false };
    // SAFETY: inside a transaction; a relation that is gone is null. Its lock is kept, as is usual for tables that are read.
    unsafe {
        let relation = pg_sys::try_relation_open(table, pg_sys::AccessShareLock as i32);
        if relation.is_null() {
            return false;
        }
        pg_sys::relation_close(relation, pg_sys::NoLock as i32);
    }
    true
}
