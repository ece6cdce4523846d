//! The index of a taxonomy whose vectors a provider makes. The gateway buys them, and stores them as they come; here it is told
//! that there may be texts without one, and an index that is complete is made to answer.

use super::build::{build_hnsw, swap_in, wants_index};
use super::fill::{sweep, wants_sweep};
use super::{Stopped, Wanted, as_owner};
use crate::pg::launch;
use crate::pg::spi::{self, EmbeddingIndex, Holding, Pgvector, Rows};

/// Sees to the index of a taxonomy; whether it has changed.
pub fn index(of: &Wanted, pgvector: &Pgvector) -> Result<bool, Stopped> {
    let (ready, building) = as_owner(|| current(of))?;
    let ready = match (ready, building) {
        (Some(ready), building) => {
            // Of two of one model the one that answers has all that the other has.
            building.map_or(Ok(()), |of_no_use| as_owner(|| spi::retire(of_no_use.id)))?;
            ready
        }
        (None, Some(building)) => return finish(of, pgvector, &building),
        (None, None) => {
            let is_known = as_owner(|| spi::has_written_since(of.taxonomy, None))?;
            if is_known {
                as_owner(|| spi::record_embedding_index(of.taxonomy, &of.model.id()))?;
                launch::want_vectors();
            }
            return Ok(false);
        }
    };
    let gone = if wants_sweep(&ready) { as_owner(|| sweep(&ready))? } else { 0 };
    if !ready.has_hnsw {
        add_hnsw(of, pgvector, &ready)?;
    }
    // Now that no index is being built, what came meanwhile can be stored, too.
    launch::want_vectors();
    Ok(gone > 0)
}

/// The index that answers and the one that is being built.
fn current(of: &Wanted) -> (Option<EmbeddingIndex>, Option<EmbeddingIndex>) {
    let (ready, building): (Vec<_>, Vec<_>) =
        spi::fresh_embedding_indexes(of.taxonomy, Some(&of.model.id())).into_iter().partition(|index| index.ready);
    // One that answers must have its table. One that is being built may have none yet, and none any more: it begins anew.
    let (ready, lost): (Vec<_>, Vec<_>) = ready.into_iter().partition(|index| index.table.is_some());
    lost.iter().for_each(|index| spi::retire(index.id));
    let (good, lost): (Vec<_>, Vec<_>) = building.into_iter().partition(|index| !index.has_lost_its_table());
    lost.iter().for_each(|index| spi::retire(index.id));
    (ready.into_iter().next(), good.into_iter().next())
}

/// Has an index answer that has all its vectors; else has the gateway go on.
fn finish(of: &Wanted, pgvector: &Pgvector, building: &EmbeddingIndex) -> Result<bool, Stopped> {
    if building.table.is_none() || !as_owner(|| spi::is_complete(building.id))? {
        launch::want_vectors();
        return Ok(false);
    }
    if !building.has_hnsw {
        add_hnsw(of, pgvector, building)?;
    }
    as_owner(|| swap_in(building))?;
    Ok(true)
}

/// Gives an index that is large enough its HNSW index. What the gateway buys meanwhile it stores afterwards.
fn add_hnsw(of: &Wanted, pgvector: &Pgvector, index: &EmbeddingIndex) -> Result<(), Stopped> {
    let holding = Holding::Vectors(pgvector, index.dimensions);
    let rows = as_owner(|| spi::count_vectors(index.id))?;
    if !wants_index(holding, rows) || of.failed_lately() {
        return Ok(());
    }
    build_hnsw(of, holding, index.id)?;
    as_owner(|| spi::note_indexed(index.id, None, Rows::All { count: rows, swept: false }, true))
}
