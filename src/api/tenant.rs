//! Tenants.

use crate::pg::guc;
use pgrx::prelude::*;

/// Sets the tenant of this session, or of this transaction where `is_local`. For the role that a pool connects as:
/// whoever may execute this chooses what is seen.
///
/// # Errors
/// 22023 for a name above 200 bytes or with a control character.
#[pg_extern(schema = "categorize")]
fn set_tenant(tenant: Option<&str>, is_local: default!(bool, true)) {
    guc::set_tenant(tenant.unwrap_or_default(), is_local);
}

/// The tenant of this session; the empty name is the tenant of those who have none.
#[pg_extern(schema = "categorize", stable, parallel_safe)]
fn current_tenant() -> String {
    guc::tenant()
}
