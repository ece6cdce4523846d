//! Tenants.

use crate::pg::error::given;
use crate::pg::guc;
use pgrx::prelude::*;

/// Sets the tenant of this session, or of this transaction where `is_local`. For the role that a pool connects as:
/// whoever may execute this chooses what is seen.
///
/// # Errors
/// 22023 for a name above 200 bytes or with a control character; 22004 for NULL.
#[pg_extern(schema = "categorize")]
fn set_tenant(tenant: Option<&str>, is_local: default!(Option<bool>, true)) {
    guc::set_tenant(given(tenant, "tenant"), given(is_local, "is_local"));
}

/// The tenant of this session; the empty name is the tenant of those who have none.
#[pg_extern(schema = "categorize", stable, parallel_safe)]
fn current_tenant() -> String {
    guc::tenant()
}
