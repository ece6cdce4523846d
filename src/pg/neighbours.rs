//! The nearest earlier texts of a tenant: what the similarity tier judges by, and what `suggest()` shows.

use crate::pg::scope::Scope;
use crate::pg::spi::{self, EmbeddingIndex, KnownText, Pgvector};
use crate::pg::world;
use pg_categorize_core::embedding::{DIMENSIONS, Embedding, MODEL};
use pgrx::pg_sys;
use std::cell::RefCell;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Up to so many vectors of a tenant are all compared. Beyond them an HNSW index is faster, where there is one.
const EXACT: i64 = 2_000;

/// How long it is remembered whether a tenant has few vectors: on this nothing depends but speed.
const REMEMBERED_FOR: Duration = Duration::from_secs(60);

/// Tenants of which that is remembered.
const REMEMBERED: usize = 1024;

/// Rows asked for beyond those that are wanted: of those that come, some may be gone or have expired.
const SPARE: usize = 5;

/// Why nothing near can be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// Labels ad hoc have no texts of their own.
    AdHoc,
    /// The taxonomy names an embedding that is not there.
    UnknownEmbedding,
    /// Only fingerprints are stored.
    NoTexts,
    /// pgvector is not installed.
    NoPgvector,
    /// pgvector is too old.
    OldPgvector,
    /// Nobody taught anything yet.
    NothingKnown,
    /// There is no index yet.
    NotBuilt,
}

impl Obstacle {
    /// The obstacle in words: the beginning of a sentence without its full stop.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AdHoc => "labels ad hoc have no earlier texts",
            Self::UnknownEmbedding => "the taxonomy's embedding is not available",
            Self::NoTexts => "the taxonomy stores no inputs (store_input)",
            Self::NoPgvector => "the extension vector (pgvector) is not installed in this database",
            Self::OldPgvector => "the extension vector (pgvector) is older than 0.7",
            Self::NothingKnown => "nothing was taught or paid for yet",
            Self::NotBuilt => "the index of embeddings is not built yet",
        }
    }

    /// Whether an indexer could remove it.
    pub fn can_be_built(self) -> bool {
        self == Self::NotBuilt
    }
}

/// A tenant's vectors in a taxonomy, open for the rest of the transaction.
pub struct Neighbourhood {
    index: EmbeddingIndex,
    pgvector: Pgvector,
    exact: bool,
}

/// A text with how near it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Near {
    /// The cosine of the two vectors.
    pub cosine: f32,
    /// What is known of it.
    pub known: KnownText,
}

thread_local! {
    static FEW: RefCell<HashMap<(i32, u64), (Instant, bool)>> = RefCell::default();
}

impl Neighbourhood {
    /// Opens the vectors of a scope, in its statement's view.
    ///
    /// # Errors
    /// Why there are none.
    pub fn open(scope: &Scope) -> Result<Self, Obstacle> {
        let taxonomy = scope.taxonomy().ok_or(Obstacle::AdHoc)?.id;
        if scope.settings.embedding != "static" {
            return Err(Obstacle::UnknownEmbedding);
        }
        let pgvector = spi::pgvector().ok_or(Obstacle::NoPgvector)?;
        if !pgvector.has_halfvec {
            return Err(Obstacle::OldPgvector);
        }
        world::as_owner(|| {
            let index =
                spi::embedding_indexes(taxonomy, MODEL).into_iter().find(|index| index.ready && is_there(index));
            match index {
                Some(index) => Ok(Self { exact: compares_all(&index, scope), index, pgvector }),
                None if spi::has_known_texts(taxonomy, &scope.tenant) && scope.settings.store_input => {
                    Err(Obstacle::NotBuilt)
                }
                None if !scope.settings.store_input => Err(Obstacle::NoTexts),
                None => Err(Obstacle::NothingKnown),
            }
        })
    }

    /// The nearest texts to each of these, nearest first, at most so many. One statement, however many are asked about.
    pub fn nearest(&self, scope: &Scope, vectors: &[&[f32; DIMENSIONS]], wanted: usize) -> Vec<Vec<Near>> {
        let mut near: Vec<Vec<Near>> = vectors.iter().map(|_| Vec::with_capacity(wanted + SPARE)).collect();
        let found = world::as_owner(|| {
            spi::nearest(&self.index, &self.pgvector, &scope.tenant, vectors, wanted + SPARE, self.exact)
        });
        for (place, cosine, known) in found {
            near[place].push(Near { cosine, known });
        }
        near.iter_mut().for_each(|near| keep_nearest(near, wanted));
        near
    }
}

/// The nearest of a tenant's newest texts to a vector, all of them compared here: where there is no index. The second value
/// is whether older ones were left out.
pub fn nearest_without_index(scope: &Scope, of: &Embedding, wanted: usize, among: usize) -> (Vec<Near>, bool) {
    let Some(taxonomy) = scope.taxonomy() else { return (Vec::new(), false) };
    let most = i64::try_from(among).unwrap_or(i64::MAX);
    let texts = world::as_owner(|| spi::known_texts(taxonomy.id, &scope.tenant, most));
    let is_all = texts.len() < among;
    let near = |known: KnownText| {
        let cosine = embedding_of(&known.input)?.cosine(of);
        Some(Near { cosine, known })
    };
    let mut near: Vec<Near> = texts.into_iter().filter_map(near).collect();
    keep_nearest(&mut near, wanted);
    (near, !is_all)
}

/// The vector of a text as it came.
pub fn embedding_of(input: &str) -> Option<Embedding> {
    use pg_categorize_core::embedding::embed;
    use pg_categorize_core::normalise::{Case, normalise};
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

fn compares_all(index: &EmbeddingIndex, scope: &Scope) -> bool {
    if !index.has_hnsw {
        return true;
    }
    let key = (index.id, scope.tenant_hash);
    let now = Instant::now();
    let known = FEW.with_borrow(|few| few.get(&key).filter(|(at, _)| now - *at < REMEMBERED_FOR).map(|(_, few)| *few));
    known.unwrap_or_else(|| {
        let few = spi::has_at_most(index, &scope.tenant, EXACT);
        FEW.with_borrow_mut(|all| {
            if all.len() >= REMEMBERED {
                all.clear();
            }
            all.insert(key, (now, few));
        });
        few
    })
}
