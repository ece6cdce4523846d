//! Statements on `categorize.local_model`.

use super::run;
use crate::pg::error;
use pg_categorize_core::local_model::Measured;
use pgrx::JsonB;
use serde_json::Value;

/// Inactive versions of a tenant's model that are kept for `activate_model()`; older ones are deleted.
const KEPT_VERSIONS: i32 = 5;

/// The active model of a tenant, without its weights.
pub struct ActiveModel {
    /// Its id.
    pub id: i64,
    /// Its version.
    pub version: i32,
    /// When it was trained, in microseconds of the Postgres epoch.
    pub trained_at: i64,
    /// Bytes of its weights.
    pub length: usize,
    /// What was measured when it was trained; `None` where another version of ours measured something else.
    pub measured: Option<Measured>,
}

const ACTIVE: &str = "
    SELECT id, version, trained_at, pg_catalog.octet_length(weights), metrics
      FROM categorize.local_model WHERE taxonomy_id = $1 AND tenant = $2 AND active";

/// The active model of a tenant, as the statement sees it.
pub fn active_model(taxonomy: i32, tenant: &str) -> Option<ActiveModel> {
    run::read(ACTIVE, &[taxonomy.into(), tenant.into()], active).pop()?
}

/// The active model of a tenant, as it is committed now; for writers.
pub fn fresh_active_model(taxonomy: i32, tenant: &str) -> Option<ActiveModel> {
    run::write_returning(ACTIVE, &[taxonomy.into(), tenant.into()], active).pop()?
}

fn active(row: &run::Row) -> Option<ActiveModel> {
    Some(ActiveModel {
        id: row.get(1)?,
        version: row.get(2)?,
        trained_at: row.get(3)?,
        length: usize::try_from(row.get::<i32>(4)?).ok()?,
        measured: row.get::<JsonB>(5).and_then(|metrics| measured(metrics.0)),
    })
}

fn measured(metrics: Value) -> Option<Measured> {
    let measured: Measured = serde_json::from_value(metrics).ok()?;
    [measured.accuracy, measured.worth, measured.brier].iter().all(|figure| figure.is_finite()).then_some(measured)
}

/// Whether a model is active, in any taxonomy of any tenant.
pub fn is_active_model(id: i64) -> bool {
    let sql = "SELECT 1 FROM categorize.local_model WHERE id = $1 AND active";
    !run::read(sql, &[id.into()], |_| ()).is_empty()
}

const SLICE: &str = "SELECT pg_catalog.substring(weights, $2, $3) FROM categorize.local_model WHERE id = $1";

/// Some of the weights, as the statement sees them; fewer than asked for where they end before.
pub fn weights(id: i64, offset: usize, length: usize) -> Vec<u8> {
    run::read(SLICE, &slice(id, offset, length), |row| row.get(1)).pop().flatten().unwrap_or_default()
}

/// All of the weights, as they are committed now.
///
/// # Errors
/// 53200 where there is no memory for them.
pub fn fresh_weights(id: i64, length: usize) -> Vec<u8> {
    const PORTION: usize = 1024 * 1024;
    let mut bytes = Vec::new();
    if bytes.try_reserve_exact(length).is_err() {
        error::no_memory_for_model(length);
    }
    for offset in (0..length).step_by(PORTION) {
        let arguments = slice(id, offset, PORTION);
        bytes.extend(
            run::write_returning(SLICE, &arguments, |row| row.get::<Vec<u8>>(1)).pop().flatten().unwrap_or_default(),
        );
    }
    bytes
}

fn slice(id: i64, offset: usize, length: usize) -> [run::Arg; 3] {
    let number = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
    [id.into(), number(offset + 1).into(), number(length).into()]
}

/// The versions of a tenant's model that are stored, oldest first.
pub fn model_versions(taxonomy: i32, tenant: &str) -> Vec<i32> {
    let sql = "SELECT version FROM categorize.local_model WHERE taxonomy_id = $1 AND tenant = $2 ORDER BY version";
    run::write_returning(sql, &[taxonomy.into(), tenant.into()], |row| row.get(1)).into_iter().flatten().collect()
}

/// A model to be stored.
pub struct NewModel<'a> {
    /// The taxonomy it answers in.
    pub taxonomy: i32,
    /// The tenant it answers.
    pub tenant: &'a str,
    /// Its version.
    pub version: i32,
    /// When its examples were read, in microseconds of the Postgres epoch.
    pub trained_at: i64,
    /// The role that had it trained; `None` where nobody did.
    pub trained_by: Option<&'a str>,
    /// Examples that it was trained on.
    pub examples: i32,
    /// Corrections among them.
    pub corrections: i32,
    /// Categories that it knows.
    pub categories: i32,
    /// What was measured.
    pub metrics: Value,
    /// What `Model` reads.
    pub weights: Vec<u8>,
}

/// Stores a model, inactive. Only a transaction with an old snapshot does not see the versions of others; Postgres tells it
/// that it came too late, as it does for rows that others changed.
///
/// # Errors
/// 40001 where another session stored this version meanwhile.
pub fn insert_model(new: NewModel<'_>) {
    let sql = "INSERT INTO categorize.local_model (taxonomy_id, tenant, version, trained_at, trained_by, examples,
                                                   corrections, categories, metrics, weights)
               VALUES ($1, $2, $3, $4, $5::name, $6, $7, $8, $9, $10)
               ON CONFLICT (taxonomy_id, tenant, version) DO NOTHING";
    let arguments = [
        new.taxonomy.into(),
        new.tenant.into(),
        new.version.into(),
        super::time(new.trained_at).into(),
        new.trained_by.into(),
        new.examples.into(),
        new.corrections.into(),
        new.categories.into(),
        JsonB(new.metrics).into(),
        new.weights.into(),
    ];
    run::write(sql, &arguments);
}

/// Makes this version of a tenant's model the active one; 0 for none.
pub fn set_active_model(taxonomy: i32, tenant: &str, version: i32) {
    let arguments = || [taxonomy.into(), tenant.into(), version.into()];
    run::write(
        "UPDATE categorize.local_model SET active = false
          WHERE taxonomy_id = $1 AND tenant = $2 AND active AND version <> $3",
        &arguments(),
    );
    run::write(
        "UPDATE categorize.local_model SET active = true
          WHERE taxonomy_id = $1 AND tenant = $2 AND NOT active AND version = $3",
        &arguments(),
    );
}

/// Deletes what is older than the inactive versions that are kept.
pub fn prune_models(taxonomy: i32, tenant: &str) {
    run::write(
        "DELETE FROM categorize.local_model
          WHERE taxonomy_id = $1 AND tenant = $2 AND NOT active
            AND version <= (SELECT version FROM categorize.local_model
                             WHERE taxonomy_id = $1 AND tenant = $2 AND NOT active ORDER BY version DESC OFFSET $3 LIMIT 1)",
        &[taxonomy.into(), tenant.into(), i64::from(KEPT_VERSIONS).into()],
    );
}
