//! What people change: taxonomies, categories, rules, corrections, labels, models, providers, budgets. Each acts as the owner of the tables, after
//! Postgres has checked that the caller may execute the function at all.

pub mod budget;
pub mod bulk;
pub mod category;
pub mod completion;
pub mod correction;
mod embedding;
pub mod label;
pub mod model;
pub mod provider;
pub mod queue;
pub mod recategorize;
pub mod request;
pub mod rule;
pub mod taxonomy;
pub mod training;

use crate::pg::owner::OwnerScope;
use crate::pg::spi::Hold;
use crate::pg::{catalog, error, guard, guc, spi, world};
use pg_categorize_core::settings::Settings;
use pg_categorize_core::taxonomy::Taxonomy;
use pgrx::prelude::*;
use std::rc::Rc;

/// Who is changing something.
struct Caller {
    /// Name of the role.
    name: String,
    /// The tenant of the session.
    tenant: String,
    /// Whether it may change what all tenants see.
    admin: bool,
}

/// Runs `work` as the owner.
fn as_writer<T>(work: impl FnOnce(&Caller) -> T) -> T {
    world::moment_now();
    guard::refuse_read_only();
    let owner = OwnerScope::enter(catalog::tables().owner);
    let caller = Caller {
        name: spi::role_name(owner.caller()),
        tenant: guc::tenant(),
        admin: spi::is_member(owner.caller(), "categorize_admin"),
    };
    work(&caller)
}

/// Whether the role that the statement runs as may see what all tenants do.
pub fn sees_all_tenants() -> bool {
    // SAFETY: a plain call.
    spi::is_member(unsafe { pg_sys::GetUserId() }, "categorize_admin")
}

/// The taxonomy that is meant: the named one, or the default.
///
/// # Errors
/// 22023 where it does not exist or none is named.
fn taxonomy(name: Option<&str>) -> Rc<Taxonomy> {
    let name = name.map(str::to_owned).or_else(guc::taxonomy).unwrap_or_else(|| {
        error::report(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            "no taxonomy is named",
            None,
            Some("Pass its name, or set categorize.taxonomy.".into()),
        )
    });
    world::now().0.taxonomy(&name)
}

/// The name of the taxonomy that is meant.
///
/// # Errors
/// 22023 where it does not exist or none is named.
pub fn named(name: Option<&str>) -> String {
    taxonomy(name).name.clone()
}

/// The taxonomy of this name as it is committed now, held until this transaction ends.
///
/// # Errors
/// 22023 where it does not exist, also when it was dropped while we waited.
fn held(name: &str, hold: Hold) -> Taxonomy {
    let seen = spi::fresh_taxonomy(name).unwrap_or_else(|| world::unknown_taxonomy(name));
    let row =
        spi::lock_taxonomy(seen.id, hold).then(|| spi::fresh_taxonomy(name)).flatten().filter(|row| row.id == seen.id);
    let Some(row) = row else {
        error::report(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            format!("taxonomy \"{name}\" does not exist"),
            Some("It was dropped by another session.".into()),
            None,
        )
    };
    let settings = Settings::from_explicit(row.settings);
    Taxonomy::new(row.id, name.to_owned(), row.version, settings, spi::fresh_categories(row.id))
}

/// The taxonomy of this name, held against other changes.
fn locked(name: &str) -> Taxonomy {
    held(name, Hold::Change)
}

/// Refuses a second object of the same name with 42710.
fn already_exists(what: &str, hint: &str) -> ! {
    error::report(
        PgSqlErrorCode::ERRCODE_DUPLICATE_OBJECT,
        format!("{what} already exists"),
        None,
        Some(hint.to_owned()),
    )
}
