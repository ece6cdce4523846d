//! The index of one taxonomy: made where it is missing or of no use, added to where it is there, and built anew beside the old
//! one where it has become so large that it needs an HNSW index.

use super::fill;
use super::{Stopped, Wanted, as_owner};
use crate::pg::guc;
use crate::pg::spi::{self, EmbeddingIndex, Holding};
use crate::pg::worker::attempt::{self, Attempt};
use crate::pg::worker::report;

/// Vectors from which an HNSW index is worth its building: fewer are compared one by one as fast.
const HNSW_FROM: i64 = 5_000;

/// Texts from which an index of trigrams is worth its building.
const TRIGRAMS_FROM: i64 = 200;

/// Whether so many rows want an index.
pub fn wants_index(holding: Holding<'_>, rows: i64) -> bool {
    match holding {
        Holding::Vectors(pgvector, _) => rows >= HNSW_FROM && pgvector.searches_on(),
        Holding::Texts(_) => rows >= TRIGRAMS_FROM,
    }
}

/// Sees to the index of a taxonomy; whether it has changed.
pub fn index(of: &Wanted, holding: Holding<'_>) -> Result<bool, Stopped> {
    let (ready, building) = as_owner(|| current(of))?;
    match (ready, building) {
        (Some(ready), building) => {
            let pass = fill::pass(of, holding, &ready)?;
            let outgrown = !ready.has_hnsw && pass.rows.is_some_and(|rows| wants_index(holding, rows));
            if outgrown && !of.failed_lately() {
                return build(of, holding, building);
            }
            Ok(pass.changed)
        }
        (None, building) => {
            let is_known = as_owner(|| spi::has_written_since(of.taxonomy, None))?;
            if is_known { build(of, holding, building) } else { Ok(false) }
        }
    }
}

/// The index that answers and the one that is being built. Those whose tables are of no use are marked for removal.
fn current(of: &Wanted) -> (Option<EmbeddingIndex>, Option<EmbeddingIndex>) {
    let (good, bad): (Vec<_>, Vec<_>) = spi::fresh_embedding_indexes(of.taxonomy, Some(&of.model.id()))
        .into_iter()
        .partition(|index| index.table.is_some());
    bad.iter().for_each(|index| spi::retire(index.id));
    let (ready, building): (Vec<_>, Vec<_>) = good.into_iter().partition(|index| index.ready);
    (ready.into_iter().next(), building.into_iter().next())
}

/// Builds an index, or goes on with one that another indexer left, and has it answer.
fn build(of: &Wanted, holding: Holding<'_>, begun: Option<EmbeddingIndex>) -> Result<bool, Stopped> {
    let begun = match begun {
        Some(begun) => begun,
        None => {
            as_owner(|| spi::create_embedding_index(of.taxonomy, &of.model.id(), holding))?;
            let Some(begun) = as_owner(|| current(of))?.1 else { return Ok(false) };
            begun
        }
    };
    report(&format!("filling a new index of taxonomy \"{}\"", of.name));
    let pass = fill::pass(of, holding, &begun)?;
    let needs_hnsw = pass.rows.is_some_and(|rows| wants_index(holding, rows)) && !begun.has_hnsw;
    // One that the server did not survive is not tried again at once; until then all vectors are compared.
    if needs_hnsw && !of.failed_lately() {
        build_hnsw(of, holding, begun.id)?;
    }
    // What was written while it was built; and what is gone since must not come back with it.
    let last = as_owner(|| current(of))?.1.filter(|index| index.id == begun.id);
    let Some(last) = last else { return Ok(false) };
    fill::pass(of, holding, &last)?;
    as_owner(|| swap_in(&last))?;
    Ok(true)
}

/// Has an index answer from now on, without what is gone since its rows were written.
pub fn swap_in(index: &EmbeddingIndex) {
    fill::sweep(index);
    spi::swap_in(index.id);
}

pub fn build_hnsw(of: &Wanted, holding: Holding<'_>, id: i32) -> Result<(), Stopped> {
    let kind = match holding {
        Holding::Vectors(..) => "HNSW",
        Holding::Texts(_) => "trigram",
    };
    report(&format!("building the {kind} index of taxonomy \"{}\"", of.name));
    attempt::begin(Attempt::Index(of.taxonomy, &of.model.id()));
    let built = as_owner(|| {
        guc::use_training_memory_for_maintenance();
        match holding {
            Holding::Vectors(pgvector, _) => spi::create_hnsw(id, pgvector),
            Holding::Texts(trigrams) => spi::create_trigram_index(id, trigrams),
        }
    });
    match &built {
        Err(Stopped::Failed(_)) => attempt::fail(),
        _ => attempt::succeed(),
    }
    built
}
