//! Trainings that failed, or that took the server down with them: they are not tried again at once.
//!
//! A training is begun with an empty file, which goes when it ends well or when somebody ends the trainer. What a failure
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

/// How long a training that failed is not tried by itself.
const REST: Duration = Duration::from_secs(600);

thread_local! {
    static CURRENT: RefCell<Option<PathBuf>> = const { RefCell::new(None) };
}

/// Prepares the process; called once, in a trainer.
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

/// Notes that a training begins. Where it cannot be noted, it is tried as often as it is asked for.
pub fn begin(taxonomy: i32, tenant: &str) {
    let path = path(taxonomy, tenant);
    _ = fs::write(&path, "");
    CURRENT.set(Some(path));
}

/// Notes that the training that was begun has ended well.
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

/// Whether a training of this tenant's model failed a short while ago, or is at work.
pub fn failed_lately(taxonomy: i32, tenant: &str) -> bool {
    is_recent(&path(taxonomy, tenant))
}

fn is_recent(path: &Path) -> bool {
    let begun = fs::metadata(path).and_then(|about| about.modified());
    // A time in the future is one before the clock was set.
    begun.is_ok_and(|time| SystemTime::now().duration_since(time).is_ok_and(|age| age < REST))
}

fn path(taxonomy: i32, tenant: &str) -> PathBuf {
    // SAFETY: reads a global of the main thread.
    let database = unsafe { pg_sys::MyDatabaseId }.to_u32();
    Path::new(FOLDER).join(format!("pg_categorize.{database}.{:016x}{ENDING}", lock::number(taxonomy, tenant)))
}

/// Who ends a trainer, and a server that stops, says nothing against what it was at.
#[pg_guard]
unsafe extern "C-unwind" fn process_ends(_code: i32, _argument: pg_sys::Datum) {
    succeed();
}
