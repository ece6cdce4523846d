//! Creating, configuring and dropping taxonomies.

use super::{already_exists, as_writer, category, embedding, held, locked};
use crate::pg::spi::{self, Hold};
use crate::pg::{due, error, queue};
use pg_categorize_core::error::Error;
use pg_categorize_core::growth::Wanted;
use pg_categorize_core::settings::{self, SettingRow, Settings};
use pg_categorize_core::taxonomy::Taxonomy;
use serde_json::{Map, Value, json};

/// Bytes of a taxonomy's name.
const MAX_NAME_BYTES: usize = 200;

/// Creates a taxonomy and returns its id.
///
/// # Errors
/// 22023 for a bad name, path or profile; 42710 where the name is taken; 54000 beyond the bound of categories.
pub fn create(name: &str, categories: Vec<Wanted>, description: Option<&str>, profile: &str) -> i32 {
    check_name(name);
    settings::profile(profile).unwrap_or_else(|e| error::raise(e));
    let explicit = if profile == "balanced" { json!({}) } else { json!({ "profile": profile }) };
    as_writer(|_| {
        let taken = spi::fresh_taxonomy(name).is_some();
        let id = if taken { None } else { spi::insert_taxonomy(name, description, explicit) };
        let id = id.unwrap_or_else(|| {
            already_exists(&format!("taxonomy \"{name}\""), "Choose another name, or add to it with add_category().")
        });
        let empty = Taxonomy::new(id, name.to_owned(), 1, Settings::default(), Vec::new());
        category::store(&empty, categories);
        id
    })
}

/// Drops a taxonomy with its categories, rules, corrections and answers.
///
/// # Errors
/// 22023 where it does not exist.
pub fn drop(name: &str) {
    as_writer(|_| spi::delete_taxonomy(held(name, Hold::Drop).id));
    due::forgot();
}

/// Sets keys of a taxonomy's settings; JSON null takes a key back.
///
/// # Errors
/// 22023 for an unknown key or a value that is not allowed.
pub fn configure(name: &str, change: &Value) {
    as_writer(|_| {
        let taxonomy = locked(name);
        let merged: Map<String, Value> =
            settings::merge(taxonomy.settings.explicit(), change).unwrap_or_else(|e| error::raise(e));
        if taxonomy.settings.explicit() != &merged {
            let new = Settings::from_explicit(merged.clone());
            embedding::announce(&taxonomy, &new);
            if new.batch_vectors() != taxonomy.settings.batch_vectors() {
                // Vectors that wait for a batch may wait for none any more.
                queue::touch();
            }
            spi::set_taxonomy_settings(taxonomy.id, merged);
        }
    });
}

/// Every setting of a taxonomy, with where its value comes from.
///
/// # Errors
/// 22023 where it does not exist.
pub fn settings_of(name: Option<&str>) -> Vec<SettingRow> {
    super::taxonomy(name).settings.rows()
}

fn check_name(name: &str) {
    let reason = if name.trim().is_empty() {
        "it is blank"
    } else if name.len() > MAX_NAME_BYTES {
        "it is longer than 200 bytes"
    } else if name.chars().any(char::is_control) {
        "it contains a control character"
    } else if name.starts_with('{') {
        "it begins with {, like an array"
    } else {
        return;
    };
    error::raise(
        Error::invalid("invalid name of a taxonomy")
            .detail(format!("The name cannot be used: {reason}."))
            .hint("Choose a short name, as in 'products'."),
    );
}
