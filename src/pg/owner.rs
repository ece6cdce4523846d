//! Acting as the owner of the tables, with a search_path that nobody can poison.

use crate::pg::guc;
use pgrx::pg_sys;
use std::ffi::c_int;

/// While it lives, the backend acts as the owner under `search_path = pg_catalog, pg_temp`; dropping it restores both.
///
/// An error that leaves the scope ends the (sub)transaction, whose abort restores the setting; the user is restored
/// here in either case.
pub struct OwnerScope {
    user: pg_sys::Oid,
    security_context: c_int,
    nest_level: c_int,
}

impl OwnerScope {
    /// Becomes `owner`.
    ///
    /// # Panics
    /// Outside of a transaction, where Postgres would crash: a setting is saved in its memory.
    pub fn enter(owner: pg_sys::Oid) -> Self {
        // SAFETY: reads a variable of the main thread.
        assert!(unsafe { pg_sys::IsTransactionState() }, "acting as the owner needs a transaction");
        let mut scope = Self { user: pg_sys::InvalidOid, security_context: 0, nest_level: 0 };
        // SAFETY: called on the main thread inside a transaction; the strings are static. GUC_ACTION_SAVE is allowed
        // in parallel workers and ends with the nest level.
        unsafe {
            pg_sys::GetUserIdAndSecContext(&mut scope.user, &mut scope.security_context);
            scope.nest_level = pg_sys::NewGUCNestLevel();
            guc::set_until_level_ends(c"search_path", c"pg_catalog, pg_temp");
            pg_sys::SetUserIdAndSecContext(
                owner,
                scope.security_context | pg_sys::SECURITY_LOCAL_USERID_CHANGE as c_int,
            );
        }
        scope
    }

    /// The role that called, for columns such as `corrected_by`.
    pub fn caller(&self) -> pg_sys::Oid {
        self.user
    }
}

impl Drop for OwnerScope {
    fn drop(&mut self) {
        // SAFETY: restores what `enter` read. AtEOXact_GUC may not run while an error unwinds: the abort does it.
        unsafe {
            pg_sys::SetUserIdAndSecContext(self.user, self.security_context);
            if !std::thread::panicking() {
                pg_sys::AtEOXact_GUC(false, self.nest_level);
            }
        }
    }
}

/// While it lives, the process acts as a role in a security-restricted operation, as Postgres runs the functions of an index: nothing
/// called in it can become another role, and nothing of it is left to run at the commit. Settings that it changes are put back.
pub struct RoleScope {
    user: pg_sys::Oid,
    security_context: c_int,
    nest_level: c_int,
}

impl RoleScope {
    /// Becomes `role`, in a session of `tenant`. Values are written as [`guc::write_plainly`] says, policies of rows hold, and what
    /// triggers say is in no log: it may be about inputs.
    pub fn enter(role: pg_sys::Oid, tenant: &str) -> Self {
        // SAFETY: reads a variable of the main thread.
        assert!(unsafe { pg_sys::IsTransactionState() }, "acting as a role needs a transaction");
        let mut scope = Self { user: pg_sys::InvalidOid, security_context: 0, nest_level: 0 };
        // SAFETY: as in `OwnerScope`.
        unsafe {
            pg_sys::GetUserIdAndSecContext(&mut scope.user, &mut scope.security_context);
            scope.nest_level = pg_sys::NewGUCNestLevel();
            guc::set_until_level_ends(c"search_path", c"pg_catalog, pg_temp");
            guc::set_until_level_ends(c"row_security", c"on");
            guc::write_plainly();
            guc::force_until_level_ends(c"log_min_messages", c"panic");
            let tenant = std::ffi::CString::new(tenant).unwrap_or_default();
            guc::force_until_level_ends(c"categorize.tenant", &tenant);
            let restricted = pg_sys::SECURITY_LOCAL_USERID_CHANGE | pg_sys::SECURITY_RESTRICTED_OPERATION;
            pg_sys::SetUserIdAndSecContext(role, scope.security_context | restricted as c_int);
        }
        scope
    }
}

impl Drop for RoleScope {
    fn drop(&mut self) {
        // SAFETY: as in `OwnerScope`.
        unsafe {
            pg_sys::SetUserIdAndSecContext(self.user, self.security_context);
            if !std::thread::panicking() {
                pg_sys::AtEOXact_GUC(false, self.nest_level);
            }
        }
    }
}
