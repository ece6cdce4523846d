//! Writing the file: under a name of its own, in portions, and renamed when it is whole and verified.

use super::name::Name;
use super::{Read, is_sound, map};
use crate::pg::guard;
use memmap2::Mmap;
use pgrx::pg_sys;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// How much is in private memory at a time.
const PORTION: usize = 1 << 20;

/// Writes the file `name` and maps it; `None` where the row's bytes are no model. Two processes that write the same one
/// at a time do no harm: each renames a whole file, and both map what they wrote.
///
/// # Errors
/// Why the file could not be written, as a sentence. Nothing of it is left then.
pub(super) fn write(name: &Name, length: usize, header: &[u8], read: &mut Read<'_>) -> Result<Option<Mmap>, String> {
    let mut temporary = Temporary::create(name)?;
    let Temporary { path, file } = &mut temporary;
    if !portions(length, read, |portion| file.write_all(portion).map_err(|e| problem("write", path, &e)))? {
        return Ok(None);
    }
    let mapping = map(file, length).map_err(|e| problem("map", path, &e))?;
    if !is_sound(&mapping, header) {
        return Ok(None);
    }
    let target = name.path();
    fs::rename(path, &target).map_err(|e| problem("create", &target, &e))?;
    Ok(Some(mapping))
}

/// Reads the row portion by portion; whether it had as many bytes as it should.
///
/// # Errors
/// Those of `take`.
pub(super) fn portions(
    length: usize,
    read: &mut Read<'_>,
    mut take: impl FnMut(&[u8]) -> Result<(), String>,
) -> Result<bool, String> {
    for offset in (0..length).step_by(PORTION) {
        guard::check_for_interrupts();
        let wanted = PORTION.min(length - offset);
        let portion = read(offset, wanted);
        if portion.len() != wanted {
            return Ok(false);
        }
        take(&portion)?;
    }
    Ok(true)
}

/// A file in the making. Dropping it removes it, also while an error unwinds; renamed before, it is out of reach. A
/// process that is terminated or killed leaves it to the next sweep.
struct Temporary {
    path: PathBuf,
    file: File,
}

impl Temporary {
    fn create(name: &Name) -> Result<Self, String> {
        // SAFETY: reads a global of the main thread.
        let process = unsafe { pg_sys::MyProcPid };
        let path = Name { writer: Some(process), ..*name }.path();
        // Left behind by a process that was killed and had our id.
        _ = fs::remove_file(&path);
        let opened = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path);
        let file = opened.map_err(|e| problem("create", &path, &e))?;
        Ok(Self { path, file })
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        _ = fs::remove_file(&self.path);
    }
}

fn problem(verb: &str, path: &Path, error: &io::Error) -> String {
    format!("Could not {verb} file \"{}\": {error}.", path.display())
}
