//! Statements on stored answers that are to be asked for anew.

use super::query::numbers_where;
use super::run;
use pg_categorize_core::fingerprint::Fingerprint;
use pgrx::datum::TimestampWithTimeZone;

/// Which stored answers of a tenant into a taxonomy.
pub struct Meant<'a> {
    /// The tenant.
    pub tenant: &'a str,
    /// The taxonomy.
    pub taxonomy: i32,
    /// Only those of a version before this one.
    pub before_version: Option<i32>,
    /// Only those of this model.
    pub model: Option<&'a str>,
    /// Only those that are less sure than this.
    pub below: Option<f32>,
}

/// A stored answer that a machine gave.
pub struct StoredAnswer {
    /// Its key.
    pub fingerprint: Fingerprint,
    /// Its text; `None` where that is not stored.
    pub input: Option<String>,
    category: i32,
    confidence: f32,
    provider: Option<String>,
    model: Option<String>,
    created_at: Option<TimestampWithTimeZone>,
}

/// Those of a taxonomy behind a key, in the order of their keys. What people have said or taught is not among them.
pub fn machine_answers(of: &Meant<'_>, after: Option<Fingerprint>, limit: i64) -> Vec<StoredAnswer> {
    let sql = "SELECT c.fingerprint, c.input, c.category_id, c.confidence, c.provider, c.model, c.created_at
                 FROM categorize.cache c
                WHERE c.tenant = $1 AND c.taxonomy_id = $2 AND c.origin NOT IN ('label', 'correction')
                  AND ($3 IS NULL OR c.taxonomy_version < $3) AND ($4 IS NULL OR c.model = $4) AND ($5 IS NULL OR c.confidence < $5)
                  AND c.fingerprint > $6
                  AND NOT EXISTS (SELECT FROM categorize.correction k WHERE k.fingerprint = c.fingerprint)
                ORDER BY c.fingerprint LIMIT $7";
    let arguments = [
        of.tenant.into(),
        of.taxonomy.into(),
        of.before_version.into(),
        of.model.into(),
        of.below.into(),
        after.map_or_else(Vec::new, |key| key.0.to_vec()).into(),
        limit.into(),
    ];
    let row = |row: &run::Row| {
        Some(StoredAnswer {
            fingerprint: Fingerprint(row.get::<Vec<u8>>(1)?.try_into().ok()?),
            input: row.get(2),
            category: row.get(3)?,
            confidence: row.get(4)?,
            provider: row.get(5),
            model: row.get(6),
            created_at: row.get(7),
        })
    };
    run::write_returning(sql, &arguments, row).into_iter().flatten().collect()
}

/// The places of those for which a condition holds that the caller wrote, over the columns input, category, confidence, provider, model
/// and created_at. Runs as the caller, who can neither write nor spend in it. `path` tells the path of a category.
pub fn answers_where(condition: &str, answers: &[StoredAnswer], path: impl Fn(i32) -> Option<String>) -> Vec<usize> {
    // A comment at the condition's end ends with its line.
    let query = format!(
        "SELECT answer.number FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.int4[]), pg_catalog.unnest($2::pg_catalog.text[]),
            pg_catalog.unnest($3::pg_catalog.text[]), pg_catalog.unnest($4::pg_catalog.float4[]), pg_catalog.unnest($5::pg_catalog.text[]),
            pg_catalog.unnest($6::pg_catalog.text[]), pg_catalog.unnest($7::pg_catalog.timestamptz[]))
          AS answer (number, input, category, confidence, provider, model, created_at)
       WHERE ({condition}\n)"
    );
    let arguments = [
        (0..answers.len() as i32).collect::<Vec<i32>>().into(),
        answers.iter().map(|answer| answer.input.clone()).collect::<Vec<_>>().into(),
        answers.iter().map(|answer| path(answer.category)).collect::<Vec<_>>().into(),
        answers.iter().map(|answer| answer.confidence).collect::<Vec<_>>().into(),
        answers.iter().map(|answer| answer.provider.clone()).collect::<Vec<_>>().into(),
        answers.iter().map(|answer| answer.model.clone()).collect::<Vec<_>>().into(),
        answers.iter().map(|answer| answer.created_at).collect::<Vec<_>>().into(),
    ];
    let mut places = numbers_where(&query, &arguments);
    // A query that the condition has made of it may return anything.
    places.retain(|place| *place < answers.len());
    places.sort_unstable();
    places.dedup();
    places
}

/// Notes of waiting jobs that they are asked about although an answer is known.
pub fn renew_jobs(jobs: &[i64]) {
    run::write(
        "UPDATE categorize.job_entry j SET renews = true FROM categorize.job_waiting w WHERE w.job_id = ANY ($1) AND j.id = w.job_id",
        &[jobs.to_vec().into()],
    );
}
