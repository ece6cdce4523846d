//! The nearest texts of many at once.

use super::{EmbeddingIndex, Pgvector};
use crate::pg::guc;
use crate::pg::spi::run;
use pg_categorize_core::fingerprint::Fingerprint;

/// What is known of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownText {
    /// Its key.
    pub fingerprint: Fingerprint,
    /// The text as it came.
    pub input: String,
    /// Its category, as it was stored.
    pub category: i32,
    /// `correction`, `label` or `llm`.
    pub origin: String,
    /// How sure the one was who said so.
    pub confidence: f32,
    /// When it no longer counts, in microseconds of the Postgres epoch.
    pub expires_at: Option<i64>,
}

/// The position of a text that was asked about, from 0; the cosine; and what is known of the text that is near to it, nothing
/// where that is gone or has expired.
pub type Hit = (usize, f32, Option<KnownText>);

/// What is known of a text beside its key `n.fingerprint`, of tenant `$1`: a person's word before a machine's. Each is one look
/// into an index, whatever the planner thinks of their number.
pub(super) const KNOWN: &str = "
    LEFT JOIN LATERAL (SELECT k.category_id, k.input FROM categorize.correction k
                        WHERE k.fingerprint = n.fingerprint AND k.tenant = $1 LIMIT 1) k ON true
    LEFT JOIN LATERAL (SELECT c.category_id, c.input, c.origin, c.confidence, c.expires_at FROM categorize.cache c
                        WHERE c.fingerprint = n.fingerprint AND c.tenant = $1 AND c.origin IN ('label', 'llm')
                          AND (c.expires_at IS NULL OR c.expires_at > pg_catalog.statement_timestamp())
                        LIMIT 1) c ON true";

/// The columns of [`KnownText`].
pub(super) const COLUMNS: &str = "
    n.fingerprint, coalesce(k.input, c.input), coalesce(k.category_id, c.category_id),
    CASE WHEN k.category_id IS NULL THEN c.origin ELSE 'correction' END,
    CASE WHEN k.category_id IS NULL THEN c.confidence ELSE 1::real END,
    CASE WHEN k.category_id IS NULL THEN c.expires_at END";

pub(super) fn known_text(row: &run::Row, first: i32) -> Option<KnownText> {
    Some(KnownText {
        fingerprint: Fingerprint(row.get::<Vec<u8>>(first)?.try_into().ok()?),
        input: row.get(first + 1)?,
        category: row.get(first + 2)?,
        origin: row.get(first + 3)?,
        confidence: row.get(first + 4)?,
        expires_at: row.get(first + 5),
    })
}

/// Vectors that an HNSW index finds at once: pgvector's own default of `hnsw.ef_search`.
pub const FOUND_AT_ONCE: usize = 40;

/// How far the vectors of a tenant are searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Search {
    /// What an HNSW index finds at once, [`FOUND_AT_ONCE`] of all tenants: there may be too few of his.
    Once,
    /// On behind these until there are enough, or it has passed so many that pgvector gives up. It begins with what it finds at
    /// once, so that where that is enough it finds the same; but what it might need later it keeps, which takes time.
    On,
    /// All his vectors are compared, by no HNSW index.
    All,
}

/// The `wanted` vectors of a tenant nearest to each of these, in one statement; there may be fewer, unless all are compared.
/// All vectors have the length of the index.
///
/// Runs inside the owner's scope, under whose settings it searches.
pub fn nearest(
    index: &EmbeddingIndex,
    pgvector: &Pgvector,
    tenant: &str,
    vectors: &[&[f32]],
    wanted: usize,
    search: Search,
) -> Vec<Hit> {
    settle(pgvector, search);
    let (id, schema, length) = (index.id, &pgvector.schema, index.dimensions);
    // An index serves an ORDER BY of exactly the distance.
    let order = if search == Search::All { "+ 0" } else { "" };
    let sql = format!(
        "SELECT q.place, n.distance, {COLUMNS}
           FROM (SELECT i AS place, ($2[i * {length} + 1 : (i + 1) * {length}])::{schema}.halfvec AS embedding
                   FROM pg_catalog.generate_series(0, $3 - 1) AS i OFFSET 0) q
          CROSS JOIN LATERAL (SELECT e.fingerprint, e.embedding OPERATOR({schema}.<=>) q.embedding AS distance
                                FROM categorize.embedding_{id} e WHERE e.tenant = $1
                               ORDER BY (e.embedding OPERATOR({schema}.<=>) q.embedding) {order} LIMIT {wanted}) n {KNOWN}"
    );
    let floats: Vec<f32> = vectors.iter().flat_map(|vector| vector.iter().copied()).collect();
    let count = i32::try_from(vectors.len()).unwrap_or(i32::MAX);
    let rows = run::read_kept(&sql, &[tenant.into(), floats.into(), count.into()], |row| {
        let place = usize::try_from(row.get::<i32>(1)?).ok()?;
        // A distance that is no number is of no use; vectors of ours have none.
        let distance = row.get::<f64>(2).filter(|distance| distance.is_finite())?;
        Some((place, (1.0 - distance) as f32, known_text(row, 3)))
    });
    rows.into_iter().flatten().collect()
}

/// Until the owner's scope ends: a search behind a filter goes on until it has found enough or passed so many, by pgvector's own
/// defaults, whatever the session has set: the same text has the same neighbours in all.
fn settle(pgvector: &Pgvector, search: Search) {
    let iterative = if search == Search::On { c"relaxed_order" } else { c"off" };
    settle_plans();
    // SAFETY: inside the nest level of the owner's scope, with static strings. The settings of pgvector may not be known yet,
    // since its library is loaded with the first call: then they are kept for it.
    unsafe {
        guc::set_until_level_ends(c"hnsw.ef_search", c"40"); // FOUND_AT_ONCE
        if pgvector.searches_on() {
            guc::set_until_level_ends(c"hnsw.iterative_scan", iterative);
            guc::set_until_level_ends(c"hnsw.max_scan_tuples", c"20000");
        }
    }
}

/// Until the owner's scope ends no plan is made anew for what each call compares, which it would copy again and again, and none
/// is compiled.
pub(super) fn settle_plans() {
    // SAFETY: inside the nest level of the owner's scope, with static strings.
    unsafe {
        guc::set_until_level_ends(c"jit", c"off");
        guc::set_until_level_ends(c"plan_cache_mode", c"force_generic_plan");
    }
}

/// Whether a tenant has at most so many vectors in an index.
pub fn has_at_most(index: &EmbeddingIndex, tenant: &str, most: i64) -> bool {
    let id = index.id;
    let sql = format!(
        "SELECT pg_catalog.count(*) FROM (SELECT FROM categorize.embedding_{id} e WHERE e.tenant = $1 LIMIT $2) x"
    );
    run::read_kept(&sql, &[tenant.into(), (most + 1).into()], |row| row.get::<i64>(1)).pop().flatten().unwrap_or(0)
        <= most
}

/// The newest texts of a tenant, at most so many of a kind, with what is known of them: what is compared where there are no
/// vectors.
pub fn known_texts(taxonomy: i32, tenant: &str, most: i64) -> Vec<KnownText> {
    let sql = format!(
        "SELECT {COLUMNS}
           FROM ((SELECT k.fingerprint FROM categorize.correction k WHERE k.taxonomy_id = $2 AND k.tenant = $1
                   ORDER BY k.corrected_at DESC LIMIT $3)
                 UNION
                 (SELECT c.fingerprint FROM categorize.cache c
                   WHERE c.taxonomy_id = $2 AND c.tenant = $1 AND c.origin IN ('label', 'llm')
                   ORDER BY c.created_at DESC LIMIT $3)) n {KNOWN}"
    );
    let arguments = [tenant.into(), taxonomy.into(), most.into()];
    run::read(&sql, &arguments, |row| known_text(row, 1)).into_iter().flatten().collect()
}

/// Whether a tenant has any text that could have a vector.
pub fn has_known_texts(taxonomy: i32, tenant: &str) -> bool {
    let sql = "SELECT 1 FROM categorize.correction k WHERE k.taxonomy_id = $1 AND k.tenant = $2 AND k.input IS NOT NULL
               UNION ALL
               SELECT 1 FROM categorize.cache c
                WHERE c.taxonomy_id = $1 AND c.tenant = $2 AND c.origin IN ('label', 'llm') AND c.input IS NOT NULL
                LIMIT 1";
    !run::read(sql, &[taxonomy.into(), tenant.into()], |_| ()).is_empty()
}
