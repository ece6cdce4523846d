//! Answers of earlier texts that cost the price of a vector: a statement of the gateway.

use super::{run, time};
use pg_categorize_core::fingerprint::Fingerprint;
use pgrx::datum::TimestampWithTimeZone;

/// An answer of earlier texts, to be stored.
pub struct NearAnswer {
    /// Its key.
    pub fingerprint: Fingerprint,
    /// Its category.
    pub category: i32,
    /// How sure, 0 to 1.
    pub confidence: f32,
    /// Nano-dollars.
    pub cost: i64,
    /// The input, where it may be stored.
    pub input: Option<String>,
    /// When the first of the texts expires, in microseconds of the Postgres epoch.
    pub expires_at: Option<i64>,
}

/// Stores answers of earlier texts of a tenant, with who made the vectors; never over what somebody said or a model was paid
/// for, unless that has expired. `lasts` are seconds for which they count, as long as the texts do. They are no examples, and
/// nothing's neighbours: `origin` tells them apart.
pub fn store_near_answers(
    tenant: &str,
    (taxonomy, version): (i32, i32),
    (provider, model): (&str, &str),
    lasts: Option<f64>,
    answers: Vec<NearAnswer>,
) {
    let sql = "
        INSERT INTO categorize.cache AS c
               (fingerprint, category_id, confidence, origin, cost_nanousd, input, tenant, taxonomy_id, taxonomy_version,
                provider, model, expires_at, created_at)
        SELECT n.fingerprint, n.category_id, n.confidence, 'similarity', n.cost, n.input, $7, $8, $9, $10, $11,
               least(n.expires_at, clock_timestamp() + $12 * interval '1 second'), clock_timestamp()
          FROM ROWS FROM (unnest($1::bytea[]), unnest($2::int[]), unnest($3::real[]), unnest($4::bigint[]),
                          unnest($5::text[]), unnest($6::timestamptz[]))
            AS n (fingerprint, category_id, confidence, cost, input, expires_at)
         WHERE NOT EXISTS (SELECT FROM categorize.correction k WHERE k.fingerprint = n.fingerprint)
            ON CONFLICT (fingerprint) DO UPDATE
           SET category_id = EXCLUDED.category_id, category_label = NULL, confidence = EXCLUDED.confidence,
               origin = EXCLUDED.origin, cost_nanousd = EXCLUDED.cost_nanousd, input = EXCLUDED.input,
               taxonomy_version = EXCLUDED.taxonomy_version, provider = EXCLUDED.provider, model = EXCLUDED.model,
               prompt_version = NULL, upgraded = false, raw_confidence = NULL, confidence_source = NULL,
               rationale = NULL, expires_at = EXCLUDED.expires_at, created_at = EXCLUDED.created_at
         WHERE c.expires_at <= clock_timestamp() AND c.origin NOT IN ('label', 'correction')
           AND c.tenant = EXCLUDED.tenant AND c.taxonomy_id = EXCLUDED.taxonomy_id";
    let expire = |answer: &NearAnswer| -> Option<TimestampWithTimeZone> { answer.expires_at.map(time) };
    let arguments = [
        answers.iter().map(|a| a.fingerprint.0.to_vec()).collect::<Vec<_>>().into(),
        answers.iter().map(|a| a.category).collect::<Vec<_>>().into(),
        answers.iter().map(|a| a.confidence).collect::<Vec<_>>().into(),
        answers.iter().map(|a| a.cost).collect::<Vec<_>>().into(),
        answers.iter().map(|a| a.input.clone()).collect::<Vec<_>>().into(),
        answers.iter().map(expire).collect::<Vec<_>>().into(),
        tenant.into(),
        taxonomy.into(),
        version.into(),
        provider.into(),
        model.into(),
        lasts.into(),
    ];
    run::kept(sql, &arguments, |_| ());
}
