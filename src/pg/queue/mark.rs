//! Which databases have a queue or open batches: an empty file each in the data directory. The launcher, which is connected to no
//! database, reads them when the server starts and after a crash, and starts the gateways that are needed.

use std::fs::{self, File, OpenOptions};
use std::io;

/// What the names begin with; the OID of the database follows.
const PREFIX: &str = "pg_categorize.queue.";

/// Marks a database, durably.
///
/// # Errors
/// Where the system refuses that.
pub fn set_mark(database: u32) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).open(path(database)) {
        Ok(file) => {
            file.sync_all()?;
            File::open(".")?.sync_all()
        }
        Err(why) if why.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(why) => Err(why),
    }
}

/// Takes the mark of a database away. One that stays costs the start of a gateway.
pub fn take_mark(database: u32) {
    _ = fs::remove_file(path(database));
}

/// The databases that are marked.
pub fn marked() -> Vec<u32> {
    let Ok(entries) = fs::read_dir(".") else { return Vec::new() };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    names.filter_map(|name| name.strip_prefix(PREFIX)?.parse().ok()).collect()
}

fn path(database: u32) -> String {
    format!("{PREFIX}{database}")
}
