//! Statements on providers, models and prices.

use super::run;
use pg_categorize_core::model_settings::ModelSettings;
use pg_categorize_core::money::Rate;
use pg_categorize_core::price::{Price, Rates};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_sys;

/// Whether there is any provider.
pub fn has_providers() -> bool {
    !run::read("SELECT true FROM categorize.provider LIMIT 1", &[], |_| ()).is_empty()
}

/// Whether there is a provider of this id.
pub fn has_provider(id: i32) -> bool {
    !run::read("SELECT true FROM categorize.provider WHERE id = $1", &[id.into()], |_| ()).is_empty()
}

/// A provider as it was added.
pub struct ProviderInOrder {
    /// Its name.
    pub name: String,
    /// Its API.
    pub kind: String,
    /// Its address.
    pub base_url: String,
    /// Its settings.
    pub settings: serde_json::Value,
    /// The kind of the taxonomy's cheap model, where that is known, and of its strong one.
    pub kinds: [Option<String>; 2],
}

/// The providers in the order in which they are asked, for a taxonomy that names these models.
pub fn providers_in_order(cheap: Option<&str>, strong: Option<&str>) -> Vec<ProviderInOrder> {
    let sql = "SELECT p.name, p.kind, p.base_url, p.settings,
                      (SELECT m.kind FROM categorize.model m WHERE m.name = $1 ORDER BY m.id DESC LIMIT 1),
                      (SELECT m.kind FROM categorize.model m WHERE m.name = $2 ORDER BY m.id DESC LIMIT 1)
                 FROM categorize.provider p ORDER BY p.priority, p.id";
    let row = |row: &run::Row| {
        Some(ProviderInOrder {
            name: row.get(1)?,
            kind: row.get(2)?,
            base_url: row.get(3)?,
            settings: row.get::<pgrx::JsonB>(4)?.0,
            kinds: [row.get(5), row.get(6)],
        })
    };
    run::read(sql, &[cheap.into(), strong.into()], row).into_iter().flatten().collect()
}

/// A provider to be stored.
pub struct NewProvider<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its API.
    pub kind: &'a str,
    /// Its address.
    pub base_url: &'a str,
    /// The variable that holds its key.
    pub key_env: Option<&'a str>,
    /// The file that holds its key.
    pub key_file: Option<&'a str>,
    /// The lowest is asked first.
    pub priority: i32,
    /// Its settings as they were given.
    pub settings: pgrx::JsonB,
    /// The server that it is bound to.
    pub system_identifier: i64,
    /// The database that it is bound to.
    pub database: pg_sys::Oid,
    /// The role that adds it.
    pub author: &'a str,
}

/// Stores a provider and returns its id; `None` where the name is taken.
pub fn insert_provider(new: NewProvider<'_>) -> Option<i32> {
    let sql = "INSERT INTO categorize.provider (name, kind, base_url, key_env, key_file, priority, settings,
                                                system_identifier, database_oid, created_by)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::name)
               ON CONFLICT (name) DO NOTHING RETURNING id";
    let arguments = [
        new.name.into(),
        new.kind.into(),
        new.base_url.into(),
        new.key_env.into(),
        new.key_file.into(),
        new.priority.into(),
        new.settings.into(),
        new.system_identifier.into(),
        new.database.into(),
        new.author.into(),
    ];
    run::write_returning(sql, &arguments, |row| row.get(1)).pop()?
}

/// Deletes a provider with its budgets; says whether there was one.
pub fn delete_provider(name: &str) -> bool {
    let sql = "WITH gone AS (DELETE FROM categorize.provider WHERE name = $1 RETURNING id),
                    budgets AS (DELETE FROM categorize.budget b USING gone
                                 WHERE b.scope = 'provider' AND b.scope_key = gone.id::text)
               SELECT id FROM gone";
    !run::write_returning(sql, &[name.into()], |_| ()).is_empty()
}

/// Names of the providers.
pub fn provider_names() -> Vec<String> {
    run::read("SELECT name FROM categorize.provider ORDER BY name", &[], |row| row.get(1))
        .into_iter()
        .flatten()
        .collect()
}

/// Id of a provider.
pub fn provider_id(name: &str) -> Option<i32> {
    run::read("SELECT id FROM categorize.provider WHERE name = $1", &[name.into()], |row| row.get(1)).pop()?
}

/// Binds the providers that are bound elsewhere to this database, and says how many.
pub fn adopt_providers(system_identifier: i64, database: pg_sys::Oid) -> u64 {
    let sql = "UPDATE categorize.provider SET system_identifier = $1, database_oid = $2
                WHERE (system_identifier, database_oid) <> ($1, $2)";
    run::write(sql, &[system_identifier.into(), database.into()])
}

/// The price of a model that we ship, whatever its date.
pub fn shipped_price(model: &str) -> Option<Price> {
    let sql = "SELECT input, cached_input, cache_write, cache_write_long, output, long_above, long_input,
                      long_cached_input, long_cache_write, long_cache_write_long, long_output
                 FROM categorize.price WHERE model = $1 AND id < 1000 ORDER BY valid_from DESC, id DESC LIMIT 1";
    run::read(sql, &[model.into()], price).pop()?
}

fn price(row: &run::Row) -> Option<Price> {
    let rate = |number| row.get::<i64>(number).map(Rate);
    let rates = |from| {
        Some(Rates {
            input: rate(from)?,
            cached_input: rate(from + 1)?,
            cache_write: rate(from + 2)?,
            cache_write_long: rate(from + 3)?,
            output: rate(from + 4)?,
        })
    };
    let long_above = row.get::<i64>(6).and_then(|tokens| u64::try_from(tokens).ok());
    Some(Price { rates: rates(1)?, long: long_above.zip(rates(7)) })
}

/// Stores a price and returns its id.
pub fn insert_price(model: &str, price: &Price, valid_from: TimestampWithTimeZone, author: &str) -> Option<i64> {
    let sql =
        "INSERT INTO categorize.price (model, valid_from, input, cached_input, cache_write, cache_write_long, output,
                                             long_above, long_input, long_cached_input, long_cache_write,
                                             long_cache_write_long, long_output, created_by)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14::name) RETURNING id";
    let long = |of: fn(&Rates) -> Rate| price.long.as_ref().map(|(_, rates)| of(rates).0);
    let arguments = [
        model.into(),
        valid_from.into(),
        price.rates.input.0.into(),
        price.rates.cached_input.0.into(),
        price.rates.cache_write.0.into(),
        price.rates.cache_write_long.0.into(),
        price.rates.output.0.into(),
        price.long.map(|(above, _)| above as i64).into(),
        long(|rates| rates.input).into(),
        long(|rates| rates.cached_input).into(),
        long(|rates| rates.cache_write).into(),
        long(|rates| rates.cache_write_long).into(),
        long(|rates| rates.output).into(),
        author.into(),
    ];
    run::write_returning(sql, &arguments, |row| row.get(1)).pop()?
}

/// Stores the price of a model that holds now anew, with these rates of batches; its id, or `None` where there is none.
pub fn insert_batch_price(model: &str, input: i64, output: i64, author: &str) -> Option<i64> {
    let sql =
        "INSERT INTO categorize.price (model, input, cached_input, cache_write, cache_write_long, output, long_above,
                                             long_input, long_cached_input, long_cache_write, long_cache_write_long,
                                             long_output, batch_input, batch_output, created_by)
               SELECT p.model, p.input, p.cached_input, p.cache_write, p.cache_write_long, p.output, p.long_above,
                      p.long_input, p.long_cached_input, p.long_cache_write, p.long_cache_write_long, p.long_output,
                      $2, $3, $4::name
                 FROM categorize.price p WHERE p.model = $1 AND p.valid_from <= now()
                ORDER BY p.id >= 1000 DESC, p.valid_from DESC, p.id DESC LIMIT 1
               RETURNING id";
    let arguments = [model.into(), input.into(), output.into(), author.into()];
    run::write_returning(sql, &arguments, |row| row.get(1)).pop()?
}

/// Kind and settings of a model: the user's row, else ours.
pub fn model(name: &str) -> Option<(String, ModelSettings)> {
    let sql = "SELECT kind, mode, max_input_tokens, max_output_tokens, reasoning_effort, thinking_tokens, temperature,
                      cache_breakpoint, pg_catalog.to_char(shut_down_on, 'YYYY-MM-DD'), log_probabilities, image_tokens
                 FROM categorize.model WHERE name = $1 ORDER BY id >= 1000 DESC LIMIT 1";
    run::write_returning(sql, &[name.into()], |row| Some((row.get(1)?, model_settings(row)?))).pop()?
}

/// The settings of a model, which stand in the second column and those behind it.
pub(super) fn model_settings(row: &run::Row) -> Option<ModelSettings> {
    Some(ModelSettings {
        mode: row.get(2)?,
        max_input_tokens: row.get(3),
        max_output_tokens: row.get(4),
        reasoning_effort: row.get(5),
        thinking_tokens: row.get(6)?,
        temperature: row.get(7),
        cache_breakpoint: row.get(8)?,
        shut_down_on: row.get(9),
        log_probabilities: row.get(10)?,
        image_tokens: row.get::<i32>(11).map(i64::from),
    })
}

/// Stores what the user says of a model, in place of what was said before.
pub fn upsert_model(name: &str, kind: &str, settings: &ModelSettings) {
    let sql = "INSERT INTO categorize.model (name, kind, mode, max_input_tokens, max_output_tokens, reasoning_effort,
                                             thinking_tokens, temperature, cache_breakpoint, shut_down_on,
                                             log_probabilities, image_tokens)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::date, $11, $12::int)
               ON CONFLICT (name) WHERE id >= 1000 DO UPDATE
                  SET kind = excluded.kind, mode = excluded.mode, max_input_tokens = excluded.max_input_tokens,
                      max_output_tokens = excluded.max_output_tokens, reasoning_effort = excluded.reasoning_effort,
                      thinking_tokens = excluded.thinking_tokens, temperature = excluded.temperature,
                      cache_breakpoint = excluded.cache_breakpoint, shut_down_on = excluded.shut_down_on,
                      log_probabilities = excluded.log_probabilities, image_tokens = excluded.image_tokens,
                      known_on = CURRENT_DATE";
    let arguments = [
        name.into(),
        kind.into(),
        settings.mode.as_str().into(),
        settings.max_input_tokens.into(),
        settings.max_output_tokens.into(),
        settings.reasoning_effort.as_deref().into(),
        settings.thinking_tokens.into(),
        settings.temperature.into(),
        settings.cache_breakpoint.into(),
        settings.shut_down_on.as_deref().into(),
        settings.log_probabilities.into(),
        settings.image_tokens.into(),
    ];
    run::write(sql, &arguments);
}
