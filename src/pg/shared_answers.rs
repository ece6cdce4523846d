//! Stored answers that the processes of a parallel plan read together: each takes parts of the table, all ask the same memory. A plan
//! node asks for that memory before its workers start, and shows them where it is.
//!
//! Nobody waits for a process that has not begun: who begins finds parts that nobody took, or none, and only what was taken is
//! waited for. An error in one process ends the statement in all.

use crate::pg::probe::Found;
use crate::pg::{bulk_read, catalog, compat, guard, guc, wait};
use pg_categorize_core::exact::Known;
use pg_categorize_core::fingerprint::Fingerprint;
use pg_categorize_core::shared_exact::SharedExact;
use pgrx::pg_sys;
use std::cell::Cell;
use std::ffi::c_void;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What stands at the beginning of the memory. Behind it are the description of the scan, and the words of the table.
#[repr(C)]
struct Header {
    /// Bytes from here to the words; 0 where there is no table.
    words_at: usize,
    answers: usize,
    processes: usize,
    /// Of whom the answers are: the id of a taxonomy and 1, or 0 as long as nobody has begun.
    taxonomy: AtomicU64,
    /// Processes that are reading.
    reading: AtomicU64,
    state: AtomicU64,
    /// What the snapshot of the statement sees.
    view: [u32; 3],
}

const OPEN: u64 = 0;
const READ: u64 = 1;
/// It does not fit.
const FAILED: u64 = 2;

/// What is planned: how much memory, and for what.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    answers: usize,
    processes: usize,
    scan: usize,
}

/// Answers of the whole table in memory that processes share, until the node has to leave it.
pub struct SharedAnswers {
    header: Cell<*mut Header>,
}

/// Memory that is addressed as Postgres aligns it.
const fn aligned(bytes: usize) -> usize {
    bytes.next_multiple_of(pg_sys::MAXIMUM_ALIGNOF as usize)
}

impl Plan {
    /// What a statement with this snapshot should share among so many processes; nothing where the answers do not fit.
    ///
    /// # Safety
    /// The snapshot is that of a statement which runs, and may be given to workers.
    pub unsafe fn new(snapshot: pg_sys::Snapshot, processes: usize) -> Self {
        let nothing = Self { answers: 0, processes: 0, scan: 0 };
        let Some(table) = catalog::cache_table().filter(|_| guc::prefetch() && !guard::is_serializable()) else {
            return nothing;
        };
        // What VACUUM told may be old.
        let answers = bulk_read::about_how_many_rows(table) / 4 * 5 + 4096;
        let words = SharedExact::words_for(answers) * size_of::<u64>();
        if words > guc::hash_memory() {
            return nothing;
        }
        // SAFETY: promised by the caller; the table exists.
        let scan = unsafe { with_table(table, |heap| pg_sys::table_parallelscan_estimate(heap, snapshot)) };
        Self { answers, processes, scan }
    }

    /// Nothing to share.
    pub const NOTHING: Self = Self { answers: 0, processes: 0, scan: 0 };

    fn words_at(&self) -> usize {
        aligned(size_of::<Header>()) + aligned(self.scan)
    }

    /// Bytes that have to be there.
    pub fn bytes(&self) -> usize {
        match self.processes {
            0 => size_of::<Header>(),
            _ => self.words_at() + SharedExact::words_for(self.answers) * size_of::<u64>(),
        }
    }

    /// Makes the memory ready, before anybody else sees it.
    ///
    /// # Safety
    /// `at` are [`Self::bytes`] bytes, aligned as Postgres aligns; the snapshot is that for which this was planned.
    pub unsafe fn place(&self, at: *mut c_void, snapshot: pg_sys::Snapshot) {
        // SAFETY: promised by the caller.
        unsafe {
            let header = at.cast::<Header>();
            let mut new = Header {
                words_at: 0,
                answers: self.answers,
                processes: self.processes,
                taxonomy: AtomicU64::new(0),
                reading: AtomicU64::new(0),
                state: AtomicU64::new(OPEN),
                view: view(snapshot),
            };
            if let (true, Some(table)) = (self.processes > 0, catalog::cache_table()) {
                new.words_at = self.words_at();
                let scan = scan_of(header);
                with_table(table, |heap| pg_sys::table_parallelscan_initialize(heap, scan, snapshot));
            }
            header.write(new);
            if let Some(words) = words(header) {
                words.clear();
            }
        }
    }
}

impl SharedAnswers {
    /// The memory that [`Plan::place`] has made ready, in this or another process.
    ///
    /// # Safety
    /// It stays until [`Self::leave`].
    pub unsafe fn at(place: *mut c_void) -> Rc<Self> {
        Rc::new(Self { header: Cell::new(place.cast()) })
    }

    /// The memory goes: nothing is known any more.
    pub fn leave(&self) {
        self.header.set(std::ptr::null_mut());
    }

    fn header(&self) -> Option<&Header> {
        // SAFETY: the memory stays until `leave`, and all that is written in it after `place` are atomics.
        unsafe { self.header.get().as_ref() }.filter(|header| header.words_at > 0)
    }

    fn table(&self) -> Option<SharedExact<'_>> {
        self.header()?;
        // SAFETY: as above.
        unsafe { words(self.header.get()) }
    }

    /// How many processes read.
    pub fn processes(&self) -> usize {
        self.header().map_or(1, |header| header.processes.max(1))
    }

    /// Reads the answers of a taxonomy together with whoever else does: `known` tells what a row says. Whether they can be asked then:
    /// not where others read those of another taxonomy, where there are too many, or where this is not the statement's own view.
    ///
    /// # Errors
    /// 57014 from cancel.
    pub fn read(&self, taxonomy: i32, mut known: impl FnMut(&Found) -> Option<(Fingerprint, Known)>) -> bool {
        let (Some(header), Some(table)) = (self.header(), self.table()) else { return false };
        let name = u64::from(taxonomy as u32) + 1;
        let owner =
            header.taxonomy.compare_exchange(0, name, Ordering::Relaxed, Ordering::Relaxed).unwrap_or_else(|it| it);
        // SAFETY: a statement has an active snapshot while it runs.
        let here = unsafe { view(pg_sys::GetActiveSnapshot()) };
        if (owner != 0 && owner != name) || header.view != here {
            return false;
        }
        if header.state.load(Ordering::Acquire) == OPEN {
            header.reading.fetch_add(1, Ordering::AcqRel);
            // SAFETY: the description of the scan was made for this table, and is in the same memory.
            let is_whole = unsafe {
                let scan = scan_of(self.header.get());
                bulk_read::each_row_together(catalog::tables().cache, scan, |row| {
                    known(row).is_none_or(|(fingerprint, known)| table.add(&fingerprint, known))
                })
            };
            if !is_whole {
                header.state.store(FAILED, Ordering::Release);
            }
            header.reading.fetch_sub(1, Ordering::AcqRel);
            // All parts are taken; those that others took are not all read.
            while header.reading.load(Ordering::Acquire) > 0 && header.state.load(Ordering::Acquire) == OPEN {
                wait::nap(Duration::from_millis(1));
            }
            _ = header.state.compare_exchange(OPEN, READ, Ordering::AcqRel, Ordering::Acquire);
        }
        header.state.load(Ordering::Acquire) == READ
    }

    /// What is known of a fingerprint, once [`Self::read`] has said that it can be asked; `None` once the memory is gone.
    pub fn tell(&self) -> Option<impl Fn(&Fingerprint) -> Known> {
        let table = self.table()?;
        Some(move |fingerprint: &Fingerprint| table.get(fingerprint).unwrap_or(Known::Nothing))
    }
}

/// The description of the scan.
///
/// # Safety
/// The header is the beginning of memory that was planned for a table.
unsafe fn scan_of(header: *mut Header) -> pg_sys::ParallelTableScanDesc {
    // SAFETY: promised by the caller.
    unsafe { header.byte_add(aligned(size_of::<Header>())).cast() }
}

/// The table behind a header, where there is one.
///
/// # Safety
/// The header was written, and its memory stays as long as what is returned is used.
unsafe fn words<'a>(header: *mut Header) -> Option<SharedExact<'a>> {
    // SAFETY: promised by the caller; the words were planned with the same number, and are used as atomics only.
    unsafe {
        let Header { words_at, answers, .. } = *header;
        if words_at == 0 {
            return None;
        }
        let first = header.byte_add(words_at).cast::<AtomicU64>();
        Some(SharedExact::over(std::slice::from_raw_parts(first, SharedExact::words_for(answers))))
    }
}

/// What a snapshot sees, as far as it differs between the commands of a transaction.
///
/// # Safety
/// The snapshot is valid.
unsafe fn view(snapshot: pg_sys::Snapshot) -> [u32; 3] {
    // SAFETY: promised by the caller.
    unsafe { [compat::xid((*snapshot).xmin), compat::xid((*snapshot).xmax), (*snapshot).curcid] }
}

/// # Safety
/// The table exists.
unsafe fn with_table<T>(table: pg_sys::Oid, work: impl FnOnce(pg_sys::Relation) -> T) -> T {
    // SAFETY: promised by the caller; what an error leaves open belongs to the resource owner.
    unsafe {
        let heap = pg_sys::table_open(table, pg_sys::AccessShareLock as i32);
        let done = work(heap);
        pg_sys::table_close(heap, pg_sys::NoLock as i32);
        done
    }
}
