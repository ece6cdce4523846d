//! The socket that backends come in at: a file that only the server's user can use.

use pgrx::pg_sys;
use pgrx::prelude::*;
use std::cell::RefCell;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;

thread_local! {
    static OURS: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Listens. A file that is there is of a gateway that was killed: this process holds the lock of those that are not.
pub fn listen(path: String) -> io::Result<UnixListener> {
    _ = fs::remove_file(&path);
    let socket = UnixListener::bind(&path)?;
    // SAFETY: registered once a process; the function is guarded and lives as long as the library.
    unsafe { pg_sys::on_proc_exit(Some(process_ends), pg_sys::Datum::null()) };
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    socket.set_nonblocking(true)?;
    OURS.set(Some(path));
    Ok(socket)
}

/// Removes the file: who comes from now on asks for another gateway.
pub fn remove() {
    if let Some(path) = OURS.take() {
        _ = fs::remove_file(path);
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn process_ends(_code: i32, _argument: pg_sys::Datum) {
    remove();
}
