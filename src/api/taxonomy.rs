//! Taxonomies and their categories.

use crate::pg::error;
use crate::pg::error::given;
use crate::pg::manage::{category, taxonomy};
use crate::pg::spi;
use pg_categorize_core::growth::{self, Wanted};
use pg_categorize_core::settings::SettingRow;
use pgrx::JsonB;
use pgrx::prelude::*;
use serde_json::json;

/// Creates a taxonomy from paths and returns its id.
///
/// * `categories`: full paths, `>` between labels (`\>` inside one); inner nodes come by themselves.
/// * `profile`: conservative, balanced or aggressive.
///
/// # Errors
/// 22023 bad name, path or profile; 42710 name taken; 54000 too many categories.
#[pg_extern(schema = "categorize")]
fn create_taxonomy(
    name: Option<&str>,
    categories: default!(Option<Vec<Option<String>>>, "NULL"),
    description: default!(Option<&str>, "NULL"),
    profile: default!(Option<&str>, "'balanced'"),
) -> i32 {
    let name = given(name, "name");
    let path = |path: Option<String>| Wanted { path: path.unwrap_or_default(), ..Wanted::default() };
    taxonomy::create(
        name,
        categories.unwrap_or_default().into_iter().map(path).collect(),
        description,
        given(profile, "profile"),
    )
}

/// Creates a taxonomy from a query of one column, its paths; NULLs are left out. The query runs with the caller's
/// rights and cannot write.
///
/// # Errors
/// As `create_taxonomy`, and those of the query.
#[pg_extern(schema = "categorize")]
fn create_taxonomy_from_query(
    name: Option<&str>,
    query: Option<&str>,
    description: default!(Option<&str>, "NULL"),
    profile: default!(Option<&str>, "'balanced'"),
) -> i32 {
    let name = given(name, "name");
    let query = given(query, "query");
    let mut wanted = Vec::new();
    spi::for_each_text(query, |paths| {
        wanted.extend(paths.into_iter().map(|path| Wanted { path, ..Wanted::default() }));
    });
    taxonomy::create(name, wanted, description, given(profile, "profile"))
}

/// Creates a taxonomy from a JSON array of paths, or of objects with `path`, `description` and `examples`.
///
/// # Errors
/// As `create_taxonomy`; 22023 for any other shape.
#[pg_extern(schema = "categorize")]
fn create_taxonomy_from_json(
    name: Option<&str>,
    definition: Option<JsonB>,
    description: default!(Option<&str>, "NULL"),
    profile: default!(Option<&str>, "'balanced'"),
) -> i32 {
    let name = given(name, "name");
    let definition = given(definition, "definition");
    let wanted = growth::from_json(&definition.0).unwrap_or_else(|e| error::raise(e));
    taxonomy::create(name, wanted, description, given(profile, "profile"))
}

/// Drops a taxonomy with its categories, rules, corrections and answers.
///
/// # Errors
/// 22023 unknown taxonomy.
#[pg_extern(schema = "categorize")]
fn drop_taxonomy(name: Option<&str>) {
    let name = given(name, "name");
    taxonomy::drop(name);
}

/// Adds a category, with the nodes above it that are not there yet, and returns its id.
///
/// # Errors
/// 22023 bad path or unknown taxonomy; 42710 the category exists; 54000 too many categories.
#[pg_extern(schema = "categorize")]
fn add_category(
    taxonomy: Option<&str>,
    path: Option<&str>,
    description: default!(Option<&str>, "NULL"),
    examples: default!(Option<Vec<Option<String>>>, "NULL"),
) -> i32 {
    let taxonomy = given(taxonomy, "taxonomy");
    let path = given(path, "path");
    let examples = examples.map(|list| list.into_iter().flatten().collect());
    category::add(taxonomy, Wanted { path: path.to_owned(), description: description.map(str::to_owned), examples })
}

/// Gives a category another path; what hangs below moves with it, answers stay.
///
/// # Errors
/// 22023 unknown category or bad path; 42710 the new path is taken.
#[pg_extern(schema = "categorize")]
fn rename_category(taxonomy: Option<&str>, path: Option<&str>, new_path: Option<&str>) {
    let taxonomy = given(taxonomy, "taxonomy");
    let path = given(path, "path");
    let new_path = given(new_path, "new_path");
    category::rename(taxonomy, path, new_path);
}

/// Sends the answers, corrections and rules of a category to another, and ends it.
///
/// # Errors
/// 22023 unknown category; 2BP01 categories hang below it.
#[pg_extern(schema = "categorize")]
fn merge_category(taxonomy: Option<&str>, path: Option<&str>, into_path: Option<&str>) {
    let taxonomy = given(taxonomy, "taxonomy");
    let path = given(path, "path");
    let into_path = given(into_path, "into_path");
    category::merge(taxonomy, path, into_path);
}

/// Ends a category; its answers no longer count.
///
/// # Errors
/// 22023 unknown category; 2BP01 categories hang below it.
#[pg_extern(schema = "categorize")]
fn drop_category(taxonomy: Option<&str>, path: Option<&str>) {
    let taxonomy = given(taxonomy, "taxonomy");
    let path = given(path, "path");
    category::drop(taxonomy, path);
}

/// Sets keys of a taxonomy's settings; JSON null takes a key back to its default.
///
/// # Errors
/// 22023 unknown taxonomy or key, or a value that is not allowed; nothing is changed then.
#[pg_extern(schema = "categorize")]
fn configure(taxonomy: Option<&str>, settings: Option<JsonB>) {
    let taxonomy = given(taxonomy, "taxonomy");
    let settings = given(settings, "settings");
    taxonomy::configure(taxonomy, &settings.0);
}

/// Sets the profile of a taxonomy: the thresholds that are not set by themselves.
///
/// # Errors
/// 22023 unknown taxonomy or profile.
#[pg_extern(schema = "categorize")]
fn set_profile(taxonomy: Option<&str>, profile: Option<&str>) {
    let taxonomy = given(taxonomy, "taxonomy");
    let profile = given(profile, "profile");
    taxonomy::configure(taxonomy, &json!({ "profile": profile }));
}

/// Every setting of a taxonomy: its value, its default, and whether `default`, `profile` or `taxonomy` set it.
///
/// # Errors
/// 22023 unknown taxonomy.
#[pg_extern(schema = "categorize", stable, parallel_safe)]
#[allow(clippy::type_complexity, reason = "the columns of a table")]
fn settings(
    taxonomy: default!(Option<&str>, "NULL"),
) -> TableIterator<
    'static,
    (
        name!(name, String),
        name!(value, JsonB),
        name!(default, JsonB),
        name!(source, String),
        name!(unit, String),
        name!(description, String),
    ),
> {
    let row = |r: SettingRow| {
        let SettingRow { name, value, default, source, unit, description } = r;
        (name.to_owned(), JsonB(value), JsonB(default), source.to_owned(), unit.to_owned(), description.to_owned())
    };
    TableIterator::new(taxonomy::settings_of(taxonomy).into_iter().map(row))
}
