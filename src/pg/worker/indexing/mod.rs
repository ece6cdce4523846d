//! What an indexer does: it sees to it that what was taught and paid for has its vectors, in every taxonomy that looks for
//! similar texts, and that those of what is gone do not stay.
//!
//! Every portion is a transaction of its own. An index that answers is only ever added to; where it needs another shape, a fresh
//! one is built beside it and takes its place when it is ready (`build`).

mod build;
mod fill;
mod former;
mod paid;

use super::attempt::{self, Attempt};
use super::errand::{contained, is_here};
use super::report;
use crate::pg::spi::{self, Holding, Pgvector, Trigrams};
use crate::pg::{catalog, error, freshness, world};
use pg_categorize_core::embedding::DIMENSIONS;
use pg_categorize_core::embedding_model::EmbeddingModel;
use pg_categorize_core::settings::Settings;

/// How often an indexer looks again for what was taught meanwhile. Who teaches faster starts another.
const ROUNDS: usize = 4;

/// A taxonomy that wants an index.
#[derive(Debug, Clone)]
struct Wanted {
    taxonomy: i32,
    name: String,
    model: EmbeddingModel,
}

impl Wanted {
    /// Whether building its index failed a short while ago.
    fn failed_lately(&self) -> bool {
        attempt::failed_lately(Attempt::Index(self.taxonomy, &self.model.id()))
    }
}

/// The extensions that compare, as they are installed in this database.
#[derive(Debug, Clone)]
struct Engines {
    pgvector: Option<Pgvector>,
    trigrams: Option<Trigrams>,
}

impl Engines {
    /// What the table of an index of this model holds, once vectors of this length are known; `None` where its extension is
    /// missing.
    fn holding(&self, model: &EmbeddingModel, length: usize) -> Option<Holding<'_>> {
        match model {
            EmbeddingModel::Trigrams => self.trigrams.as_ref().map(Holding::Texts),
            _ => self.pgvector.as_ref().map(|pgvector| Holding::Vectors(pgvector, length)),
        }
    }
}

/// Why an index was left as it is.
enum Stopped {
    /// The extension is gone, or pgvector: there is nothing to be done.
    NothingToDo,
    /// It failed, for this reason.
    Failed(String),
}

impl From<String> for Stopped {
    fn from(message: String) -> Self {
        Self::Failed(message)
    }
}

/// Makes what is missing, until nothing is.
pub fn run() {
    for _ in 0..ROUNDS {
        let Some((engines, wanted)) = look() else { return };
        let mut any = false;
        for of in wanted {
            report(&format!("indexing taxonomy \"{}\"", of.name));
            match index(&of, &engines) {
                Ok(changed) => any |= changed,
                Err(Stopped::NothingToDo) => return,
                Err(Stopped::Failed(message)) => error::log(
                    &format!("could not make the embeddings of taxonomy \"{}\"", of.name),
                    Some(format!("The error was: {message}.")),
                    Some("It is tried again when somebody teaches. Until then similarity answers from what there is."),
                ),
            }
        }
        remove_dropped();
        if !any {
            return;
        }
        // Nobody remembers an answer that was made without the new neighbours.
        _ = contained(|| is_here().then(|| world::as_owner(|| freshness::wrote(catalog::tables().cache))));
    }
}

/// Sees to the index of a taxonomy, and to those that other embeddings left; whether anything has changed.
fn index(of: &Wanted, engines: &Engines) -> Result<bool, Stopped> {
    let changed = match (&of.model, engines.holding(&of.model, DIMENSIONS)) {
        (_, None) => false,
        (EmbeddingModel::Provider(_) | EmbeddingModel::Transformer(_), Some(Holding::Vectors(pgvector, _))) => {
            paid::index(of, pgvector)?
        }
        (_, Some(holding)) => build::index(of, holding)?,
    };
    former::see_to(of)?;
    Ok(changed)
}

/// The extensions, and the taxonomies that want an index, as they are committed now.
fn look() -> Option<(Engines, Vec<Wanted>)> {
    report("looking for what has no vector");
    let found = contained(|| {
        if !is_here() {
            return None;
        }
        world::as_owner(spi::retire_orphans);
        let pgvector = spi::pgvector().filter(|pgvector| pgvector.has_halfvec);
        Some((Engines { pgvector, trigrams: spi::trigrams() }, world::as_owner(wanted)))
    });
    match found {
        Ok(found) => found.or_else(|| {
            remove_dropped();
            None
        }),
        Err(message) => {
            error::log("could not look for what has no vector", Some(format!("The error was: {message}.")), None);
            None
        }
    }
}

fn wanted() -> Vec<Wanted> {
    let wants = |(id, name): (i32, String)| {
        let row = spi::fresh_taxonomy(&name).filter(|row| row.id == id)?;
        let settings = Settings::from_explicit(row.settings);
        settings.wants_index().then_some(Wanted { taxonomy: id, name, model: settings.embedding })
    };
    spi::taxonomy_ids().into_iter().filter_map(wants).collect()
}

/// Runs `work` as the owner in a transaction of its own, where the extension is still here.
fn as_owner<T>(work: impl FnOnce() -> T) -> Result<T, Stopped> {
    contained(|| is_here().then(|| world::as_owner(work)))?.ok_or(Stopped::NothingToDo)
}

/// Removes the tables that are of no use any more, but for those that somebody reads.
fn remove_dropped() {
    for id in as_owner(spi::dropped_embedding_indexes).unwrap_or_default() {
        // The next indexer tries again.
        _ = as_owner(|| spi::remove_dropped(id));
    }
}
