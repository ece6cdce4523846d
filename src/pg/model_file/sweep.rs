//! Removing files that nobody needs: of rows that are gone, of databases that are gone, and of processes that died while
//! they wrote. Nothing tells us of the last two, so whoever writes a file looks. Errors are of no interest: what could not
//! be removed now is met again, or another process has removed it.

use super::name::{FOLDER, Name};
use pgrx::pg_sys;
use std::fs;
use std::time::Duration;

/// What is older is not in the making any more, and its row, if there is one, is no news.
const AGE: Duration = Duration::from_secs(3600);

/// What the server knows.
struct Facts<'a> {
    /// Whether a row of this database exists and may be used.
    alive: &'a dyn Fn(i64) -> bool,
    /// Whether a process of the server has this id.
    runs: &'a dyn Fn(i32) -> bool,
    /// Whether a database exists.
    exists: &'a dyn Fn(u32) -> bool,
}

/// Removes what is stale, for the process that is about to write `own`.
pub(super) fn sweep(own: &Name, alive: &dyn Fn(i64) -> bool) {
    let facts = Facts { alive, runs: &runs, exists: &exists };
    for file in fs::read_dir(FOLDER).into_iter().flatten().flatten() {
        let Some(name) = file.file_name().to_str().and_then(Name::parse) else { continue };
        let changed = file.metadata().and_then(|about| about.modified()).ok();
        // A time in the future is no age.
        let is_old = changed.and_then(|time| time.elapsed().ok()).is_some_and(|age| age > AGE);
        if is_stale(&name, is_old, own, &facts) {
            _ = fs::remove_file(file.path());
        }
    }
}

fn is_stale(found: &Name, is_old: bool, own: &Name, facts: &Facts<'_>) -> bool {
    if let Some(process) = found.writer {
        return is_old || !(facts.runs)(process);
    }
    if found.database != own.database {
        return !(facts.exists)(found.database);
    }
    // Our own is about to be replaced. The row of a fresh one with a later id may not be committed yet, or not be seen by
    // our snapshot.
    found.id != own.id && (found.id < own.id || is_old) && !(facts.alive)(found.id)
}

fn runs(process: i32) -> bool {
    // SAFETY: a plain call; the result is compared, not read.
    unsafe { !pg_sys::BackendPidGetProc(process).is_null() }
}

fn exists(database: u32) -> bool {
    let none = pg_sys::Datum::null();
    let database = pg_sys::Oid::from(database).into();
    // SAFETY: a look-up in a system cache, inside a transaction, with the one key that this cache has.
    unsafe { pg_sys::SearchSysCacheExists(pg_sys::SysCacheIdentifier::DATABASEOID as i32, database, none, none, none) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: Name = Name { database: 5, id: 20, writer: None };

    /// Rows 10 and 30, process 100 and databases 5 and 6 are there.
    fn stale(database: u32, id: i64, writer: Option<i32>, is_old: bool) -> bool {
        let facts = Facts {
            alive: &|id| [10, 30].contains(&id),
            runs: &|process| process == 100,
            exists: &|database| [5, 6].contains(&database),
        };
        is_stale(&Name { database, id, writer }, is_old, &OWN, &facts)
    }

    #[test]
    fn files_of_rows_that_are_gone_are_stale() {
        assert!(stale(5, 9, None, false));
        assert!(!stale(5, 10, None, true));
        assert!(!stale(5, 30, None, true));
        assert!(!stale(5, 20, None, true), "our own is replaced by a rename");
    }

    #[test]
    fn later_rows_may_be_unseen_for_a_while() {
        assert!(!stale(5, 21, None, false));
        assert!(stale(5, 21, None, true));
    }

    #[test]
    fn files_of_other_databases_go_with_these() {
        assert!(!stale(6, 9, None, true));
        assert!(stale(7, 9, None, false));
        assert!(stale(7, 30, None, false));
    }

    #[test]
    fn unfinished_files_go_with_their_writers() {
        assert!(!stale(5, 9, Some(100), false));
        assert!(stale(5, 9, Some(100), true), "another process may have got the id");
        assert!(stale(5, 10, Some(101), false));
        assert!(stale(6, 10, Some(101), false));
    }
}
