//! Statements on `categorize.confidence_observation`: of which answers it became known whether they were right.

use super::run;
use pg_categorize_core::confidence::{Observation, Source};
use pg_categorize_core::fingerprint::Fingerprint;
use std::collections::HashMap;

/// Observations of one model and source that calibration reads, the newest; the others are forgotten.
const NEWEST: i32 = 5000;

/// What the agreement of a strong model counts beside the word of a person: it errs, too.
pub const AGREEMENT: f32 = 0.5;

/// A strong model's answer beside that of a cheap one.
pub struct NewAgreement {
    /// Key of the input.
    pub fingerprint: Fingerprint,
    /// The cheap model.
    pub model: String,
    /// Where its confidence came from.
    pub source: Source,
    /// What it said.
    pub raw: f32,
    /// Whether both said the same.
    pub agreed: bool,
}

/// Observes the answers of language models that people correct, or confirm; before the correction is stored.
pub fn observe_corrections(corrections: &[(Fingerprint, i32)]) {
    let sql = "INSERT INTO categorize.confidence_observation AS known
                      (fingerprint, model, tenant, source, raw, is_right, said_by)
               SELECT c.fingerprint, c.model, c.tenant, c.confidence_source, c.raw_confidence,
                      c.category_id = n.category_id, 'person'
                 FROM ROWS FROM (unnest($1::bytea[]), unnest($2::int[])) AS n (fingerprint, category_id)
                 JOIN categorize.cache c ON c.fingerprint = n.fingerprint
                WHERE c.origin = 'llm' AND c.model IS NOT NULL AND c.confidence_source IS NOT NULL
                  AND c.raw_confidence IS NOT NULL
               ON CONFLICT (tenant, fingerprint, model) DO UPDATE
                  SET source = excluded.source, raw = excluded.raw, is_right = excluded.is_right, said_by = 'person',
                      observed_at = excluded.observed_at";
    // A strong model was the measure of the cheap one. Where it was right, so is the measure; where it was wrong, a cheap one
    // that agreed was, too, and of one that did not nothing is known any more.
    let measured = "WITH corrected AS (
                        SELECT c.tenant, c.fingerprint, c.model, c.category_id = n.category_id AS right_so
                          FROM ROWS FROM (unnest($1::bytea[]), unnest($2::int[])) AS n (fingerprint, category_id)
                          JOIN categorize.cache c ON c.fingerprint = n.fingerprint
                         WHERE c.origin = 'llm' AND c.upgraded),
                    gone AS (
                        DELETE FROM categorize.confidence_observation o USING corrected k
                         WHERE o.tenant = k.tenant AND o.fingerprint = k.fingerprint AND o.model <> k.model
                           AND o.said_by = 'strong_model' AND NOT k.right_so AND NOT o.is_right)
                    UPDATE categorize.confidence_observation o
                       SET is_right = CASE WHEN k.right_so THEN o.is_right ELSE false END, said_by = 'person',
                           observed_at = pg_catalog.clock_timestamp()
                      FROM corrected k
                     WHERE o.tenant = k.tenant AND o.fingerprint = k.fingerprint AND o.model <> k.model
                       AND o.said_by = 'strong_model' AND (k.right_so OR o.is_right)";
    let keys: Vec<Vec<u8>> = corrections.iter().map(|(key, _)| key.0.to_vec()).collect();
    let categories: Vec<i32> = corrections.iter().map(|(_, category)| *category).collect();
    run::write(measured, &[keys.clone().into(), categories.clone().into()]);
    run::write(sql, &[keys.into(), categories.into()]);
}

/// Observes what strong models said of the answers of cheap ones. A person's word stands.
pub fn observe_agreements(tenant: &str, new: &[NewAgreement]) {
    let sql = "INSERT INTO categorize.confidence_observation AS known
                      (fingerprint, model, tenant, source, raw, is_right, said_by)
               SELECT n.fingerprint, n.model, $1, n.source, n.raw, n.agreed, 'strong_model'
                 FROM ROWS FROM (unnest($2::bytea[]), unnest($3::text[]), unnest($4::text[]), unnest($5::real[]),
                                 unnest($6::boolean[])) AS n (fingerprint, model, source, raw, agreed)
               ON CONFLICT (tenant, fingerprint, model) DO UPDATE
                  SET source = excluded.source, raw = excluded.raw, is_right = excluded.is_right,
                      observed_at = excluded.observed_at
                WHERE known.said_by <> 'person'";
    let arguments = [
        tenant.into(),
        new.iter().map(|n| n.fingerprint.0.to_vec()).collect::<Vec<_>>().into(),
        new.iter().map(|n| n.model.clone()).collect::<Vec<_>>().into(),
        new.iter().map(|n| n.source.as_str().to_owned()).collect::<Vec<_>>().into(),
        new.iter().map(|n| n.raw).collect::<Vec<_>>().into(),
        new.iter().map(|n| n.agreed).collect::<Vec<_>>().into(),
    ];
    run::kept(sql, &arguments, |_| ());
}

/// Observations by model and source.
pub type Observations = HashMap<(String, Source), Vec<Observation>>;

/// What is known of the models of a tenant.
pub fn observations(tenant: &str) -> Observations {
    let sql = "SELECT model, source, raw, is_right, said_by
                 FROM (SELECT *, pg_catalog.row_number() OVER (PARTITION BY model, source ORDER BY observed_at DESC) AS nth
                         FROM categorize.confidence_observation WHERE tenant = $1) o
                WHERE nth <= $2";
    let read = |row: &run::Row| {
        let source = Source::parse(&row.get::<String>(2)?)?;
        let weight = if row.get::<String>(5)? == "person" { 1.0 } else { AGREEMENT };
        Some(((row.get::<String>(1)?, source), Observation { raw: row.get(3)?, right: row.get(4)?, weight }))
    };
    let mut all = Observations::new();
    for (key, observation) in run::kept(sql, &[tenant.into(), NEWEST.into()], read).into_iter().flatten() {
        all.entry(key).or_default().push(observation);
    }
    all
}

/// When something was observed last, in microseconds of the Postgres epoch.
pub fn last_observed() -> Option<i64> {
    let sql = "SELECT max(observed_at) FROM categorize.confidence_observation";
    run::kept(sql, &[], |row| row.get::<pgrx::datum::TimestampWithTimeZone>(1))
        .into_iter()
        .flatten()
        .next()
        .map(Into::into)
}

/// Forgets what calibration no longer reads.
pub fn forget_observations() {
    let sql = "DELETE FROM categorize.confidence_observation o USING (
                   SELECT tenant, fingerprint, model, pg_catalog.row_number() OVER (
                              PARTITION BY tenant, model, source ORDER BY observed_at DESC) AS nth
                     FROM categorize.confidence_observation) old
                WHERE o.tenant = old.tenant AND o.fingerprint = old.fingerprint AND o.model = old.model AND old.nth > $1";
    run::kept(sql, &[NEWEST.into()], |_| ());
}
