//! Vectors that a provider makes: which texts lack them, what they cost, and how far an index of them is.

use super::{EmbeddingIndex, Pgvector, UnindexedText};
use crate::pg::spi::{run, time};
use pg_categorize_core::embedding::MAX_BYTES;
use pg_categorize_core::fingerprint::Fingerprint;
use pg_categorize_core::money::Money;
use pgrx::datum::TimestampWithTimeZone;

/// The vectors that are stored of these texts of a tenant.
pub fn stored_vectors(
    index: &EmbeddingIndex,
    pgvector: &Pgvector,
    tenant: &str,
    keys: &[Fingerprint],
) -> Vec<(Fingerprint, Vec<f32>)> {
    let (id, schema) = (index.id, &pgvector.schema);
    let sql = format!(
        "SELECT e.fingerprint, e.embedding::{schema}.vector::real[] FROM categorize.embedding_{id} e
          WHERE e.fingerprint = ANY ($2) AND e.tenant = $1"
    );
    let keys: Vec<Vec<u8>> = keys.iter().map(|key| key.0.to_vec()).collect();
    let row = |row: &run::Row| Some((Fingerprint(row.get::<Vec<u8>>(1)?.try_into().ok()?), row.get(2)?));
    run::read_kept(&sql, &[tenant.into(), keys.into()], row).into_iter().flatten().collect()
}

/// Texts of a taxonomy that have no vector in an index, by their keys from `after` on, at most so many. Without a table none has.
/// Of each as much as may be sent: a character has at least a byte.
pub fn texts_without_vectors(
    index: &EmbeddingIndex,
    taxonomy: i32,
    since: Option<i64>,
    after: &Fingerprint,
    most: i64,
) -> Vec<UnindexedText> {
    match index.table {
        Some(_) => super::unindexed_texts(index.id, taxonomy, since, after, most, MAX_BYTES as i32),
        None => super::written_texts(taxonomy, after, most, MAX_BYTES as i32),
    }
}

/// Adds to what the vectors of an index cost; and that nothing holds it up.
pub fn add_cost(id: i32, cost: Money, new: u64) {
    let sql = "UPDATE categorize.embedding_index
                  SET cost = cost + $2, rows = rows + $3, held_by = NULL, held_detail = NULL WHERE id = $1";
    run::write_kept(sql, &[id.into(), cost.0.into(), i64::try_from(new).unwrap_or(i64::MAX).into()]);
}

/// Notes why no more vectors of an index are bought for now.
pub fn hold_index(id: i32, reason: &str, detail: Option<&str>) {
    let sql = "UPDATE categorize.embedding_index SET held_by = $2, held_detail = $3
                WHERE id = $1 AND (held_by, held_detail) IS DISTINCT FROM ($2, $3)";
    run::write(sql, &[id.into(), reason.into(), detail.into()]);
}

/// Notes how many texts are to have a vector.
pub fn note_texts(id: i32, taxonomy: i32) {
    run::write(
        &format!("UPDATE categorize.embedding_index SET texts = ({}) WHERE id = $2", super::COUNT_TEXTS),
        &[taxonomy.into(), id.into()],
    );
}

/// How many texts of a taxonomy lack a vector in an index, if there is one, and how many bytes they have.
pub fn size_without_vectors(taxonomy: i32, table: Option<i32>) -> (i64, i64) {
    let lack = table.map_or_else(String::new, |id| {
        format!("WHERE NOT EXISTS (SELECT FROM categorize.embedding_{id} e WHERE e.fingerprint = x.fingerprint)")
    });
    let sql = format!(
        "SELECT pg_catalog.count(*), coalesce(pg_catalog.sum(pg_catalog.octet_length(x.input)), 0)::bigint
           FROM ({}) x {lack}",
        super::ALL_TEXTS
    );
    let row = |row: &run::Row| Some((row.get(1)?, row.get(2)?));
    run::write_returning(&sql, &[taxonomy.into()], row).pop().flatten().unwrap_or((0, 0))
}

/// Whether all texts had their vectors when that was last looked at.
pub fn is_complete(id: i32) -> bool {
    let sql = "SELECT indexed_until IS NOT NULL FROM categorize.embedding_index WHERE id = $1";
    run::write_returning(sql, &[id.into()], |row| row.get(1)).pop().flatten().unwrap_or(false)
}

/// Notes whether all texts have their vectors: since when, or that some lack theirs.
pub fn note_complete(id: i32, until: Option<i64>) {
    run::write("DELETE FROM categorize.queued_vector WHERE index_id = $1 AND live", &[id.into()]);
    let until: Option<TimestampWithTimeZone> = until.map(time);
    let sql = "UPDATE categorize.embedding_index
                  SET indexed_until = $2, held_by = CASE WHEN $2 IS NULL THEN held_by END,
                      held_detail = CASE WHEN $2 IS NULL THEN held_detail END
                WHERE id = $1";
    run::write(sql, &[id.into(), until.into()]);
}

/// Has an index that answered answer no more, and keeps it.
pub fn set_aside(id: i32) {
    run::write(
        "UPDATE categorize.embedding_index SET state = 'building', indexed_until = NULL WHERE id = $1",
        &[id.into()],
    );
}
