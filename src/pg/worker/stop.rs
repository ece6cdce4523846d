//! Before a database is dropped, renamed, moved or copied, its trainers, its indexers and its gateway end.
//!
//! Postgres refuses such a command while anybody is connected, and a plain owner may not terminate what runs as the
//! superuser. That the command fails for some other reason afterwards costs no more than a training, and the start of a
//! gateway. None is started while the command runs.

use super::errand::Errand;
use super::gateway;
use crate::pg::launch::{self, Going};
use crate::pg::{compat, wait};
use pgrx::pg_sys;
use std::ffi::{CStr, c_char};
use std::time::{Duration, Instant};

/// How long we wait for them to end. Postgres itself then waits as long, and says who is in the way.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often we look whether they have ended.
const GLANCE: Duration = Duration::from_millis(5);

/// Has the processes of the database end that a statement wants for itself, where the caller owns it. Until what is
/// returned is dropped, no gateway starts there.
///
/// # Errors
/// What a cancel or a termination raises while it waits.
///
/// # Safety
/// The statement is one that Postgres is about to run.
pub unsafe fn before(statement: *const pg_sys::PlannedStmt) -> Option<Going> {
    // SAFETY: promised by the caller; the look-ups are plain calls in the statement's transaction.
    let database = unsafe {
        let name = database(statement);
        if name.is_null() {
            return None;
        }
        pg_sys::get_database_oid(name, true)
    };
    // SAFETY: reads globals of the main thread.
    let (here, user) = unsafe { (pg_sys::MyDatabaseId, pg_sys::GetUserId()) };
    (database != pg_sys::InvalidOid && database != here && compat::owns_database(user, database)).then(|| {
        // Marked first: a gateway that starts now sees the mark, or is seen below.
        let going = launch::going(database.to_u32());
        end_processes(database);
        going
    })
}

/// The database that must have no other user, or null.
unsafe fn database(statement: *const pg_sys::PlannedStmt) -> *const c_char {
    use pg_sys::NodeTag;
    // SAFETY: each node is read as what its tag says.
    unsafe {
        let node = (*statement).utilityStmt;
        if node.is_null() {
            return std::ptr::null();
        }
        match (*node).type_ {
            NodeTag::T_DropdbStmt => (*node.cast::<pg_sys::DropdbStmt>()).dbname,
            NodeTag::T_RenameStmt => {
                let rename = node.cast::<pg_sys::RenameStmt>();
                let is_ours = (*rename).renameType == pg_sys::ObjectType::OBJECT_DATABASE;
                if is_ours { (*rename).subname } else { std::ptr::null() }
            }
            NodeTag::T_AlterDatabaseStmt => {
                let alter = node.cast::<pg_sys::AlterDatabaseStmt>();
                let moves = !option((*alter).options, c"tablespace").is_null();
                if moves { (*alter).dbname } else { std::ptr::null() }
            }
            NodeTag::T_CreatedbStmt => {
                let template = option((*node.cast::<pg_sys::CreatedbStmt>()).options, c"template");
                // DEFAULT has no argument.
                if template.is_null() || (*template).arg.is_null() {
                    std::ptr::null()
                } else {
                    pg_sys::defGetString(template)
                }
            }
            _ => std::ptr::null(),
        }
    }
}

/// The option of this name in a list of them, or null.
unsafe fn option(options: *mut pg_sys::List, name: &CStr) -> *mut pg_sys::DefElem {
    // SAFETY: the parser made the list, of this type of nodes.
    unsafe {
        let options = pgrx::PgList::<pg_sys::DefElem>::from_pg(options);
        options.iter_ptr().find(|o| CStr::from_ptr((**o).defname) == name).unwrap_or(std::ptr::null_mut())
    }
}

fn end_processes(database: pg_sys::Oid) {
    let end = Instant::now() + PATIENCE;
    let mut told = Vec::new();
    loop {
        // Asked and told anew each time: another may have been started meanwhile.
        let ours = processes(database);
        // A process leaves the statistics before it leaves the list that Postgres looks into, which then waits 100 ms.
        told.retain(|pid| is_listed(*pid));
        if ours.is_empty() && told.is_empty() || Instant::now() >= end {
            return;
        }
        for pid in ours {
            // SAFETY: a plain call. The process was there a moment ago; Postgres takes the same risk.
            unsafe { libc::kill(pid, libc::SIGTERM) };
            told.push(pid);
        }
        told.sort_unstable();
        told.dedup();
        wait::nap(GLANCE);
    }
}

/// Whether Postgres counts a process among those that are connected to a database.
fn is_listed(pid: i32) -> bool {
    // SAFETY: a plain call, which takes and gives back its lock.
    !unsafe { pg_sys::BackendPidGetProc(pid) }.is_null()
}

/// Our processes in a database.
fn processes(database: pg_sys::Oid) -> Vec<i32> {
    // SAFETY: plain calls. What was read of the backends earlier in this transaction is dropped first; what is read now
    // stays until the next time. The type of a worker is a string of Postgres', or null where it is gone.
    unsafe {
        pg_sys::pgstat_clear_backend_activity_snapshot();
        let all = 1..=pg_sys::pgstat_fetch_stat_numbackends();
        all.filter_map(|i| compat::backend_status(i).as_ref())
            .filter(|b| b.st_databaseid == database && b.st_backendType == pg_sys::BackendType::B_BG_WORKER)
            .map(|b| b.st_procpid)
            .filter(|pid| {
                let kind = pg_sys::GetBackgroundWorkerTypeByPid(*pid);
                let ours = Errand::ALL.iter().map(|errand| errand.name()).chain([gateway::NAME]);
                !kind.is_null() && ours.into_iter().any(|name| CStr::from_ptr(kind).to_bytes() == name.as_bytes())
            })
            .collect()
    }
}
