//! Filling an index with the vectors that it lacks, in portions.

use super::{Stopped, Wanted, as_owner};
use crate::pg::guard;
use crate::pg::neighbours::embedding_of;
use crate::pg::spi::{self, EmbeddingIndex, Holding, NewText, NewVector, Rows, UnindexedText};
use crate::pg::worker::errand::contained;
use pg_categorize_core::embedding::MAX_BYTES;
use pg_categorize_core::fingerprint::Fingerprint;
use pg_categorize_core::normalise::{Case, normalise};

/// Texts in one transaction.
const PORTION: i64 = 2_000;

/// Characters of a text that are read: more than are embedded, since some may be lost in normal form.
const CHARACTERS: i32 = 4 * MAX_BYTES as i32;

/// Seconds after which vectors of what is gone are looked for again, and texts that were missed: both read the whole index.
const SWEEP_EVERY: f64 = 3_600.0;

/// Whether that is due.
pub fn wants_sweep(index: &EmbeddingIndex) -> bool {
    index.swept_ago.is_none_or(|ago| ago >= SWEEP_EVERY)
}

/// Removes the vectors of what is gone, and counts the others; how many are gone.
pub fn sweep(index: &EmbeddingIndex) -> u64 {
    let gone = spi::sweep_vectors(index.id);
    let count = spi::count_vectors(index.id);
    spi::note_indexed(index.id, None, Rows::All { count, swept: true }, index.has_hnsw);
    gone
}

/// What a pass over an index did.
pub struct Pass {
    /// Whether vectors came or went.
    pub changed: bool,
    /// How many it has, where they were counted: as long as they are few.
    pub rows: Option<i64>,
}

/// Adds the vectors of what was written since the last pass; once an hour also of what was missed, and removes those of what
/// is gone.
pub fn pass(of: &Wanted, holding: Holding<'_>, index: &EmbeddingIndex) -> Result<Pass, Stopped> {
    let sweep = index.ready && wants_sweep(index);
    let since = index.indexed_until.filter(|_| !sweep);
    // As the superuser, who sees when the transactions of others began; before anything is read.
    let until = contained(spi::all_written_before)?;
    let mut new = 0;
    if as_owner(|| spi::has_written_since(of.taxonomy, since))? {
        let mut after = Fingerprint([0; 32]);
        loop {
            let (seen, stored) = as_owner(|| portion(of, holding, index, since, &mut after))?;
            new += stored;
            if seen < PORTION as usize {
                break;
            }
        }
    }
    as_owner(|| {
        let gone = if sweep { spi::sweep_vectors(index.id) } else { 0 };
        // As long as they are few, they are counted: an HNSW index waits for their number.
        let count = (sweep || !index.has_hnsw).then(|| spi::count_vectors(index.id));
        let rows = count.map_or(Rows::More(new), |count| Rows::All { count, swept: sweep });
        spi::note_indexed(index.id, until, rows, index.has_hnsw);
        Pass { changed: new + gone > 0, rows: count }
    })
}

/// Stores the vectors of the texts whose keys come next: how many were looked at, and how many are new.
fn portion(
    of: &Wanted,
    holding: Holding<'_>,
    index: &EmbeddingIndex,
    since: Option<i64>,
    after: &mut Fingerprint,
) -> (usize, u64) {
    let texts = spi::unindexed_texts(index.id, of.taxonomy, since, after, PORTION, CHARACTERS);
    let Some(last) = texts.last() else { return (0, 0) };
    *after = last.fingerprint;
    let seen = texts.len();
    let stored = match holding {
        Holding::Vectors(pgvector, _) => {
            let vector = |text: UnindexedText| {
                guard::check_for_interrupts();
                let embedding = embedding_of(&text.input)?.0.to_vec();
                Some(NewVector { fingerprint: text.fingerprint, tenant: text.tenant, embedding })
            };
            let new: Vec<NewVector> = texts.into_iter().filter_map(vector).collect();
            if new.is_empty() { 0 } else { spi::insert_vectors(index.id, pgvector, &new) }
        }
        Holding::Texts(_) => {
            let text = |text: UnindexedText| {
                let normal = normalise(&text.input, Case::Folded);
                NewText { fingerprint: text.fingerprint, tenant: text.tenant, normal }
            };
            spi::insert_texts(index.id, &texts.into_iter().map(text).collect::<Vec<_>>())
        }
    };
    (seen, stored)
}
