//! Texts in the place of vectors, compared by the trigrams that they share (pg_trgm).

use super::EmbeddingIndex;
use super::nearest::{COLUMNS, Hit, KNOWN, known_text, settle_plans};
use crate::pg::spi::run;
use pg_categorize_core::embedding_model::EmbeddingModel;
use pg_categorize_core::fingerprint::Fingerprint;
use pgrx::pg_sys;

/// pg_trgm as it is installed in this database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigrams {
    /// Its schema, quoted.
    pub schema: String,
}

/// A text to be stored.
pub struct NewText {
    /// Its key.
    pub fingerprint: Fingerprint,
    /// Whose it is.
    pub tenant: String,
    /// The text in normal form, case folded.
    pub normal: String,
}

/// Looks for pg_trgm, whatever schema it is in. Runs as anyone.
pub fn trigrams() -> Option<Trigrams> {
    let sql = "SELECT pg_catalog.quote_ident(n.nspname) FROM pg_catalog.pg_extension e
                 JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) e.extnamespace
                WHERE e.extname OPERATOR(pg_catalog.=) 'pg_trgm'";
    Some(Trigrams { schema: run::read(sql, &[], |row| row.get(1)).pop()?? })
}

/// Whether pg_trgm is installed. No statement, so that it can be asked while a transaction commits.
pub fn is_pg_trgm_here() -> bool {
    // SAFETY: a look-up in the catalogs with a static name, inside a transaction.
    unsafe { pg_sys::get_extension_oid(c"pg_trgm".as_ptr(), true) != pg_sys::InvalidOid }
}

/// Whether the extension is here that an embedding needs. No statement, so that it can be asked while a transaction commits.
pub fn can_embed(model: &EmbeddingModel) -> bool {
    if *model == EmbeddingModel::Trigrams { is_pg_trgm_here() } else { super::is_pgvector_here() }
}

/// Builds the index of a table of texts. Signatures of 64 bytes find the nearest sooner than the usual 12 among titles.
pub fn create_trigram_index(id: i32, trigrams: &Trigrams) {
    let schema = &trigrams.schema;
    run::write(
        &format!("CREATE INDEX ON categorize.embedding_{id} USING gist (normal {schema}.gist_trgm_ops (siglen = 64))"),
        &[],
    );
    run::write(&format!("ANALYZE categorize.embedding_{id}"), &[]);
}

/// Stores texts; one that is there stays. Returns how many are new.
pub fn insert_texts(id: i32, new: &[NewText]) -> u64 {
    let sql = format!(
        "INSERT INTO categorize.embedding_{id} (fingerprint, tenant, normal)
         SELECT n.fingerprint, n.tenant, n.normal
           FROM unnest($1::bytea[], $2::text[], $3::text[]) AS n (fingerprint, tenant, normal)
         ON CONFLICT (fingerprint) DO NOTHING"
    );
    let arguments = [
        new.iter().map(|text| text.fingerprint.0.to_vec()).collect::<Vec<_>>().into(),
        new.iter().map(|text| text.tenant.clone()).collect::<Vec<_>>().into(),
        new.iter().map(|text| text.normal.clone()).collect::<Vec<_>>().into(),
    ];
    run::write_kept(&sql, &arguments)
}

/// As `nearest`, for texts in normal form: the share of trigrams takes the place of the cosine. `exact` compares all of the
/// tenant's texts.
pub fn nearest_texts(
    index: &EmbeddingIndex,
    trigrams: &Trigrams,
    tenant: &str,
    texts: &[&str],
    wanted: usize,
    exact: bool,
) -> Vec<Hit> {
    settle_plans();
    let (id, schema) = (index.id, &trigrams.schema);
    // An index serves an ORDER BY of exactly the distance.
    let order = if exact { "+ 0" } else { "" };
    let sql = format!(
        "SELECT q.place, n.distance, {COLUMNS}
           FROM (SELECT t.place::int - 1 AS place, t.normal
                   FROM unnest($2::text[]) WITH ORDINALITY AS t (normal, place) OFFSET 0) q
          CROSS JOIN LATERAL (SELECT e.fingerprint,
                                     (e.normal OPERATOR({schema}.<->) q.normal)::double precision AS distance
                                FROM categorize.embedding_{id} e WHERE e.tenant = $1
                               ORDER BY (e.normal OPERATOR({schema}.<->) q.normal) {order} LIMIT {wanted}) n {KNOWN}"
    );
    let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    let rows = run::read_kept(&sql, &[tenant.into(), texts.into()], |row| {
        let place = usize::try_from(row.get::<i32>(1)?).ok()?;
        Some((place, (1.0 - row.get::<f64>(2)?) as f32, known_text(row, 3)))
    });
    rows.into_iter().flatten().collect()
}

/// How like a text is to each of these, in their order: the share of trigrams that both have.
pub fn likenesses(trigrams: &Trigrams, text: &str, others: &[String]) -> Vec<f32> {
    let schema = &trigrams.schema;
    let sql = format!(
        "SELECT {schema}.similarity($1, t.normal) FROM unnest($2::text[]) WITH ORDINALITY AS t (normal, place)
          ORDER BY t.place"
    );
    run::read(&sql, &[text.into(), others.to_vec().into()], |row| row.get::<f32>(1).unwrap_or(0.0))
}
