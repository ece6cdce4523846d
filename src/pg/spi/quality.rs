//! Statements on `categorize.quality`.

use super::{run, time};
use pg_categorize_core::quality::Said;
use pgrx::JsonB;
use serde_json::Value;

/// What one tier said of the held-out examples of one model.
pub struct QualityRow {
    /// The tier's name.
    pub tier: String,
    /// By which embedding the similarity tier compared.
    pub embedding: Option<String>,
    /// What it said of each example, where anything.
    pub said: Vec<Option<Said>>,
    /// When the examples were read, in microseconds of the Postgres epoch.
    pub computed_at: i64,
}

/// The evidence for the model of this version, as the statement sees it.
pub fn quality(taxonomy: i32, tenant: &str, version: i32) -> Vec<QualityRow> {
    let sql = "SELECT tier, scores, stands, is_right, computed_at, embedding FROM categorize.quality
                WHERE taxonomy_id = $1 AND tenant = $2 AND version = $3";
    let row = |row: &run::Row| {
        let scores: Vec<Option<f32>> = row.get(2)?;
        let (stands, right): (Vec<Option<f32>>, Vec<Option<bool>>) = (row.get(3)?, row.get(4)?);
        let said = scores
            .into_iter()
            .zip(stands)
            .zip(right)
            .map(|((score, stands), right)| Some(Said { score: score?, stands: stands?, right: right? }));
        Some(QualityRow { tier: row.get(1)?, embedding: row.get(6), said: said.collect(), computed_at: row.get(5)? })
    };
    run::read(sql, &[taxonomy.into(), tenant.into(), version.into()], row).into_iter().flatten().collect()
}

/// The newest model of a tenant for which there is evidence, as the statement sees it.
pub fn newest_quality(taxonomy: i32, tenant: &str) -> Option<i32> {
    let sql = "SELECT pg_catalog.max(version) FROM categorize.quality WHERE taxonomy_id = $1 AND tenant = $2";
    run::read(sql, &[taxonomy.into(), tenant.into()], |row| row.get(1)).pop()?
}

/// Which differences between texts matter, as was learnt last with this embedding; as the statement sees it.
pub fn relevance(taxonomy: i32, tenant: &str, embedding: &str) -> Option<Value> {
    let sql = "SELECT relevance FROM categorize.quality
                WHERE taxonomy_id = $1 AND tenant = $2 AND tier = 'similarity' AND embedding = $3
                ORDER BY version DESC LIMIT 1";
    let arguments = [taxonomy.into(), tenant.into(), embedding.into()];
    run::read(sql, &arguments, |row| row.get::<JsonB>(1)).pop().flatten().map(|relevance| relevance.0)
}

/// The names of the taxonomies of which a tenant has evidence, or that set `max_error`, as the statement sees them.
pub fn taxonomies_with_quality(tenant: &str) -> Vec<String> {
    let sql = "SELECT t.name FROM categorize.taxonomy t LEFT JOIN categorize.taxonomy o ON o.overrides = t.id
                WHERE t.overrides IS NULL AND NOT coalesce(o.dropped, t.dropped)
                  AND (coalesce(o.settings, t.settings) OPERATOR(pg_catalog.?) 'max_error'
                       OR EXISTS (SELECT FROM categorize.quality q WHERE q.taxonomy_id = t.id AND q.tenant = $1))
                ORDER BY t.name";
    run::read(sql, &[tenant.into()], |row| row.get(1)).into_iter().flatten().collect()
}

/// What is stored of one tier.
pub struct NewQuality<'a> {
    /// The taxonomy.
    pub taxonomy: i32,
    /// The tenant.
    pub tenant: &'a str,
    /// The model's version.
    pub version: i32,
    /// The tier's name.
    pub tier: &'a str,
    /// The embedding model, of the similarity tier.
    pub embedding: Option<&'a str>,
    /// What it said of each example.
    pub said: &'a [Option<Said>],
    /// Which differences matter; of the similarity tier.
    pub relevance: Value,
    /// When the examples were read, in microseconds of the Postgres epoch.
    pub computed_at: i64,
}

/// Stores what a tier said of the held-out examples of a model that is stored in the same transaction.
pub fn insert_quality(new: NewQuality<'_>) {
    let sql = "INSERT INTO categorize.quality
                      (taxonomy_id, tenant, version, tier, embedding, scores, stands, is_right, relevance, computed_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let arguments = [
        new.taxonomy.into(),
        new.tenant.into(),
        new.version.into(),
        new.tier.into(),
        new.embedding.into(),
        new.said.iter().map(|said| said.map(|s| s.score)).collect::<Vec<_>>().into(),
        new.said.iter().map(|said| said.map(|s| s.stands)).collect::<Vec<_>>().into(),
        new.said.iter().map(|said| said.map(|s| s.right)).collect::<Vec<_>>().into(),
        JsonB(new.relevance).into(),
        time(new.computed_at).into(),
    ];
    run::write(sql, &arguments);
}
