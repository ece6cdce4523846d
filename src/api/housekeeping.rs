//! Forgetting.

use crate::pg::error::given;
use crate::pg::manage::correction;
use crate::pg::{guard, spi, world};
use pgrx::prelude::*;

/// Forgets the answers kept for an input, also a learnt one; says whether there were any. A correction stays.
///
/// # Errors
/// 22023 unknown taxonomy.
#[pg_extern(schema = "categorize")]
fn forget(input: Option<&str>, taxonomy: default!(Option<&str>, "NULL")) -> bool {
    let input = given(input, "input");
    correction::forget(input, taxonomy)
}

/// Removes the answers whose time is over, of all tenants, and says how many.
#[pg_extern(schema = "categorize")]
fn purge_expired() -> i64 {
    guard::refuse_read_only();
    world::as_owner(spi::delete_expired) as i64
}

/// Version of the loaded library, to hold against `pg_extension.extversion`.
#[pg_extern(schema = "categorize", immutable, parallel_safe)]
fn library_version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}
