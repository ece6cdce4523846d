//! Providers, models and prices.

use crate::pg::error::given;
use crate::pg::manage::provider::{self, Given};
use crate::pg::{client, guc};
use pg_categorize_core::frame::HealthLine;
use pgrx::prelude::*;
use pgrx::{AnyNumeric, JsonB};
use std::time::Duration;

/// Adds a provider of language models to this database and returns its id. It is asked from then on, in the order of
/// `priority`.
///
/// * `kind`: `openai` (and every server that is compatible with it) or `systemone`.
/// * `base_url`: with the version, without a slash at the end; NULL for the official one.
/// * `key_env`, `key_file`: name of the variable or file that holds the key; never the key.
///
/// # Errors
/// 22023 bad kind, address or settings; 42501 a host or key that the superuser's settings do not allow; 42710 name taken.
#[pg_extern(schema = "categorize")]
fn add_provider(
    name: Option<&str>,
    kind: Option<&str>,
    base_url: default!(Option<&str>, "NULL"),
    key_env: default!(Option<&str>, "NULL"),
    key_file: default!(Option<&str>, "NULL"),
    settings: default!(Option<JsonB>, "'{}'"),
) -> i32 {
    let settings = given(settings, "settings").0;
    provider::add(Given { name: given(name, "name"), kind: given(kind, "kind"), base_url, key_env, key_file, settings })
}

/// Drops a provider with its budgets; its answers and what was spent there stay.
///
/// # Errors
/// 22023 unknown provider.
#[pg_extern(schema = "categorize")]
fn drop_provider(name: Option<&str>) {
    provider::drop(given(name, "name"));
}

/// States what a model costs from a moment on, in dollars for a million tokens, and returns the id of the price. Without
/// `cached_input_usd`, cached input costs what input costs; writing to a cache is reckoned at the dearest known factors.
///
/// # Errors
/// 22023 for amounts that are negative, finer than a nano-dollar or cannot be meant.
#[pg_extern(schema = "categorize")]
fn set_price(
    model: Option<&str>,
    input_usd: Option<AnyNumeric>,
    output_usd: Option<AnyNumeric>,
    cached_input_usd: default!(Option<AnyNumeric>, "NULL"),
    valid_from: default!(Option<TimestampWithTimeZone>, "pg_catalog.now()"),
) -> i64 {
    let cached = cached_input_usd.map(|amount| amount.to_string());
    provider::set_price(
        given(model, "model"),
        &given(input_usd, "input_usd").to_string(),
        &given(output_usd, "output_usd").to_string(),
        cached.as_deref(),
        given(valid_from, "valid_from"),
    )
}

/// States what a model costs in batches from now on, in dollars for a million tokens, beside the prices that hold now, and returns
/// the id of the price. A later `set_price` says nothing of batches: it is to be stated again then.
///
/// # Errors
/// 22023 where the model has no price, and for amounts that are negative, finer than a nano-dollar or cannot be meant.
#[pg_extern(schema = "categorize")]
fn set_batch_price(model: Option<&str>, input_usd: Option<AnyNumeric>, output_usd: Option<AnyNumeric>) -> i64 {
    provider::set_batch_price(
        given(model, "model"),
        &given(input_usd, "input_usd").to_string(),
        &given(output_usd, "output_usd").to_string(),
    )
}

/// States what a model can do, over what is known of it; a JSON null takes a key back to its default.
///
/// # Errors
/// 22023 bad kind, key or value.
#[pg_extern(schema = "categorize")]
fn set_model(name: Option<&str>, kind: Option<&str>, settings: default!(Option<JsonB>, "'{}'")) {
    provider::set_model(given(name, "name"), given(kind, "kind"), &given(settings, "settings").0);
}

/// Binds the providers that this database was copied with to this database, and says how many: until then a copy sends
/// nothing.
#[pg_extern(schema = "categorize")]
fn adopt_database() -> i32 {
    provider::adopt()
}

/// How the providers are doing, as the running gateway sees it; no rows where none runs. The view of the same name says more.
#[pg_extern(schema = "categorize", volatile, parallel_restricted)]
#[allow(clippy::type_complexity, reason = "the columns of a table")]
fn provider_health() -> TableIterator<
    'static,
    (
        name!(provider, String),
        name!(model, String),
        name!(breaker, String),
        name!(stopped, bool),
        name!(attempts, i64),
        name!(failures, i64),
        name!(answers, i64),
        name!(upgrades, i64),
        name!(in_flight, i32),
        name!(latency_p50_ms, Option<f32>),
        name!(latency_p99_ms, Option<f32>),
        name!(last_failure, Option<String>),
    ),
> {
    let row = |line: HealthLine| {
        (
            line.provider,
            line.model,
            line.breaker,
            line.stopped,
            i64::try_from(line.attempts).unwrap_or(i64::MAX),
            i64::try_from(line.failures).unwrap_or(i64::MAX),
            i64::try_from(line.answers).unwrap_or(i64::MAX),
            i64::try_from(line.upgrades).unwrap_or(i64::MAX),
            i32::try_from(line.in_flight).unwrap_or(i32::MAX),
            line.latency_p50_ms,
            line.latency_p99_ms,
            line.last_failure,
        )
    };
    let lines = client::health(guc::timeout().min(Duration::from_secs(2)));
    TableIterator::new(lines.into_iter().map(row))
}
