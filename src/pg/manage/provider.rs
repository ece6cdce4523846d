//! Whom to ask: providers with the names of their keys, what models can do, and what they cost.

use super::as_writer;
use crate::pg::spi::{self, NewProvider};
use crate::pg::{due, error, guc, queue, world};
use pg_categorize_core::close_names;
use pg_categorize_core::dollars;
use pg_categorize_core::endpoint::{self, Policy};
use pg_categorize_core::error::Error;
use pg_categorize_core::model_settings::{self, ModelSettings};
use pg_categorize_core::money::{Money, NANO, Rate};
use pg_categorize_core::price_list;
use pg_categorize_core::provider_settings::{self, ProviderSettings};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::{JsonB, pg_sys};
use serde_json::Value;

/// A dollar a token: more than anybody asks.
const DEAREST: Money = Money(1_000_000 * NANO);

/// A provider as it is given.
pub struct Given<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its API.
    pub kind: &'a str,
    /// Its address, unless it is the official one.
    pub base_url: Option<&'a str>,
    /// The variable that holds its key.
    pub key_env: Option<&'a str>,
    /// The file that holds its key.
    pub key_file: Option<&'a str>,
    /// Its settings.
    pub settings: Value,
}

/// Adds a provider and returns its id.
///
/// # Errors
/// 22023 for what cannot be meant; 42501 where the superuser's settings do not allow host or key; 42710 where the name is
/// taken. None tells whether there is such a key.
pub fn add(given: Given<'_>) -> i32 {
    check_name("provider", given.name);
    check_kind(given.kind, &provider_settings::KINDS);
    let settings = ProviderSettings::parse(&given.settings).unwrap_or_else(|e| error::raise(e));
    let policy = Policy::new(&guc::allowed_hosts(), &guc::key_environment());
    check_key(&given, &policy);
    let base_url = given.base_url.or_else(|| endpoint::default_base_url(given.kind)).unwrap_or_default();
    let endpoint = endpoint::check(given.kind, base_url, given.key_env.or(given.key_file), &policy)
        .unwrap_or_else(|e| error::raise(e));
    let (system_identifier, database) = here();
    let id = as_writer(|caller| {
        due::affordable();
        spi::insert_provider(NewProvider {
            name: given.name,
            kind: given.kind,
            base_url: &endpoint.base_url,
            key_env: given.key_env,
            key_file: given.key_file,
            priority: settings.priority,
            settings: JsonB(given.settings),
            system_identifier,
            database,
            author: &caller.name,
        })
    });
    id.unwrap_or_else(|| {
        super::already_exists(
            &format!("provider \"{}\"", given.name),
            "Choose another name, or drop it with categorize.drop_provider().",
        )
    })
}

/// Drops a provider with its budgets.
///
/// # Errors
/// 22023 where there is none of this name.
pub fn drop(name: &str) {
    if !as_writer(|_| spi::delete_provider(name)) {
        unknown(name);
    }
}

/// Id of a provider.
///
/// # Errors
/// 22023 where there is none of this name.
pub(super) fn id(name: &str) -> i32 {
    world::as_owner(|| spi::provider_id(name)).unwrap_or_else(|| unknown(name))
}

/// States a price, in dollars for a million tokens, and returns its id.
///
/// # Errors
/// 22023 for amounts that cannot be meant.
pub fn set_price(
    model: &str,
    input: &str,
    output: &str,
    cached_input: Option<&str>,
    valid_from: TimestampWithTimeZone,
) -> i64 {
    check_name("model", model);
    let rate = |text, name| Rate(dollars::parse(text, name, DEAREST).unwrap_or_else(|e| error::raise(e)).0);
    let (input, output) = (rate(input, "input_usd"), rate(output, "output_usd"));
    let cached_input = cached_input.map(|text| rate(text, "cached_input_usd"));
    as_writer(|caller| {
        due::affordable();
        let shipped = spi::shipped_price(model);
        let price = price_list::stated(input, output, cached_input, shipped.as_ref())
            .unwrap_or_else(|| error::raise(Error::invalid("price cannot be counted")));
        spi::insert_price(model, &price, valid_from, &caller.name)
            .unwrap_or_else(|| pgrx::error!("a price was not stored"))
    })
}

/// States what a model costs in batches, in dollars for a million tokens, beside its prices that hold now; the id of the row.
///
/// # Errors
/// 22023 for amounts that cannot be meant, and where nobody said what the model costs.
pub fn set_batch_price(model: &str, input: &str, output: &str) -> i64 {
    check_name("model", model);
    let rate = |text, name| dollars::parse(text, name, DEAREST).unwrap_or_else(|e| error::raise(e)).0;
    let (input, output) = (rate(input, "input_usd"), rate(output, "output_usd"));
    as_writer(|caller| {
        queue::touch();
        spi::insert_batch_price(model, input, output, &caller.name).unwrap_or_else(|| {
            error::raise(
                Error::invalid(format!("model \"{model}\" has no price"))
                    .hint("State what it costs live first, with categorize.set_price()."),
            )
        })
    })
}

/// States what a model can do, over what is known of it.
///
/// # Errors
/// 22023 for an unknown kind, key or value.
pub fn set_model(name: &str, kind: &str, change: &Value) {
    check_name("model", name);
    check_kind(kind, &model_settings::KINDS);
    as_writer(|_| {
        let known = spi::model(name).filter(|(known, _)| known == kind).map(|(_, settings)| settings);
        let settings = known.unwrap_or_else(|| ModelSettings::of_kind(kind));
        let settings = settings.changed(kind, change).unwrap_or_else(|e| error::raise(e));
        spi::upsert_model(name, kind, &settings);
        due::affordable();
    });
}

/// Binds the providers of a copied database to this one, and says how many.
pub fn adopt() -> i32 {
    let (system_identifier, database) = here();
    let adopted = as_writer(|_| {
        queue::touch();
        spi::adopt_batches(system_identifier, database);
        spi::adopt_providers(system_identifier, database)
    });
    i32::try_from(adopted).unwrap_or(i32::MAX)
}

/// The key is one that could be read at all. Whether it is there shows when it is needed.
fn check_key(given: &Given<'_>, policy: &Policy) {
    match (given.key_env, given.key_file) {
        (Some(_), Some(_)) => error::raise(
            Error::invalid("a provider has one key").hint("Name it with key_env or with key_file, not with both."),
        ),
        (Some(variable), None) if !policy.may_read_variable(variable) => error::not_allowed(
            &format!("variable \"{variable}\" may not be read"),
            "Names begin with PG_CATEGORIZE_, or a superuser lists them in categorize.key_environment.",
        ),
        (None, Some(file)) if !Policy::may_read_file(file) => error::not_allowed(
            &format!("file \"{file}\" may not be read"),
            "Pass the name of a file in categorize.key_directory, without a folder.",
        ),
        (None, Some(_)) if guc::key_directory().is_none() => error::not_allowed(
            "no key may be read from a file",
            "A superuser names the folder of key files in categorize.key_directory.",
        ),
        _ => {}
    }
}

fn check_name(what: &str, name: &str) {
    if name.trim().is_empty() || name.len() > 200 || name.chars().any(char::is_control) {
        error::raise(
            Error::invalid(format!("invalid name of a {what}")).hint("Use a short name without control characters."),
        );
    }
}

fn check_kind(kind: &str, kinds: &[&str]) {
    if !kinds.contains(&kind) {
        let hint = close_names::hint(kind, kinds.iter().copied());
        error::raise(
            Error::invalid(format!("unknown kind \"{kind}\""))
                .hint(hint.unwrap_or_else(|| format!("Kinds are {}.", kinds.join(", ")))),
        );
    }
}

fn unknown(name: &str) -> ! {
    let names = world::as_owner(spi::provider_names);
    let hint = close_names::hint(name, names.iter().map(String::as_str));
    error::raise(
        Error::invalid(format!("provider \"{name}\" does not exist"))
            .hint(hint.unwrap_or_else(|| "categorize.providers lists those there are.".to_owned())),
    )
}

/// This server and database, which a copy of it is not.
fn here() -> (i64, pg_sys::Oid) {
    // SAFETY: a plain call, and a global of the main thread.
    unsafe { (pg_sys::GetSystemIdentifier() as i64, pg_sys::MyDatabaseId) }
}
