//! What the gateway asks with: taxonomies by id, providers, models and prices. Read under the snapshot of its transaction,
//! which is newer than any question that it answers there.

use super::run;
use super::taxonomy::TaxonomyRow;
use pg_categorize_core::model_settings::ModelSettings;
use pg_categorize_core::money::Rate;
use pg_categorize_core::price::{Price, Rates};
use pgrx::JsonB;
use pgrx::pg_sys::Oid;
use serde_json::{Map, Value};

/// A provider as it is stored.
pub struct ProviderRow {
    /// Its id.
    pub id: i32,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// Where it is.
    pub base_url: String,
    /// The variable that holds its key.
    pub key_env: Option<String>,
    /// The file that holds its key.
    pub key_file: Option<String>,
    /// What was set.
    pub settings: Value,
    /// The server that it was added on.
    pub system_identifier: i64,
    /// The database that it was added in.
    pub database: Oid,
}

/// A model as it is stored.
pub struct ModelRow {
    /// Its name at the provider.
    pub name: String,
    /// How it is asked, and what it can take.
    pub settings: ModelSettings,
    /// Days until it is shut down; negative afterwards.
    pub days_left: Option<i32>,
    /// Whether a row of its name is one of ours: then it is a provider's own model, wherever it is served.
    pub shipped: bool,
    /// Which API it speaks.
    pub kind: String,
}

/// A taxonomy by its id, with its name.
pub fn taxonomy_by_id(id: i32) -> Option<(String, TaxonomyRow)> {
    let sql = "SELECT t.name, coalesce(o.version, t.version), coalesce(o.settings, t.settings)
                 FROM categorize.taxonomy t LEFT JOIN categorize.taxonomy o ON o.overrides = t.id
                WHERE t.id = $1 AND t.overrides IS NULL AND NOT coalesce(o.dropped, t.dropped)";
    let row = |row: &run::Row| {
        let settings = match row.get::<JsonB>(3)?.0 {
            Value::Object(map) => map,
            _ => Map::new(),
        };
        Some((row.get(1)?, TaxonomyRow { id, version: row.get(2)?, settings }))
    };
    run::read(sql, &[id.into()], row).pop()?
}

/// All providers, in the order in which they are asked.
pub fn provider_rows() -> Vec<ProviderRow> {
    let sql = "SELECT id, name, kind, base_url, key_env, key_file, settings, system_identifier, database_oid
                 FROM categorize.provider ORDER BY priority, id";
    let rows = run::read(sql, &[], |row| {
        Some(ProviderRow {
            id: row.get(1)?,
            name: row.get(2)?,
            kind: row.get(3)?,
            base_url: row.get(4)?,
            key_env: row.get(5),
            key_file: row.get(6),
            settings: row.get::<JsonB>(7)?.0,
            system_identifier: row.get(8)?,
            database: row.get(9)?,
        })
    });
    rows.into_iter().flatten().collect()
}

/// All models; of two rows of one name, that of the user.
pub fn model_rows() -> Vec<ModelRow> {
    let sql = "SELECT DISTINCT ON (name) name, mode, max_input_tokens, max_output_tokens, reasoning_effort,
                      thinking_tokens, temperature, cache_breakpoint, to_char(shut_down_on, 'YYYY-MM-DD'),
                      log_probabilities, image_tokens, shut_down_on - (now() AT TIME ZONE 'UTC')::date,
                      bool_or(id < 1000) OVER (PARTITION BY name), kind
                 FROM categorize.model ORDER BY name, id >= 1000 DESC, id DESC";
    let rows = run::read(sql, &[], |row| {
        Some(ModelRow {
            name: row.get(1)?,
            settings: super::provider::model_settings(row)?,
            days_left: row.get(12),
            shipped: row.get(13)?,
            kind: row.get(14)?,
        })
    });
    rows.into_iter().flatten().collect()
}

/// A price as it is stored.
#[derive(Clone)]
pub struct PriceOfModel {
    /// The model.
    pub model: String,
    /// Its row.
    pub id: i64,
    /// What live requests cost.
    pub live: Price,
    /// What those in batches cost; `None` where nobody said it.
    pub batch: Option<Price>,
}

/// The prices in force, by model: those of the user before those we ship, then the newest.
pub fn price_rows() -> Vec<PriceOfModel> {
    let sql = "SELECT DISTINCT ON (model) model, id, input, cached_input, cache_write, cache_write_long, output,
                      long_above, long_input, long_cached_input, long_cache_write, long_cache_write_long, long_output,
                      batch_input, batch_output
                 FROM categorize.price WHERE valid_from <= now()
                ORDER BY model, id >= 1000 DESC, valid_from DESC, id DESC";
    prices(sql, &[])
}

/// The price of this row, in force or not.
pub fn price_row(id: i64) -> Option<PriceOfModel> {
    let sql = "SELECT model, id, input, cached_input, cache_write, cache_write_long, output,
                      long_above, long_input, long_cached_input, long_cache_write, long_cache_write_long, long_output,
                      batch_input, batch_output
                 FROM categorize.price WHERE id = $1";
    prices(sql, &[id.into()]).pop()
}

fn prices(sql: &str, arguments: &[run::Arg]) -> Vec<PriceOfModel> {
    let rows = run::read(sql, arguments, |row| {
        let rates = |first: i32| {
            let at = |column| row.get::<i64>(first + column).map(Rate);
            Some(Rates {
                input: at(0)?,
                cached_input: at(1)?,
                cache_write: at(2)?,
                cache_write_long: at(3)?,
                output: at(4)?,
            })
        };
        let above = row.get::<i64>(8).and_then(|above| u64::try_from(above).ok());
        let long = match above {
            Some(above) => Some((above, rates(9)?)),
            None => None,
        };
        let live = Price { rates: rates(3)?, long };
        let batch = row.get::<i64>(14).zip(row.get::<i64>(15)).and_then(|(i, o)| live.in_batches(Rate(i), Rate(o)));
        Some(PriceOfModel { model: row.get(1)?, id: row.get(2)?, live, batch })
    });
    rows.into_iter().flatten().collect()
}

/// When the next price comes into force, in microseconds of the Postgres epoch.
pub fn next_price_at() -> Option<i64> {
    let sql = "SELECT min(valid_from) FROM categorize.price WHERE valid_from > now()";
    run::read(sql, &[], |row| row.get::<i64>(1)).pop()?
}

/// Whether this database is a template, from which others are made.
pub fn is_template(database: Oid) -> bool {
    let sql = "SELECT d.datistemplate FROM pg_catalog.pg_database d WHERE d.oid OPERATOR(pg_catalog.=) $1";
    run::read(sql, &[database.into()], |row| row.get::<bool>(1)).pop().flatten().unwrap_or(false)
}

/// Notes something that an operator should see.
pub fn insert_alert(kind: &str, provider: &str, model: &str, message: &str) {
    let sql = "INSERT INTO categorize.alert_log (kind, provider, model, message) VALUES ($1, $2, $3, $4)";
    run::kept(sql, &[kind.into(), provider.into(), model.into(), message.into()], |_| ());
}

/// As [`insert_alert`], unless the same was noted within a day.
pub fn insert_daily_alert(kind: &str, provider: &str, model: &str, message: &str) {
    let sql = "INSERT INTO categorize.alert_log (kind, provider, model, message)
               SELECT $1, $2, $3, $4
                WHERE NOT EXISTS (SELECT FROM categorize.alert_log a
                                   WHERE a.kind = $1 AND a.provider = $2 AND a.model = $3
                                     AND a.raised_at > now() - interval '1 day')";
    run::kept(sql, &[kind.into(), provider.into(), model.into(), message.into()], |_| ());
}
