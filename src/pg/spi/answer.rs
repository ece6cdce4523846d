//! What is known of inputs by now, and paid answers that are stored: statements of the gateway.

use super::run;
use pg_categorize_core::fingerprint::Fingerprint;

/// An answer that is kept.
pub struct KeptAnswer {
    /// Its key.
    pub fingerprint: Fingerprint,
    /// Its category as it was stored; `None` for an ad-hoc label.
    pub category: Option<i32>,
    /// The ad-hoc label.
    pub label: Option<String>,
    /// How sure.
    pub confidence: f32,
    /// Who was paid for it.
    pub provider: Option<String>,
    /// The model.
    pub model: Option<String>,
}

/// A paid answer to be stored.
pub struct PaidAnswer {
    /// Its key.
    pub fingerprint: Fingerprint,
    /// Its category, or none for an ad-hoc label.
    pub category: Option<i32>,
    /// The ad-hoc label.
    pub label: Option<String>,
    /// How sure.
    pub confidence: f32,
    /// Nano-dollars.
    pub cost: i64,
    /// The input, where it may be stored.
    pub input: Option<String>,
}

/// What answers of one request have in common.
pub struct Paid<'a> {
    /// The tenant.
    pub tenant: &'a str,
    /// Taxonomy and version, unless the labels are ad hoc.
    pub taxonomy: Option<(i32, i32)>,
    /// Who was paid.
    pub provider: &'a str,
    /// The model.
    pub model: &'a str,
    /// What it was asked with.
    pub prompt_version: &'a str,
    /// Seconds for which the answers count; `None` for ever.
    pub lasts: Option<f64>,
}

/// Corrections of a tenant.
pub fn corrections(tenant: &str, keys: &[Fingerprint]) -> Vec<(Fingerprint, i32)> {
    let sql = "SELECT fingerprint, category_id FROM categorize.correction WHERE fingerprint = ANY ($2) AND tenant = $1";
    let rows = run::kept(sql, &[tenant.into(), bytes(keys).into()], |row| Some((key(row, 1)?, row.get(2)?)));
    rows.into_iter().flatten().collect()
}

/// Answers of a tenant that have not expired.
pub fn own_answers(tenant: &str, keys: &[Fingerprint]) -> Vec<KeptAnswer> {
    let sql = "SELECT fingerprint, category_id, category_label, confidence, provider, model FROM categorize.cache
                WHERE fingerprint = ANY ($2) AND tenant = $1 AND (expires_at IS NULL OR expires_at > clock_timestamp())";
    run::kept(sql, &[tenant.into(), bytes(keys).into()], kept_answer).into_iter().flatten().collect()
}

/// Paid answers that tenants share, and that have not expired. What people said stays theirs.
pub fn shared_answers(keys: &[Fingerprint]) -> Vec<KeptAnswer> {
    let sql = "SELECT fingerprint, category_id, category_label, confidence, provider, model FROM categorize.cache
                WHERE fingerprint = ANY ($1) AND origin = 'llm'
                  AND (expires_at IS NULL OR expires_at > clock_timestamp())";
    run::kept(sql, &[bytes(keys).into()], kept_answer).into_iter().flatten().collect()
}

/// Stores paid answers of one request; never over what a person said. New rows tell nobody: no backend remembers that an
/// answer was absent. Only where one of the keys is there already does a second statement replace what is paid, too.
pub fn store_answers(paid: &Paid<'_>, answers: Vec<PaidAnswer>) {
    let insert = "
        INSERT INTO categorize.cache (fingerprint, category_id, category_label, confidence, origin, cost_nanousd, input,
                                      tenant, taxonomy_id, taxonomy_version, provider, model, prompt_version,
                                      expires_at, created_at)
        SELECT n.fingerprint, n.category_id, n.label, n.confidence, 'llm', n.cost, n.input, $7, $8, $9, $10, $11, $12,
               clock_timestamp() + $13 * interval '1 second', clock_timestamp()
          FROM ROWS FROM (unnest($1::bytea[]), unnest($2::int[]), unnest($3::text[]), unnest($4::real[]),
                          unnest($5::bigint[]), unnest($6::text[]))
            AS n (fingerprint, category_id, label, confidence, cost, input)
         WHERE NOT EXISTS (SELECT FROM categorize.correction k WHERE k.fingerprint = n.fingerprint)
        ON CONFLICT (fingerprint) DO NOTHING RETURNING fingerprint";
    let update = "
        UPDATE categorize.cache c
           SET category_id = n.category_id, category_label = n.label, confidence = n.confidence, origin = 'llm',
               cost_nanousd = n.cost, input = n.input, taxonomy_version = $9, provider = $10, model = $11,
               prompt_version = $12, expires_at = clock_timestamp() + $13 * interval '1 second',
               created_at = clock_timestamp()
          FROM ROWS FROM (unnest($1::bytea[]), unnest($2::int[]), unnest($3::text[]), unnest($4::real[]),
                          unnest($5::bigint[]), unnest($6::text[]))
            AS n (fingerprint, category_id, label, confidence, cost, input)
         WHERE c.fingerprint = n.fingerprint AND c.origin NOT IN ('label', 'correction')
           AND c.tenant = $7 AND c.taxonomy_id IS NOT DISTINCT FROM $8";
    let count = answers.len();
    let stored =
        run::kept(insert, &arguments(paid, &answers), |row| key(row, 1)).into_iter().flatten().collect::<Vec<_>>();
    if stored.len() < count {
        let rest: Vec<PaidAnswer> = answers.into_iter().filter(|a| !stored.contains(&a.fingerprint)).collect();
        run::kept(update, &arguments(paid, &rest), |_| ());
    }
}

fn arguments(paid: &Paid<'_>, answers: &[PaidAnswer]) -> [run::Arg; 13] {
    [
        answers.iter().map(|a| a.fingerprint.0.to_vec()).collect::<Vec<_>>().into(),
        answers.iter().map(|a| a.category).collect::<Vec<_>>().into(),
        answers.iter().map(|a| a.label.clone()).collect::<Vec<_>>().into(),
        answers.iter().map(|a| a.confidence).collect::<Vec<_>>().into(),
        answers.iter().map(|a| a.cost).collect::<Vec<_>>().into(),
        answers.iter().map(|a| a.input.clone()).collect::<Vec<_>>().into(),
        paid.tenant.into(),
        paid.taxonomy.map(|(id, _)| id).into(),
        paid.taxonomy.map(|(_, version)| version).into(),
        paid.provider.into(),
        paid.model.into(),
        paid.prompt_version.into(),
        paid.lasts.into(),
    ]
}

fn kept_answer(row: &run::Row) -> Option<KeptAnswer> {
    Some(KeptAnswer {
        fingerprint: key(row, 1)?,
        category: row.get(2),
        label: row.get(3),
        confidence: row.get(4)?,
        provider: row.get(5),
        model: row.get(6),
    })
}

fn key(row: &run::Row, column: i32) -> Option<Fingerprint> {
    row.get::<Vec<u8>>(column)?.try_into().ok().map(Fingerprint)
}

fn bytes(keys: &[Fingerprint]) -> Vec<Vec<u8>> {
    keys.iter().map(|key| key.0.to_vec()).collect()
}
