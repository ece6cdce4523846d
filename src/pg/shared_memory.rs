//! Shared memory of the library: asked for while the server preloads it, and zero when the server starts.

use pgrx::pg_sys;
use pgrx::prelude::*;
use std::ffi::{CStr, c_void};

/// A piece of it.
pub struct Piece {
    /// What Postgres calls it.
    pub name: &'static CStr,
    /// How large it is.
    pub bytes: usize,
    /// Called in the postmaster with where it is, and whether that is new, and zero.
    pub placed: unsafe fn(*mut c_void, bool),
}

static PIECES: [Piece; 2] = [super::stats::PIECE, super::launch::PIECE];

static mut PREVIOUS_REQUEST: pg_sys::shmem_request_hook_type = None;
static mut PREVIOUS_STARTUP: pg_sys::shmem_startup_hook_type = None;

/// Asks for it; called once, while preloading.
pub fn init() {
    // SAFETY: called from _PG_init in the postmaster; hooks that were there before are called first.
    unsafe {
        PREVIOUS_REQUEST = pg_sys::shmem_request_hook;
        pg_sys::shmem_request_hook = Some(request);
        PREVIOUS_STARTUP = pg_sys::shmem_startup_hook;
        pg_sys::shmem_startup_hook = Some(startup);
    }
}

#[pg_guard]
#[allow(ffi_unwind_calls, reason = "the previous hook is called behind a guard")]
unsafe extern "C-unwind" fn request() {
    // SAFETY: a hook of the postmaster; single-threaded.
    unsafe {
        if let Some(previous) = PREVIOUS_REQUEST {
            pg_sys::ffi::pg_guard_ffi_boundary(|| previous());
        }
        PIECES.iter().for_each(|piece| pg_sys::RequestAddinShmemSpace(piece.bytes));
    }
}

#[pg_guard]
#[allow(ffi_unwind_calls, reason = "the previous hook is called behind a guard")]
unsafe extern "C-unwind" fn startup() {
    // SAFETY: a hook of the postmaster; each piece is as large as it says.
    unsafe {
        if let Some(previous) = PREVIOUS_STARTUP {
            pg_sys::ffi::pg_guard_ffi_boundary(|| previous());
        }
        for piece in &PIECES {
            let mut found = false;
            let place = pg_sys::ShmemInitStruct(piece.name.as_ptr(), piece.bytes, &mut found);
            if !found {
                std::ptr::write_bytes(place.cast::<u8>(), 0, piece.bytes);
            }
            (piece.placed)(place, !found);
        }
    }
}
