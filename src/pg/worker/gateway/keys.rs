//! Keys of providers, read from where a superuser allows it. No message says whether a file or variable exists.

use super::offers::Unusable;
use crate::pg::guc;
use pg_categorize_core::endpoint::Policy;
use pg_categorize_gateway::secret::Secret;
use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

/// Bytes of the largest key file.
const MAX_BYTES: u64 = 64 * 1024;

/// The key that a provider names; `None` where it needs none.
pub fn read(variable: Option<&str>, file: Option<&str>, policy: &Policy) -> Result<Option<Secret>, Unusable> {
    let key = match (variable, file) {
        (None, None) => return Ok(None),
        (Some(variable), None) if policy.may_read_variable(variable) => std::env::var(variable).ok(),
        (None, Some(file)) if Policy::may_read_file(file) => from_file(file),
        _ => None,
    };
    let key = key.map(|key| key.trim().to_owned());
    // A line break in it would be one in a header.
    let usable = |key: &String| !key.is_empty() && key.bytes().all(|b| b.is_ascii_graphic());
    key.filter(usable).map(|key| Some(Secret::new(key))).ok_or(Unusable::Key)
}

/// A regular file inside the key directory, of the server's user, that nobody else can read; no link.
fn from_file(name: &str) -> Option<String> {
    let directory = guc::key_directory()?;
    let path = Path::new(&directory).join(name);
    let flags = libc::O_NOFOLLOW | libc::O_CLOEXEC | libc::O_NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).ok()?;
    let about = file.metadata().ok()?;
    // SAFETY: a plain call.
    let user = unsafe { libc::geteuid() };
    let is_closed = about.is_file() && about.uid() == user && about.mode() & 0o177 == 0 && about.len() <= MAX_BYTES;
    let mut text = String::new();
    (is_closed && file.take(MAX_BYTES).read_to_string(&mut text).is_ok()).then_some(text)
}
