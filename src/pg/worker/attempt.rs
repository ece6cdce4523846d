//! Trainings and indexes that failed, or that took the server down with them: they are not tried again at once.
//!
//! An attempt is begun with an empty file, which goes when it ends well or when somebody ends its process. What a failure
//! leaves, and a kill, is seen by every session, whether the library is preloaded or not, and after a crash.

use crate::pg::lock;
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Where the files lie, from the data folder. Base backups skip its contents.
const FOLDER: &str = "pg_stat_tmp";

/// What their names end in.
const ENDING: &str = ".attempt";

/// What is tried.
#[derive(Debug, Clone, Copy)]
pub enum Attempt<'a> {
    /// Training the model of a taxonomy's tenant.
    Training(i32, &'a str),
    /// Building an HNSW index, or one of trigrams, for an embedding model of a taxonomy.
    Index(i32, &'a str),
}

/// How long an attempt that failed is not tried by itself.
const REST: Duration = Duration::from_secs(600);

thread_local! {
    static CURRENT: RefCell<Option<PathBuf>> = const { RefCell::new(None) };
}

/// Prepares the process; called once, in a process that is on an errand.
pub fn init() {
    // SAFETY: registered once a process; the function is guarded and lives as long as the library.
    unsafe { pg_sys::on_proc_exit(Some(process_ends), pg_sys::Datum::null()) };
    // Who dropped a taxonomy or a database leaves what nobody asks for any more.
    for file in fs::read_dir(FOLDER).into_iter().flatten().flatten() {
        let name = file.file_name();
        let is_ours = name.to_str().is_some_and(|n| n.starts_with("pg_categorize.") && n.ends_with(ENDING));
        if is_ours && !is_recent(&file.path()) {
            _ = fs::remove_file(file.path());
        }
    }
}

/// Notes that an attempt begins. Where it cannot be noted, it is made as often as it is asked for.
pub fn begin(attempt: Attempt<'_>) {
    let path = path(attempt);
    _ = fs::write(&path, "");
    CURRENT.set(Some(path));
}

/// Notes that the attempt that was begun has ended well.
pub fn succeed() {
    if let Some(path) = CURRENT.take() {
        _ = fs::remove_file(path);
    }
}

/// Notes that it has failed, which counts from now on.
pub fn fail() {
    if let Some(path) = CURRENT.take() {
        _ = fs::write(path, "");
    }
}

/// Whether it failed a short while ago, or is being made.
pub fn failed_lately(attempt: Attempt<'_>) -> bool {
    is_recent(&path(attempt))
}

fn is_recent(path: &Path) -> bool {
    let begun = fs::metadata(path).and_then(|about| about.modified());
    // A time in the future is one before the clock was set.
    begun.is_ok_and(|time| SystemTime::now().duration_since(time).is_ok_and(|age| age < REST))
}

fn path(attempt: Attempt<'_>) -> PathBuf {
    let number = match attempt {
        Attempt::Training(taxonomy, tenant) => lock::number(taxonomy, tenant),
        // No taxonomy has a negative id.
        Attempt::Index(taxonomy, model) => lock::number(-taxonomy, model),
    };
    // SAFETY: reads a global of the main thread.
    let database = unsafe { pg_sys::MyDatabaseId }.to_u32();
    Path::new(FOLDER).join(format!("pg_categorize.{database}.{number:016x}{ENDING}"))
}

/// Who ends the process, and a server that stops, says nothing against what it was at.
#[pg_guard]
unsafe extern "C-unwind" fn process_ends(_code: i32, _argument: pg_sys::Datum) {
    succeed();
}
