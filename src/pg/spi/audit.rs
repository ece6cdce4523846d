//! Statements on `categorize.audit`: free answers that a strong model was asked about anyway.

use super::run;
use pg_categorize_core::fingerprint::Fingerprint;
use std::collections::HashSet;

/// What a strong model said of a free answer.
pub struct AuditRow {
    /// Key of the input.
    pub fingerprint: Fingerprint,
    /// The tier that answered.
    pub tier: String,
    /// Its category.
    pub category: i32,
    /// How sure it was.
    pub confidence: f32,
    /// The strong model's category; `None` where no category fits.
    pub strong_category: Option<i32>,
    /// How sure that is.
    pub strong_confidence: f32,
    /// Nano-dollars.
    pub cost: i64,
}

/// Those of these inputs that were audited, or of which a person has said what they are: that is worth more.
pub fn audited(keys: &[Fingerprint]) -> HashSet<Fingerprint> {
    let sql = "SELECT a.fingerprint FROM categorize.audit a WHERE a.fingerprint = ANY ($1)
               UNION SELECT k.fingerprint FROM categorize.correction k WHERE k.fingerprint = ANY ($1)";
    let keys: Vec<Vec<u8>> = keys.iter().map(|key| key.0.to_vec()).collect();
    let rows = run::kept(sql, &[keys.into()], |row| row.get::<Vec<u8>>(1)?.try_into().ok().map(Fingerprint));
    rows.into_iter().flatten().collect()
}

/// Stores audits of one tenant and taxonomy, by one model.
pub fn store_audits(tenant: &str, taxonomy: i32, (provider, model): (&str, &str), audits: &[AuditRow]) {
    let sql = "INSERT INTO categorize.audit (fingerprint, tenant, taxonomy_id, tier, category_id, confidence,
                      strong_category_id, strong_confidence, agrees, provider, model, cost_nanousd)
               SELECT n.fingerprint, $8, $9, n.tier, n.category_id, n.confidence, n.strong_category_id, n.strong_confidence,
                      n.category_id IS NOT DISTINCT FROM n.strong_category_id, $10, $11, n.cost
                 FROM ROWS FROM (unnest($1::bytea[]), unnest($2::text[]), unnest($3::int[]), unnest($4::real[]),
                                 unnest($5::int[]), unnest($6::real[]), unnest($7::bigint[]))
                   AS n (fingerprint, tier, category_id, confidence, strong_category_id, strong_confidence, cost)
                WHERE EXISTS (SELECT FROM categorize.taxonomy t WHERE t.id = $9)
                   ON CONFLICT (fingerprint) DO NOTHING";
    let arguments = [
        audits.iter().map(|a| a.fingerprint.0.to_vec()).collect::<Vec<_>>().into(),
        audits.iter().map(|a| a.tier.clone()).collect::<Vec<_>>().into(),
        audits.iter().map(|a| a.category).collect::<Vec<_>>().into(),
        audits.iter().map(|a| a.confidence.clamp(0.0, 1.0)).collect::<Vec<_>>().into(),
        audits.iter().map(|a| a.strong_category).collect::<Vec<_>>().into(),
        audits.iter().map(|a| a.strong_confidence.clamp(0.0, 1.0)).collect::<Vec<_>>().into(),
        audits.iter().map(|a| a.cost.max(0)).collect::<Vec<_>>().into(),
        tenant.into(),
        taxonomy.into(),
        provider.into(),
        model.into(),
    ];
    run::kept(sql, &arguments, |_| ());
}
