//! Making, filling and removing the tables of vectors: statements of the indexer, and of those who store or forget.

use super::{Pgvector, Trigrams};
use crate::pg::lock;
use crate::pg::spi::{run, time};
use pg_categorize_core::fingerprint::Fingerprint;
use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_sys;

/// A text that lacks its vector.
pub struct UnindexedText {
    /// Its key.
    pub fingerprint: Fingerprint,
    /// Whose it is.
    pub tenant: String,
    /// The beginning of the text as it came.
    pub input: String,
    /// Whether its vector was to come in a batch, and did not.
    pub left_by_batch: bool,
}

/// A vector to be stored.
pub struct NewVector {
    /// Key of its text.
    pub fingerprint: Fingerprint,
    /// Whose it is.
    pub tenant: String,
    /// The vector, of the length of its index.
    pub embedding: Vec<f32>,
}

/// What the table of an index has for each text.
#[derive(Debug, Clone, Copy)]
pub enum Holding<'a> {
    /// Vectors of this length.
    Vectors(&'a Pgvector, usize),
    /// The text itself, in normal form.
    Texts(&'a Trigrams),
}

impl Holding<'_> {
    fn column(self) -> String {
        match self {
            Self::Vectors(pgvector, length) => format!("embedding {}.halfvec({length}) NOT NULL", pgvector.schema),
            Self::Texts(_) => "normal text NOT NULL".to_owned(),
        }
    }

    fn dimensions(self) -> Option<i32> {
        match self {
            Self::Vectors(_, length) => i32::try_from(length).ok(),
            Self::Texts(_) => None,
        }
    }
}

/// Records an index that is to be built, and makes its table, a member of the extension: so it is in no dump, and goes with
/// the extension. Returns its id; `None` where another is being built. Runs as the owner of the extension.
pub fn create_embedding_index(taxonomy: i32, model: &str, holding: Holding<'_>) -> Option<i32> {
    let id = record_embedding_index(taxonomy, model)?;
    create_table(id, holding);
    Some(id)
}

/// Records an index that is to be built, and makes no table yet. Returns its id; `None` where another is being built.
pub fn record_embedding_index(taxonomy: i32, model: &str) -> Option<i32> {
    let sql = "INSERT INTO categorize.embedding_index (taxonomy_id, model) VALUES ($1, $2)
               ON CONFLICT (taxonomy_id, model) WHERE state = 'building' DO NOTHING RETURNING id";
    run::write_returning(sql, &[taxonomy.into(), model.into()], |row| row.get(1)).pop()?
}

/// Makes the table of an index that is recorded. Runs as the owner of the extension.
pub fn create_table(id: i32, holding: Holding<'_>) {
    let dimensions = "UPDATE categorize.embedding_index SET dimensions = $2 WHERE id = $1";
    run::write(dimensions, &[id.into(), holding.dimensions().into()]);
    let column = holding.column();
    for statement in [
        format!(
            "CREATE TABLE categorize.embedding_{id} (fingerprint bytea PRIMARY KEY, tenant text NOT NULL, {column})"
        ),
        format!("CREATE INDEX ON categorize.embedding_{id} (tenant)"),
        format!(
            "COMMENT ON TABLE categorize.embedding_{id} IS 'Vectors of the texts of a taxonomy; made by a worker.'"
        ),
        format!("REVOKE ALL ON categorize.embedding_{id} FROM PUBLIC"),
        format!("ALTER EXTENSION pg_categorize ADD TABLE categorize.embedding_{id}"),
    ] {
        run::write(&statement, &[]);
    }
}

/// Builds the HNSW index of a table of vectors.
pub fn create_hnsw(id: i32, pgvector: &Pgvector) {
    let schema = &pgvector.schema;
    run::write(
        &format!("CREATE INDEX ON categorize.embedding_{id} USING hnsw (embedding {schema}.halfvec_cosine_ops)"),
        &[],
    );
    run::write(&format!("ANALYZE categorize.embedding_{id}"), &[]);
}

/// Has an index answer from now on, in the place of those that did. What was paid for is kept: a taxonomy that goes back to
/// its model has only the texts embedded that came meanwhile.
pub fn swap_in(id: i32) {
    let aside = "UPDATE categorize.embedding_index o
                    SET state = CASE WHEN o.model <> n.model AND pg_catalog.strpos(o.model, ':') > 0
                                      AND NOT EXISTS (SELECT FROM categorize.embedding_index b
                                                       WHERE b.taxonomy_id = o.taxonomy_id AND b.model = o.model
                                                         AND b.state = 'building')
                                     THEN 'building' ELSE 'dropped' END, indexed_until = NULL
                   FROM categorize.embedding_index n
                  WHERE n.id = $1 AND o.id <> n.id AND o.taxonomy_id = n.taxonomy_id AND o.state = 'ready'";
    run::write(aside, &[id.into()]);
    let ready = "UPDATE categorize.embedding_index
                    SET state = 'ready', built_at = clock_timestamp(), held_by = NULL, held_detail = NULL WHERE id = $1";
    run::write(ready, &[id.into()]);
}

/// Marks an index that is of no use any more; [`remove_dropped`] removes it.
pub fn retire(id: i32) {
    run::write("UPDATE categorize.embedding_index SET state = 'dropped' WHERE id = $1", &[id.into()]);
}

/// Marks the indexes of taxonomies that are no longer there.
pub fn retire_orphans() {
    run::write(
        "UPDATE categorize.embedding_index i SET state = 'dropped'
          WHERE i.state <> 'dropped'
            AND NOT EXISTS (SELECT FROM categorize.taxonomy t LEFT JOIN categorize.taxonomy o ON o.overrides = t.id
                             WHERE t.id = i.taxonomy_id AND t.overrides IS NULL AND NOT coalesce(o.dropped, t.dropped))",
        &[],
    );
}

/// The indexes that are marked for removal.
pub fn dropped_embedding_indexes() -> Vec<i32> {
    let sql = "SELECT id FROM categorize.embedding_index WHERE state = 'dropped' ORDER BY id";
    run::write_returning(sql, &[], |row| row.get(1)).into_iter().flatten().collect()
}

/// Removes an index that is marked, with its table.
///
/// # Errors
/// 55P03 where somebody reads it: who reads must not wait for who waits for him.
pub fn remove_dropped(id: i32) {
    let exists = "SELECT pg_catalog.to_regclass('categorize.embedding_' || $1::text) IS NOT NULL";
    if run::write_returning(exists, &[id.into()], |row| row.get::<bool>(1)).pop().flatten() == Some(true) {
        run::write(&format!("LOCK TABLE categorize.embedding_{id} IN ACCESS EXCLUSIVE MODE NOWAIT"), &[]);
        run::write(&format!("ALTER EXTENSION pg_categorize DROP TABLE categorize.embedding_{id}"), &[]);
        run::write(&format!("DROP TABLE categorize.embedding_{id}"), &[]);
    }
    run::write("DELETE FROM categorize.queued_vector WHERE index_id = $1", &[id.into()]);
    run::write("DELETE FROM categorize.embedding_index WHERE id = $1", &[id.into()]);
}

/// A moment in microseconds of the Postgres epoch: what was written before it is committed or will never be. `None` where
/// that cannot be told, since a transaction is prepared. Runs as a superuser, who sees all transactions.
pub fn all_written_before() -> Option<i64> {
    // The clock is read before the transactions are: one that begins in between writes later.
    let sql = "SELECT least(pg_catalog.statement_timestamp(),
                            (SELECT pg_catalog.min(a.xact_start) FROM pg_catalog.pg_stat_activity a
                              WHERE a.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
                                AND a.pid OPERATOR(pg_catalog.<>) pg_catalog.pg_backend_pid()))
                WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_prepared_xacts p
                                   WHERE p.database OPERATOR(pg_catalog.=) pg_catalog.current_database())";
    run::write_returning(sql, &[], |row| row.get::<i64>(1)).pop()?
}

/// The texts of a taxonomy that were written since a moment, or ever.
macro_rules! written {
    () => {
        "(SELECT k.fingerprint, k.tenant, coalesce(k.input, c.input) AS input
            FROM categorize.correction k LEFT JOIN categorize.cache c ON c.fingerprint = k.fingerprint
           WHERE k.taxonomy_id = $1 AND k.corrected_at >= $2 AND coalesce(k.input, c.input) IS NOT NULL
          UNION ALL
          SELECT c.fingerprint, c.tenant, c.input FROM categorize.cache c
           WHERE c.taxonomy_id = $1 AND c.created_at >= $2 AND c.origin IN ('label', 'llm') AND c.input IS NOT NULL
             AND (c.expires_at IS NULL OR c.expires_at > clock_timestamp()))"
    };
}

/// Whether a taxonomy has texts that were written since a moment, or at all.
pub fn has_written_since(taxonomy: i32, since: Option<i64>) -> bool {
    let sql = concat!("SELECT EXISTS (SELECT FROM ", written!(), " x)");
    let arguments = [taxonomy.into(), moment(since).into()];
    run::write_returning(sql, &arguments, |row| row.get::<bool>(1)).pop().flatten().unwrap_or(false)
}

/// Whether so many texts of a taxonomy that were written since a moment, or ever, have no vector in an index and wait for none in a
/// batch, about.
pub fn lack_vectors(index: i32, taxonomy: i32, since: Option<i64>, texts: i64) -> bool {
    let sql = format!(
        "SELECT pg_catalog.count(*) >= $3
           FROM (SELECT FROM {written} x
                  WHERE NOT EXISTS (SELECT FROM categorize.queued_vector q
                                     WHERE q.index_id = {index} AND q.fingerprint = x.fingerprint)
                    AND NOT EXISTS (SELECT FROM categorize.embedding_{index} e WHERE e.fingerprint = x.fingerprint)
                  LIMIT $3) y",
        written = written!()
    );
    let arguments = [taxonomy.into(), moment(since).into(), texts.into()];
    run::write_returning(&sql, &arguments, |row| row.get(1)).pop().flatten().unwrap_or(false)
}

/// What is read of texts that were found. They are cut once they are sorted: else each that is there would be unpacked.
const BEGINNINGS: &str = "SELECT y.fingerprint, y.tenant, pg_catalog.\"left\"(y.input, $5), y.live FROM";

/// Texts of a taxonomy that were written since a moment, or ever, have no vector in an index and wait for none in a batch; those with the keys that come
/// next after `after`, and at most so many. Of each so many characters: an input may have a megabyte.
pub fn unindexed_texts(
    id: i32,
    taxonomy: i32,
    since: Option<i64>,
    after: &Fingerprint,
    most: i64,
    characters: i32,
) -> Vec<UnindexedText> {
    let sql = format!(
        "{BEGINNINGS} (SELECT x.fingerprint, x.tenant, x.input, coalesce(q.live, false) AS live FROM {written} x
           LEFT JOIN categorize.queued_vector q ON q.index_id = {id} AND q.fingerprint = x.fingerprint
          WHERE x.fingerprint > $3 AND q.live IS NOT FALSE
            AND NOT EXISTS (SELECT FROM categorize.embedding_{id} e WHERE e.fingerprint = x.fingerprint)
          ORDER BY x.fingerprint LIMIT $4) y ORDER BY y.fingerprint",
        written = written!()
    );
    let arguments = [taxonomy.into(), moment(since).into(), after.0.to_vec().into(), most.into(), characters.into()];
    run::write_returning(&sql, &arguments, unindexed_text).into_iter().flatten().collect()
}

/// The texts of a taxonomy that could have vectors, each once.
pub(super) const ALL_TEXTS: &str = "
    SELECT c.fingerprint, c.input FROM categorize.cache c
     WHERE c.taxonomy_id = $1 AND c.origin IN ('label', 'llm') AND c.input IS NOT NULL
       AND (c.expires_at IS NULL OR c.expires_at > clock_timestamp())
    UNION
    SELECT k.fingerprint, coalesce(k.input, c.input) FROM categorize.correction k
      LEFT JOIN categorize.cache c ON c.fingerprint = k.fingerprint
     WHERE k.taxonomy_id = $1 AND coalesce(k.input, c.input) IS NOT NULL";

/// How many they are.
pub(super) const COUNT_TEXTS: &str = "
    SELECT pg_catalog.count(DISTINCT x.fingerprint)
      FROM (SELECT c.fingerprint FROM categorize.cache c
             WHERE c.taxonomy_id = $1 AND c.origin IN ('label', 'llm') AND c.input IS NOT NULL
               AND (c.expires_at IS NULL OR c.expires_at > clock_timestamp())
             UNION ALL
            SELECT k.fingerprint FROM categorize.correction k
              LEFT JOIN categorize.cache c ON c.fingerprint = k.fingerprint
             WHERE k.taxonomy_id = $1 AND coalesce(k.input, c.input) IS NOT NULL) x";

/// Texts of a taxonomy, those with the keys that come next after `after`, and at most so many. Of each so many characters.
pub fn written_texts(taxonomy: i32, after: &Fingerprint, most: i64, characters: i32) -> Vec<UnindexedText> {
    let sql = format!(
        "{BEGINNINGS} (SELECT x.fingerprint, x.tenant, x.input, false AS live FROM {written} x
          WHERE x.fingerprint > $3 ORDER BY x.fingerprint LIMIT $4) y ORDER BY y.fingerprint",
        written = written!()
    );
    let arguments = [taxonomy.into(), moment(None).into(), after.0.to_vec().into(), most.into(), characters.into()];
    run::write_returning(&sql, &arguments, unindexed_text).into_iter().flatten().collect()
}

fn unindexed_text(row: &run::Row) -> Option<UnindexedText> {
    let fingerprint = Fingerprint(row.get::<Vec<u8>>(1)?.try_into().ok()?);
    Some(UnindexedText { fingerprint, tenant: row.get(2)?, input: row.get(3)?, left_by_batch: row.get(4)? })
}

/// Stores vectors; one that is there stays. Returns how many are new.
pub fn insert_vectors(id: i32, pgvector: &Pgvector, new: &[NewVector]) -> u64 {
    let (schema, length) = (&pgvector.schema, new.first().map_or(0, |vector| vector.embedding.len()));
    let sql = format!(
        "INSERT INTO categorize.embedding_{id} (fingerprint, tenant, embedding)
         SELECT n.fingerprint, n.tenant,
                ($3[(n.place - 1) * {length} + 1 : n.place * {length}])::{schema}.halfvec
           FROM ROWS FROM (unnest($1::bytea[]), unnest($2::text[])) WITH ORDINALITY AS n (fingerprint, tenant, place)
         ON CONFLICT (fingerprint) DO NOTHING"
    );
    let arguments = [
        new.iter().map(|vector| vector.fingerprint.0.to_vec()).collect::<Vec<_>>().into(),
        new.iter().map(|vector| vector.tenant.clone()).collect::<Vec<_>>().into(),
        new.iter().flat_map(|vector| vector.embedding.iter().copied()).collect::<Vec<f32>>().into(),
    ];
    run::write_kept(&sql, &arguments)
}

/// Removes the vectors of texts that are gone or have expired; returns how many.
pub fn sweep_vectors(id: i32) -> u64 {
    run::write(
        &format!(
            "DELETE FROM categorize.embedding_{id} e
              WHERE NOT EXISTS (SELECT FROM categorize.cache c
                                 WHERE c.fingerprint = e.fingerprint AND c.input IS NOT NULL
                                   AND (c.expires_at IS NULL OR c.expires_at > clock_timestamp()))
                AND NOT EXISTS (SELECT FROM categorize.correction k
                                 WHERE k.fingerprint = e.fingerprint AND k.input IS NOT NULL)"
        ),
        &[],
    )
}

/// Notes how far an index is: all that was written before a moment has its vector, and it has so many more of them, or so many
/// at all.
pub fn note_indexed(id: i32, until: Option<i64>, rows: Rows, has_hnsw: bool) {
    let sql = "UPDATE categorize.embedding_index
                  SET indexed_until = coalesce($2, indexed_until), rows = coalesce($3, rows) + $4, has_hnsw = $5,
                      swept_at = CASE WHEN $6 THEN clock_timestamp() ELSE swept_at END
                WHERE id = $1";
    let (all, more, swept) = match rows {
        Rows::All { count, swept } => (Some(count), 0, swept),
        Rows::More(more) => (None, i64::try_from(more).unwrap_or(i64::MAX), false),
    };
    let until: Option<TimestampWithTimeZone> = until.map(time);
    run::write(sql, &[id.into(), until.into(), all.into(), more.into(), has_hnsw.into(), swept.into()]);
}

/// What is known of the number of an index's vectors.
#[derive(Debug, Clone, Copy)]
pub enum Rows {
    /// All were counted, perhaps after those of what is gone were removed.
    All {
        /// How many there are.
        count: i64,
        /// Whether what is gone was looked for.
        swept: bool,
    },
    /// So many are new.
    More(u64),
}

/// How many vectors a table has.
pub fn count_vectors(id: i32) -> i64 {
    let sql = format!("SELECT pg_catalog.count(*) FROM categorize.embedding_{id}");
    run::write_returning(&sql, &[], |row| row.get(1)).pop().flatten().unwrap_or(0)
}

/// Removes the vectors of texts that were forgotten, unless something else is known of them. An index that is being built is
/// left alone, since whoever forgets must not wait for it; it is swept before it answers. So is one that gets its HNSW index
/// while it answers: the next sweep removes what is left there, and nobody is shown a text that is gone.
pub fn delete_vectors(fingerprints: &[Fingerprint]) {
    if fingerprints.is_empty() {
        return;
    }
    let keys: Vec<Vec<u8>> = fingerprints.iter().map(|f| f.0.to_vec()).collect();
    let tables = "SELECT i.id, pg_catalog.to_regclass('categorize.embedding_' || i.id::text)::oid
                    FROM categorize.embedding_index i WHERE i.state = 'ready'";
    let table = |row: &run::Row| Some((row.get::<i32>(1)?, row.get::<pg_sys::Oid>(2)?));
    for (id, table) in run::write_returning(tables, &[], table).into_iter().flatten() {
        if !lock::may_write_now(table) {
            continue;
        }
        run::write(
            &format!(
                "DELETE FROM categorize.embedding_{id} e
                  WHERE e.fingerprint = ANY ($1)
                    AND NOT EXISTS (SELECT FROM categorize.cache c WHERE c.fingerprint = e.fingerprint)
                    AND NOT EXISTS (SELECT FROM categorize.correction k
                                     WHERE k.fingerprint = e.fingerprint AND k.input IS NOT NULL)"
            ),
            &[keys.clone().into()],
        );
    }
}

fn moment(since: Option<i64>) -> TimestampWithTimeZone {
    // Before all that was ever written.
    time(since.unwrap_or(i64::MIN / 64))
}
