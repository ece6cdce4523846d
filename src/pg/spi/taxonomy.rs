//! Statements on `categorize.taxonomy`.

use super::run;
use pgrx::JsonB;
use serde_json::{Map, Value};

/// A taxonomy as it holds now, an override already laid over a shipped row.
pub struct TaxonomyRow {
    /// Its id; shipped ones are below 1000.
    pub id: i32,
    /// Its version.
    pub version: i32,
    /// What was set explicitly.
    pub settings: Map<String, Value>,
}

const BY_NAME: &str = "
    SELECT t.id, coalesce(o.version, t.version), coalesce(o.settings, t.settings)
      FROM categorize.taxonomy t LEFT JOIN categorize.taxonomy o ON o.overrides = t.id
     WHERE t.name = $1 AND t.overrides IS NULL AND NOT coalesce(o.dropped, t.dropped)
     ORDER BY t.id DESC LIMIT 1";

/// The taxonomy of this name, as the statement sees it.
pub fn taxonomy_by_name(name: &str) -> Option<TaxonomyRow> {
    run::read(BY_NAME, &[name.into()], taxonomy_row).pop()?
}

/// The taxonomy of this name, as it is committed now; for writers.
pub fn fresh_taxonomy(name: &str) -> Option<TaxonomyRow> {
    run::write_returning(BY_NAME, &[name.into()], taxonomy_row).pop()?
}

fn taxonomy_row(row: &run::Row) -> Option<TaxonomyRow> {
    let settings = match row.get::<JsonB>(3)?.0 {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    Some(TaxonomyRow { id: row.get(1)?, version: row.get(2)?, settings })
}

/// The names of all taxonomies, for HINTs.
pub fn taxonomy_names() -> Vec<String> {
    let sql = "SELECT t.name FROM categorize.taxonomy t LEFT JOIN categorize.taxonomy o ON o.overrides = t.id
                WHERE t.overrides IS NULL AND NOT coalesce(o.dropped, t.dropped) ORDER BY t.name LIMIT 10000";
    run::read(sql, &[], |row| row.get::<String>(1)).into_iter().flatten().collect()
}

/// Ids and names of all taxonomies.
pub fn taxonomy_ids() -> Vec<(i32, String)> {
    let sql = "SELECT id, name FROM categorize.taxonomy WHERE overrides IS NULL";
    run::read(sql, &[], |row| Some((row.get(1)?, row.get(2)?))).into_iter().flatten().collect()
}

/// Whether a taxonomy's own setting has what nobody answered queued, as the statement sees it.
pub fn has_queueing_taxonomy() -> bool {
    let sql = "SELECT 1 FROM categorize.taxonomy t LEFT JOIN categorize.taxonomy o ON o.overrides = t.id
                WHERE t.overrides IS NULL AND NOT coalesce(o.dropped, t.dropped)
                  AND coalesce(o.settings, t.settings) @> '{\"on_unresolved\": \"queue\"}' LIMIT 1";
    !run::read(sql, &[], |_| ()).is_empty()
}

/// Creates a taxonomy; `None` where the name is taken, also by a transaction that commits while we wait.
pub fn insert_taxonomy(name: &str, description: Option<&str>, settings: Value) -> Option<i32> {
    let sql = "INSERT INTO categorize.taxonomy (name, description, settings) VALUES ($1, $2, $3)
               ON CONFLICT (name) WHERE overrides IS NULL AND id >= 1000 DO NOTHING RETURNING id";
    run::write_returning(sql, &[name.into(), description.into(), JsonB(settings).into()], |row| row.get(1)).pop()?
}

/// Raises the version, in an override row where the taxonomy is shipped.
pub fn bump_taxonomy(id: i32) {
    override_shipped_taxonomy(id);
    run::write(
        "UPDATE categorize.taxonomy SET version = version + 1 WHERE coalesce(overrides, id) = $1 AND id >= 1000",
        &[id.into()],
    );
}

/// Stores what was set explicitly.
pub fn set_taxonomy_settings(id: i32, settings: Map<String, Value>) {
    override_shipped_taxonomy(id);
    run::write(
        "UPDATE categorize.taxonomy SET settings = $2 WHERE coalesce(overrides, id) = $1 AND id >= 1000",
        &[id.into(), JsonB(Value::Object(settings)).into()],
    );
}

/// How strongly a taxonomy is held until the transaction ends.
#[derive(Debug, Clone, Copy)]
pub enum Hold {
    /// It may not be dropped: for corrections.
    Keep,
    /// Nobody else may change it: for its categories, settings and lessons.
    Change,
    /// Nobody else may even use it for writing.
    Drop,
}

/// Holds a taxonomy, and returns whether it is still there.
pub fn lock_taxonomy(id: i32, hold: Hold) -> bool {
    let sql = match hold {
        Hold::Keep => "SELECT 1 FROM categorize.taxonomy WHERE id = $1 FOR KEY SHARE",
        Hold::Change => "SELECT 1 FROM categorize.taxonomy WHERE id = $1 FOR NO KEY UPDATE",
        Hold::Drop => "SELECT 1 FROM categorize.taxonomy WHERE id = $1 FOR UPDATE",
    };
    !run::write_returning(sql, &[id.into()], |_| ()).is_empty()
}

/// Makes those wait for each other who teach a tenant's taxonomy many inputs at once.
pub fn lock_lessons(taxonomy: i32, tenant: &str) {
    let sql = "SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended($1, 0))";
    run::write_returning(sql, &[format!("pg_categorize {taxonomy} {tenant}").into()], |_| ());
}

/// Removes a taxonomy with all that refers to it; a shipped one is marked.
pub fn delete_taxonomy(id: i32) {
    run::write("DELETE FROM categorize.cache WHERE taxonomy_id = $1", &[id.into()]);
    run::write("DELETE FROM categorize.unsure_answer WHERE taxonomy_id = $1", &[id.into()]);
    run::write("DELETE FROM categorize.correction WHERE taxonomy_id = $1", &[id.into()]);
    run::write("DELETE FROM categorize.rule WHERE taxonomy_id = $1", &[id.into()]);
    run::write("DELETE FROM categorize.local_model WHERE taxonomy_id = $1", &[id.into()]);
    run::write("DELETE FROM categorize.audit WHERE taxonomy_id = $1", &[id.into()]);
    // Its vectors go with their tables, once nobody reads these.
    run::write("UPDATE categorize.embedding_index SET state = 'dropped' WHERE taxonomy_id = $1", &[id.into()]);
    if id < 1000 {
        override_shipped_taxonomy(id);
        run::write("UPDATE categorize.taxonomy SET dropped = true WHERE overrides = $1", &[id.into()]);
    } else {
        run::write("DELETE FROM categorize.category WHERE taxonomy_id = $1", &[id.into()]);
        run::write("DELETE FROM categorize.taxonomy WHERE id = $1", &[id.into()]);
    }
}

fn override_shipped_taxonomy(id: i32) {
    if id < 1000 {
        run::write(
            "INSERT INTO categorize.taxonomy (overrides, name, version, settings, description, dropped)
             SELECT id, name, version, settings, description, dropped FROM categorize.taxonomy WHERE id = $1
             ON CONFLICT (overrides) DO NOTHING",
            &[id.into()],
        );
    }
}
