//! Statements on the indexes of embeddings: `categorize.embedding_index` and the tables of vectors that it records.
//!
//! Types and operators of pgvector are named with the schema that it is in, wherever that is; the names of our own tables of
//! vectors are made of the ids of their indexes.

mod nearest;
mod paid;
mod queued;
mod trigrams;
mod upkeep;

pub use nearest::*;
pub use paid::*;
pub use queued::*;
pub use trigrams::*;
pub use upkeep::*;

use super::run;
use pgrx::pg_sys;

/// pgvector as it is installed in this database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pgvector {
    /// Its schema, quoted.
    pub schema: String,
    /// Its version, as in `0.8.0`.
    pub version: String,
    /// Whether it has the type that vectors are stored in (0.7 and later).
    pub has_halfvec: bool,
}

impl Pgvector {
    /// Whether its HNSW indexes go on searching where a filter leaves too few rows (0.8 and later): without that, the
    /// neighbours of a small tenant would be lost among those of others.
    pub fn searches_on(&self) -> bool {
        let mut numbers = self.version.split('.').map(|number| number.parse::<u32>().unwrap_or(0));
        (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= (0, 8)
    }
}

/// Looks for pgvector, whatever schema it is in. Runs as anyone.
pub fn pgvector() -> Option<Pgvector> {
    let sql = "SELECT pg_catalog.quote_ident(n.nspname), e.extversion,
                      EXISTS (SELECT FROM pg_catalog.pg_type t WHERE t.typnamespace OPERATOR(pg_catalog.=) n.oid
                                                           AND t.typname OPERATOR(pg_catalog.=) 'halfvec')
                 FROM pg_catalog.pg_extension e
                 JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) e.extnamespace
                WHERE e.extname OPERATOR(pg_catalog.=) 'vector'";
    let row = |row: &run::Row| Some(Pgvector { schema: row.get(1)?, version: row.get(2)?, has_halfvec: row.get(3)? });
    run::read(sql, &[], row).pop()?
}

/// Whether pgvector is installed, in whatever version. No statement, so that it can be asked while a transaction commits.
pub fn is_pgvector_here() -> bool {
    // SAFETY: a look-up in the catalogs with a static name, inside a transaction.
    unsafe { pg_sys::get_extension_oid(c"vector".as_ptr(), true) != pg_sys::InvalidOid }
}

/// An index of embeddings, as it is recorded and as its table is.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbeddingIndex {
    /// Its id, which names its table.
    pub id: i32,
    /// Id of its embedding model.
    pub model: String,
    /// Whether it is one that answers.
    pub ready: bool,
    /// Its table; `None` where that is gone, or no longer has vectors of the expected length, or texts.
    pub table: Option<pg_sys::Oid>,
    /// Length of its vectors; 0 where it has texts in their place, or none yet.
    pub dimensions: usize,
    /// Whether a valid HNSW index serves it, or one of trigrams.
    pub has_hnsw: bool,
    /// How many vectors it had when that was last noted.
    pub rows: i64,
    /// All that was written before has its vector, in microseconds of the Postgres epoch.
    pub indexed_until: Option<i64>,
    /// Seconds since vectors of what is gone were last looked for.
    pub swept_ago: Option<f64>,
}

impl EmbeddingIndex {
    /// Whether its table was made, and is no more.
    pub fn has_lost_its_table(&self) -> bool {
        self.table.is_none() && self.dimensions != 0
    }

    /// Whether an index of vectors that a provider makes still lacks some.
    pub fn lacks_vectors(&self) -> bool {
        self.indexed_until.is_none() && !self.has_lost_its_table()
    }
}

/// The indexes of a taxonomy, for one embedding model or for all: the one that is ready, then the one that is being built. Their tables are
/// told by what they are now, not by what the row says of them: people drop extensions and indexes.
const INDEXES: &str = "
    SELECT i.id, i.state = 'ready', a.attrelid,
           EXISTS (SELECT FROM pg_catalog.pg_index x
                     JOIN pg_catalog.pg_class r ON r.oid = x.indexrelid
                     JOIN pg_catalog.pg_am m ON m.oid = r.relam
                    WHERE x.indrelid = a.attrelid AND x.indisvalid AND m.amname IN ('hnsw', 'gist')),
           i.indexed_until, extract(epoch FROM pg_catalog.clock_timestamp() - i.swept_at)::double precision,
           i.model, coalesce(i.dimensions, 0), i.rows
      FROM categorize.embedding_index i
      LEFT JOIN pg_catalog.pg_attribute a
             ON a.attrelid = pg_catalog.to_regclass('categorize.embedding_' || i.id::text)
            AND NOT a.attisdropped
            AND (a.attname = 'embedding' AND a.atttypmod = i.dimensions OR a.attname = 'normal' AND i.dimensions IS NULL)
     WHERE i.taxonomy_id = $1 AND ($2 IS NULL OR i.model = $2) AND i.state IN ('ready', 'building') ORDER BY i.state DESC";

fn embedding_index(row: &run::Row) -> Option<EmbeddingIndex> {
    Some(EmbeddingIndex {
        id: row.get(1)?,
        ready: row.get(2)?,
        table: row.get(3),
        has_hnsw: row.get(4)?,
        indexed_until: row.get(5),
        swept_ago: row.get(6),
        model: row.get(7)?,
        dimensions: usize::try_from(row.get::<i32>(8)?).unwrap_or(0),
        rows: row.get(9)?,
    })
}

/// The indexes of a taxonomy for an embedding model as the statement sees them: the one that is ready first.
pub fn embedding_indexes(taxonomy: i32, model: Option<&str>) -> Vec<EmbeddingIndex> {
    run::read_kept(INDEXES, &[taxonomy.into(), model.into()], embedding_index).into_iter().flatten().collect()
}

/// As [`embedding_indexes`], as they are committed now; for those who write.
pub fn fresh_embedding_indexes(taxonomy: i32, model: Option<&str>) -> Vec<EmbeddingIndex> {
    run::kept(INDEXES, &[taxonomy.into(), model.into()], embedding_index).into_iter().flatten().collect()
}
