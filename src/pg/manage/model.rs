//! Choosing among the trained models of a tenant.

use super::{as_writer, held};
use crate::pg::spi::{self, Hold};
use crate::pg::{error, lock};
use pg_categorize_core::error::Error;

/// Makes a version of the tenant's model live; 0 is lexical matching, untrained.
///
/// # Errors
/// 22023 for an unknown taxonomy or version; the HINT lists those there are.
pub fn activate(taxonomy: &str, version: i32) {
    as_writer(|caller| {
        let taxonomy = held(taxonomy, Hold::Keep);
        lock::models(taxonomy.id, &caller.tenant);
        let versions = spi::model_versions(taxonomy.id, &caller.tenant);
        if version != 0 && !versions.contains(&version) {
            let listed: Vec<String> = versions.iter().map(i32::to_string).collect();
            let hint = if listed.is_empty() {
                "No model was trained yet: run categorize.train().".to_owned()
            } else {
                format!("Versions: {}; 0 is lexical matching, untrained.", listed.join(", "))
            };
            error::raise(
                Error::invalid(format!("model version {version} of taxonomy \"{}\" does not exist", taxonomy.name))
                    .hint(hint),
            );
        }
        spi::set_active_model(taxonomy.id, &caller.tenant, version);
    });
}
