//! How sessions, the launcher and the gateways know of each other: a small table in shared memory, while the library is
//! preloaded. It holds atomics only, so that no error leaves it locked.
//!
//! A database that wants a gateway takes a place; the place says how far it is. Who is about to drop a database, or needs
//! it for itself, marks it: until the mark goes, no gateway starts there.

use crate::pg::guard;
use crate::pg::shared_memory::Piece;
use pgrx::pg_sys;
use std::ffi::c_void;
use std::sync::atomic::{AtomicI32, AtomicI64, AtomicPtr, AtomicU32, AtomicU64, Ordering::SeqCst};

/// Databases with a gateway at once; each needs a background worker.
const PLACES: usize = 512;

/// Databases that are being dropped, renamed, moved or copied at once.
const MARKS: usize = 64;

/// Microseconds that a mark lasts, for the session that dies before it takes it away.
const MARK_LASTS: i64 = 10_000_000;

/// Microseconds for which a failure is told before the next try: a gateway that cannot start must not be started by
/// every row of a statement.
const FAILURE_RESTS: i64 = 1_000_000;

/// The same where nobody waits, and the launcher asks by itself.
const UNASKED_RESTS: i64 = 60_000_000;

#[repr(C)]
struct Shared {
    launcher: AtomicI32,
    places: [Place; PLACES],
    marks: [Mark; MARKS],
}

#[repr(C)]
struct Place {
    /// Database in the high half, state in the low one; 0 is free.
    cell: AtomicU64,
    /// When the state was entered.
    since: AtomicI64,
    /// The process that runs.
    pid: AtomicI32,
    /// 1 where there may be texts that lack their vectors.
    vectors: AtomicU32,
    /// 1 where queue and batches are to be looked at.
    batches: AtomicU32,
}

#[repr(C)]
struct Mark {
    database: AtomicU32,
    ends_at: AtomicI64,
}

/// How far a gateway is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum State {
    /// A session asked for it.
    Wanted = 1,
    /// The launcher has asked the postmaster for a process.
    Starting = 2,
    /// It listens on its socket.
    Running = 3,
    /// There is no free background worker.
    NoWorkerSlot = 4,
    /// It ended by itself as soon as it was there; the server's log says why.
    Ended = 5,
    /// Library and SQL objects differ in their version, or the extension is not there.
    OtherVersion = 6,
    /// The database is a template.
    Template = 7,
}

/// Why no gateway comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// The library is not in `shared_preload_libraries`.
    NotPreloaded,
    /// There is no free background worker: `max_worker_processes`.
    NoWorkerSlot,
    /// It could not start; why, as a sentence.
    Failed(&'static str),
}

static SHARED: AtomicPtr<Shared> = AtomicPtr::new(std::ptr::null_mut());

/// The socket of a database's gateway, from the data directory. Base backups skip the contents of the folder.
pub fn socket_path(database: pg_sys::Oid) -> String {
    format!("pg_stat_tmp/pg_categorize.{}.sock", database.to_u32())
}

/// Asks for a gateway of this database. Called again it does no more than remind the launcher.
pub fn want_gateway() {
    let Some(shared) = shared() else { return };
    let (database, now) = (here(), guard::clock());
    let wanted = match shared.place(database) {
        None => shared.take(database),
        Some(place) => match state(place.cell.load(SeqCst)) {
            Some(State::Wanted) => true,
            Some(State::Starting | State::Running) => false,
            _ => {
                let rested = now.saturating_sub(place.since.load(SeqCst)) >= FAILURE_RESTS;
                rested && place.enter(database, State::Wanted)
            }
        },
    };
    if wanted {
        wake_launcher();
    }
}

/// Has the gateway of this database buy the vectors that texts lack, and starts one where there is none.
pub fn want_vectors() {
    let Some(shared) = shared() else { return };
    want_gateway();
    if let Some(place) = shared.place(here()) {
        place.vectors.store(1, SeqCst);
        wake(place.pid.load(SeqCst));
    }
}

/// Whether somebody asked for vectors since this was asked last.
pub fn take_vectors_wanted(database: u32) -> bool {
    shared().and_then(|shared| shared.place(database)).is_some_and(|place| place.vectors.swap(0, SeqCst) == 1)
}

/// Has the gateway of this database look at queue and batches, and starts one where there is none.
pub fn want_batches() {
    let Some(shared) = shared() else { return };
    want_gateway();
    if let Some(place) = shared.place(here()) {
        place.batches.store(1, SeqCst);
        wake(place.pid.load(SeqCst));
    }
}

/// Whether somebody asked for that since this was asked last.
pub fn take_batches_wanted(database: u32) -> bool {
    shared().and_then(|shared| shared.place(database)).is_some_and(|place| place.batches.swap(0, SeqCst) == 1)
}

/// Asks for a gateway of each of these databases that has none, and whose last one did not fail a short while ago.
pub fn want_gateways(databases: &[u32]) {
    let Some(shared) = shared() else { return };
    let now = guard::clock();
    for database in databases {
        match shared.place(*database) {
            None => _ = shared.take(*database),
            Some(place) => {
                let has_failed =
                    state(place.cell.load(SeqCst)).is_some_and(|state| state as u32 >= State::NoWorkerSlot as u32);
                if has_failed && now.saturating_sub(place.since.load(SeqCst)) >= UNASKED_RESTS {
                    place.enter(*database, State::Wanted);
                }
            }
        }
    }
}

/// Says that this process is the gateway of a database.
pub fn be_gateway(database: u32) {
    if let Some(place) = shared().and_then(|shared| shared.place(database)) {
        // SAFETY: reads a global of the main thread.
        place.pid.store(unsafe { pg_sys::MyProcPid }, SeqCst);
    }
}

/// Why no gateway of this database comes; `None` while there is hope, or one is there.
pub fn obstacle() -> Option<Obstacle> {
    let Some(shared) = shared() else { return Some(Obstacle::NotPreloaded) };
    match shared.place(here()).and_then(|place| state(place.cell.load(SeqCst)))? {
        State::Wanted | State::Starting | State::Running => None,
        State::NoWorkerSlot => Some(Obstacle::NoWorkerSlot),
        State::Ended => {
            Some(Obstacle::Failed("The gateway ended as soon as it was started; the server's log says why."))
        }
        State::OtherVersion => Some(Obstacle::Failed(
            "Library and SQL objects of pg_categorize have different versions; restart the server.",
        )),
        State::Template => Some(Obstacle::Failed("No gateway runs in a template database.")),
    }
}

/// The databases that want a gateway and may have one now.
pub fn wanted() -> Vec<u32> {
    let places = shared().map(|shared| &shared.places[..]).unwrap_or_default();
    let cells = places.iter().map(|place| place.cell.load(SeqCst));
    let wanted = cells.filter(|cell| state(*cell) == Some(State::Wanted)).map(|cell| (cell >> 32) as u32);
    wanted.filter(|database| !is_going(*database)).collect()
}

/// Notes how far the gateway of a database is.
pub fn enter(database: u32, state: State) {
    if let Some(place) = shared().and_then(|shared| shared.place(database)) {
        place.enter(database, state);
    }
}

/// Notes that the gateway of a database has ended: in peace, or before it said why.
pub fn ended(database: u32, in_peace: bool) {
    let Some(place) = shared().and_then(|shared| shared.place(database)) else { return };
    let cell = place.cell.load(SeqCst);
    if in_peace || matches!(state(cell), Some(State::Starting | State::Running)) {
        let next = if in_peace { 0 } else { packed(database, State::Ended) };
        place.since.store(guard::clock(), SeqCst);
        // Where somebody has asked anew meanwhile, that counts.
        _ = place.cell.compare_exchange(cell, next, SeqCst, SeqCst);
    }
}

/// Says that this process is the launcher.
pub fn be_launcher() {
    if let Some(shared) = shared() {
        // SAFETY: reads a global of the main thread.
        shared.launcher.store(unsafe { pg_sys::MyProcPid }, SeqCst);
    }
}

/// A database that somebody needs for himself. Dropped when the statement ends, also by an error.
pub struct Going(Option<&'static Mark>, u32);

/// Marks a database: no gateway starts there until the mark is dropped, or for ten seconds.
pub fn going(database: u32) -> Going {
    let free = |mark: &&Mark| {
        let (of, now) = (mark.database.load(SeqCst), guard::clock());
        let is_free = of == 0 || mark.ends_at.load(SeqCst) < now;
        is_free && mark.database.compare_exchange(of, database, SeqCst, SeqCst).is_ok()
    };
    let mark = shared().and_then(|shared| shared.marks.iter().find(free));
    if let Some(mark) = mark {
        mark.ends_at.store(guard::clock().saturating_add(MARK_LASTS), SeqCst);
    }
    Going(mark, database)
}

/// Whether somebody needs a database for himself.
pub fn is_going(database: u32) -> bool {
    let now = guard::clock();
    let marks = shared().map(|shared| &shared.marks[..]).unwrap_or_default();
    marks.iter().any(|mark| mark.database.load(SeqCst) == database && mark.ends_at.load(SeqCst) >= now)
}

/// Microseconds until the first mark ends by itself; `None` where there is none.
pub fn next_mark_ends() -> Option<i64> {
    let now = guard::clock();
    let marks = shared()?.marks.iter().filter(|mark| mark.database.load(SeqCst) != 0);
    marks.map(|mark| mark.ends_at.load(SeqCst) - now).filter(|rest| *rest >= 0).min()
}

impl Drop for Going {
    fn drop(&mut self) {
        if let Some(mark) = self.0 {
            // Another's, where ours has ended by itself.
            _ = mark.database.compare_exchange(self.1, 0, SeqCst, SeqCst);
            wake_launcher();
        }
    }
}

impl Shared {
    fn place(&self, database: u32) -> Option<&Place> {
        self.places.iter().find(|place| (place.cell.load(SeqCst) >> 32) as u32 == database)
    }

    fn take(&self, database: u32) -> bool {
        let wanted = packed(database, State::Wanted);
        let taken = self.places.iter().find(|p| p.cell.compare_exchange(0, wanted, SeqCst, SeqCst).is_ok());
        // Two sessions of one database may take two places: the launcher finds a gateway there, and frees the second.
        taken.inspect(|place| place.since.store(guard::clock(), SeqCst)).is_some()
    }
}

impl Place {
    /// Enters a state, unless the place went to another database.
    fn enter(&self, database: u32, next: State) -> bool {
        let cell = self.cell.load(SeqCst);
        let is_ours = (cell >> 32) as u32 == database;
        let entered = is_ours && self.cell.compare_exchange(cell, packed(database, next), SeqCst, SeqCst).is_ok();
        if entered {
            self.since.store(guard::clock(), SeqCst);
        }
        entered
    }
}

fn packed(database: u32, state: State) -> u64 {
    u64::from(database) << 32 | state as u64
}

fn state(cell: u64) -> Option<State> {
    use State::*;
    [Wanted, Starting, Running, NoWorkerSlot, Ended, OtherVersion, Template]
        .into_iter()
        .find(|s| *s as u32 == cell as u32)
}

/// Frees all places of a database but the first, which two sessions may have taken at once.
pub fn free_doubles(database: u32) {
    let places = shared().map(|shared| &shared.places[..]).unwrap_or_default();
    for place in places.iter().filter(|place| (place.cell.load(SeqCst) >> 32) as u32 == database).skip(1) {
        place.cell.store(0, SeqCst);
    }
}

fn wake_launcher() {
    if let Some(shared) = shared() {
        wake(shared.launcher.load(SeqCst));
    }
}

fn wake(pid: i32) {
    // SAFETY: plain calls; no process is found for 0. The process may have ended meanwhile; then its entry is free or
    // another's, and a latch that is set for nothing costs that one a turn of its loop.
    unsafe {
        let process = pg_sys::BackendPidGetProc(pid);
        if !process.is_null() {
            pg_sys::SetLatch(&raw mut (*process).procLatch);
        }
    }
}

fn here() -> u32 {
    // SAFETY: reads a global of the main thread.
    unsafe { pg_sys::MyDatabaseId }.to_u32()
}

fn shared() -> Option<&'static Shared> {
    // SAFETY: set once by the postmaster to memory that outlives every backend; all fields are atomic.
    unsafe { SHARED.load(SeqCst).as_ref() }
}

/// The table in shared memory: zero is one of free places without marks.
pub const PIECE: Piece = Piece { name: c"pg_categorize launch", bytes: size_of::<Shared>(), placed };

unsafe fn placed(place: *mut c_void, _is_new: bool) {
    SHARED.store(place.cast::<Shared>(), SeqCst);
}
