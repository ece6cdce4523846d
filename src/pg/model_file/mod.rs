//! One read-only copy of a trained model per server: a file that the first reader writes and every process maps.
//!
//! In private memory, a model of 64 MB would cost a hundred sessions 6.4 GB. Mapped, its pages are those of the page
//! cache, which the server holds once. The row in the table stays the truth: the file is derived from it, is never
//! synced or backed up (base backups skip pg_stat_tmp), and a standby writes its own.
//!
//! * **Never a wrong model.** A file counts only if it has the length and the first bytes of the row, in which the
//!   format keeps a checksum of all the others, and if that checksum holds. Any other file under the name, be it cut,
//!   damaged, of a restored database with the same ids or no plain file at all, is replaced. This is asked once for each
//!   mapping: it costs one pass over pages that are shared anyway.
//! * **Never changed in place.** To read a mapped page beyond the end of its file kills a process with SIGBUS, and with
//!   it all sessions. So a file is written under another name, then renamed: a new inode each time, and those who have
//!   mapped the old one keep it as it was. Only who cuts a file of the server from outside can do that harm.
//! * **Never needed.** Where it cannot be written, the process warns once and keeps a private copy.

mod name;
mod sweep;
mod write;

use crate::pg::error;
use memmap2::{Mmap, MmapOptions};
use name::Name;
use pg_categorize_core::local_model::{Damaged, IDENTITY_BYTES, Model};
use pgrx::pg_sys;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The bytes of a model; a clone is the same bytes.
#[derive(Clone)]
pub struct ModelFile(Rc<Bytes>);

enum Bytes {
    Mapped(Mmap),
    Private(Vec<u8>),
}

thread_local! {
    /// What this process opened last. Where each statement has a world of its own, as under REPEATABLE READ, the model is
    /// not mapped and verified for each.
    static LAST: RefCell<Option<ModelFile>> = const { RefCell::new(None) };
}

/// How the row is read: `length` bytes from an offset. It may raise errors, such as a cancel.
pub type Read<'a> = dyn FnMut(usize, usize) -> Vec<u8> + 'a;

/// Maps the model of row `id`, whose bytes are `length` long. `read` is asked for the first bytes, and for all of them
/// only where no process of this server has written the file yet.
///
/// Then files that nobody needs any more are removed: `alive` says whether a row has a model that may still be used. It
/// is asked for other rows of this database, best under a fresh snapshot.
///
/// `None` where the row's own bytes are no model of this version.
pub fn open(id: i64, length: usize, alive: &dyn Fn(i64) -> bool, read: &mut Read<'_>) -> Option<ModelFile> {
    let header = read(0, IDENTITY_BYTES.min(length));
    // Spares the writing of what nobody here could use.
    if header.is_empty() || matches!(Model::verified(&header), Err(Damaged::Version)) {
        return None;
    }
    let same = |file: &ModelFile| file.bytes().len() == length && file.bytes().starts_with(&header);
    if let Some(file) = LAST.with_borrow(|last| last.clone().filter(same)) {
        return Some(file);
    }
    // SAFETY: reads a global of the main thread.
    let database = unsafe { pg_sys::MyDatabaseId }.to_u32();
    let name = Name { database, id, writer: None };
    let bytes = match existing(&name, length, &header) {
        Some(mapping) => Bytes::Mapped(mapping),
        None => {
            // First, since it may free the space that is needed.
            sweep::sweep(&name, alive);
            match write::write(&name, length, &header, read) {
                Ok(mapping) => Bytes::Mapped(mapping?),
                Err(problem) => {
                    warn_once(length, problem);
                    Bytes::Private(private_copy(length, &header, read)?)
                }
            }
        }
    };
    let file = ModelFile(Rc::new(bytes));
    LAST.set(Some(file.clone()));
    Some(file)
}

impl ModelFile {
    /// All of the model; verified.
    pub fn bytes(&self) -> &[u8] {
        match &*self.0 {
            Bytes::Mapped(mapping) => mapping,
            Bytes::Private(bytes) => bytes,
        }
    }
}

/// The file as another process has left it, if it is good.
fn existing(name: &Name, length: usize, header: &[u8]) -> Option<Mmap> {
    // A link may lead anywhere, and opening a pipe would wait for its other end.
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(name.path()).ok()?;
    let about = file.metadata().ok()?;
    if !about.is_file() || about.len() != length as u64 {
        return None;
    }
    let mapping = map(&file, length).ok()?;
    is_sound(&mapping, header).then_some(mapping)
}

fn map(file: &File, length: usize) -> io::Result<Mmap> {
    // SAFETY: no process of ours changes or cuts a file once it has this name or is mapped (see above), and the folder
    // is closed to everybody but the server's own user.
    unsafe { MmapOptions::new().len(length).map(file) }
}

fn is_sound(bytes: &[u8], header: &[u8]) -> bool {
    bytes.starts_with(header) && Model::verified(bytes).is_ok()
}

fn private_copy(length: usize, header: &[u8], read: &mut Read<'_>) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    if bytes.try_reserve_exact(length).is_err() {
        error::no_memory_for_model(length);
    }
    let whole = write::portions(length, read, |portion| {
        bytes.extend_from_slice(portion);
        Ok(())
    });
    (whole == Ok(true) && is_sound(&bytes, header)).then_some(bytes)
}

/// Says what keeps this process from sharing; once, since every model that is loaded later meets the same.
fn warn_once(length: usize, problem: String) {
    static WARNED: AtomicBool = AtomicBool::new(false);
    if WARNED.swap(true, Ordering::Relaxed) {
        return;
    }
    let message = "trained model could not be shared with other sessions".to_owned();
    let megabytes = length.div_ceil(1 << 20);
    ErrorReport::new(PgSqlErrorCode::ERRCODE_WARNING, message, "pg_categorize")
        .set_detail(problem)
        .set_hint(format!(
            "This session keeps a copy of {megabytes} MB. Check the free space and the permissions of {} in the data directory.",
            name::FOLDER
        ))
        .report(PgLogLevel::WARNING);
}
