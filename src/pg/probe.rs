//! Looking fingerprints up through an index of a table, with an index scan that stays open for the statement.
//!
//! Opening a scan costs more than using it. The scan, its relations and its buffer pins belong to the transaction's
//! resource owner, whatever subtransaction or portal is current when the function is called. It is closed when a
//! statement ends (`statement_end`), at the latest before commit; at an abort, Postgres has taken everything back and
//! the handle turns void.

use crate::pg::{compat, unguarded};
use pg_categorize_core::fingerprint::Fingerprint;
use pgrx::itemptr::item_pointer_get_block_number_no_check;
use pgrx::pg_sys;
use pgrx::prelude::*;
use pgrx::{FromDatum, PgMemoryContexts};
use std::cell::{Cell, RefCell};

/// What is open of a scan; null is not.
struct Scan {
    heap: pg_sys::Relation,
    index: pg_sys::Relation,
    descriptor: pg_sys::IndexScanDesc,
    slot: *mut pg_sys::TupleTableSlot,
}

impl Default for Scan {
    fn default() -> Self {
        use std::ptr::null_mut;
        Self { heap: null_mut(), index: null_mut(), descriptor: null_mut(), slot: null_mut() }
    }
}

thread_local! {
    /// Open scans of this transaction. Their serial numbers are never used twice, so a stale handle finds nothing.
    static OPEN: RefCell<Vec<(u64, Scan)>> = const { RefCell::new(Vec::new()) };
    static ORPHANS: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
    static SERIAL: Cell<u64> = const { Cell::new(0) };
}

/// A bytea of 32 bytes as the index compares it: 36 bytes, header included.
#[repr(C)]
struct Key {
    header: u32,
    bytes: [u8; 32],
}

/// A look-up by fingerprint, its first column, in one table.
pub struct Probe {
    table: pg_sys::Oid,
    index: pg_sys::Oid,
    strategy: u16,
    serial: u64,
    key: Box<Key>,
}

/// The row that was found; its values live until the next look-up.
pub struct Found {
    pub(super) slot: *mut pg_sys::TupleTableSlot,
}

impl Found {
    /// Column `number`, from 1.
    pub fn get<T: FromDatum>(&self, number: i32) -> Option<T> {
        // SAFETY: it is the datum of this column.
        self.datum(number).and_then(|datum| unsafe { T::from_datum(datum, false) })
    }

    /// The page of the table on which it is.
    pub fn page(&self) -> pg_sys::BlockNumber {
        // SAFETY: the slot holds a row of a table.
        unsafe { item_pointer_get_block_number_no_check((*self.slot).tts_tid) }
    }

    /// Column `number`, from 1, of type bytea or text.
    pub fn bytes(&self, number: i32) -> Option<&[u8]> {
        let datum = self.datum(number)?;
        // SAFETY: a column of these types is a varlena, and lives as long as the row.
        unsafe { unguarded::plain_bytes(datum.cast_mut_ptr()).or_else(|| <&[u8]>::from_datum(datum, false)) }
    }

    fn datum(&self, number: i32) -> Option<pg_sys::Datum> {
        // SAFETY: the slot holds the tuple that was just fetched, and `number` is a column of it.
        unsafe {
            unguarded::take_apart(self.slot, number);
            let at = number as usize - 1;
            (!*(*self.slot).tts_isnull.add(at)).then(|| *(*self.slot).tts_values.add(at))
        }
    }
}

/// Registers the callback; called once, when the library is loaded.
pub fn init() {
    // SAFETY: registered once a process; the function is guarded.
    unsafe { pg_sys::RegisterXactCallback(Some(transaction_event), std::ptr::null_mut()) };
}

impl Probe {
    /// Prepares look-ups through a btree index; nothing is opened yet.
    pub fn btree(table: pg_sys::Oid, index: pg_sys::Oid) -> Self {
        Self::new(table, index, pg_sys::BTEqualStrategyNumber as u16)
    }

    /// Prepares look-ups through a hash index.
    pub fn hash(table: pg_sys::Oid, index: pg_sys::Oid) -> Self {
        Self::new(table, index, pg_sys::HTEqualStrategyNumber as u16)
    }

    fn new(table: pg_sys::Oid, index: pg_sys::Oid, strategy: u16) -> Self {
        Self { table, index, strategy, serial: 0, key: Box::new(Key { header: 0, bytes: [0; 32] }) }
    }

    /// Reads the row of a fingerprint that the active snapshot sees.
    pub fn find<T>(&mut self, fingerprint: &Fingerprint, read: impl FnOnce(&Found) -> T) -> Option<T> {
        let (descriptor, slot) = self.scan();
        self.key.bytes = fingerprint.0;
        let strategy = self.strategy;
        // SAFETY: descriptor and slot are open (`scan`), the key outlives the scan's use of it, and an active snapshot
        // exists while a function runs. The scan keeps what it allocates in the transaction's context.
        unsafe {
            let key: *mut Key = &mut *self.key;
            pgrx::set_varsize_4b(key.cast(), size_of::<Key>() as i32);
            (*descriptor).xs_snapshot = unguarded::active_snapshot();
            let found = in_transaction(|| {
                let mut scan_key = pg_sys::ScanKeyData::default();
                pg_sys::ScanKeyInit(
                    &mut scan_key,
                    1,
                    strategy,
                    pg_sys::Oid::from(pg_sys::F_BYTEAEQ),
                    pg_sys::Datum::from(key),
                );
                pg_sys::index_rescan(descriptor, &mut scan_key, 1, std::ptr::null_mut(), 0);
                // A hash index knows hashes only: its rows are compared with the key.
                while pg_sys::index_getnext_slot(descriptor, pg_sys::ScanDirection::ForwardScanDirection, slot) {
                    let found = Found { slot };
                    let stored = (*descriptor).xs_recheck.then(|| found.bytes(1)).flatten();
                    if !(*descriptor).xs_recheck || stored == Some(&fingerprint.0[..]) {
                        return true;
                    }
                }
                false
            });
            found.then(|| read(&Found { slot }))
        }
    }

    fn scan(&mut self) -> (pg_sys::IndexScanDesc, *mut pg_sys::TupleTableSlot) {
        // One whose opening failed halfway has no slot yet: it waits to be closed.
        let whole = |(serial, scan): &&(u64, Scan)| *serial == self.serial && !scan.slot.is_null();
        let known = OPEN.with_borrow(|open| open.iter().find(whole).map(|(_, scan)| (scan.descriptor, scan.slot)));
        known.unwrap_or_else(|| self.open())
    }

    fn open(&mut self) -> (pg_sys::IndexScanDesc, *mut pg_sys::TupleTableSlot) {
        close_orphans();
        self.serial = SERIAL.get() + 1;
        SERIAL.set(self.serial);
        OPEN.with_borrow_mut(|open| open.push((self.serial, Scan::default())));
        // Kept step by step: an error in one of them leaves the earlier ones to be closed with the rest.
        let keep = |step: &dyn Fn(&mut Scan)| {
            OPEN.with_borrow_mut(|open| step(&mut open.last_mut().expect("pushed just now").1));
        };
        // SAFETY: the relations exist (the caller looked them up in this statement) and are locked until commit.
        unsafe {
            in_transaction(|| {
                let lock = pg_sys::AccessShareLock as i32;
                let heap = pg_sys::table_open(self.table, lock);
                keep(&|scan| scan.heap = heap);
                let index = pg_sys::index_open(self.index, lock);
                keep(&|scan| scan.index = index);
                let descriptor = compat::index_beginscan(heap, index, pg_sys::GetActiveSnapshot(), 1);
                keep(&|scan| scan.descriptor = descriptor);
                let slot = pg_sys::table_slot_create(heap, std::ptr::null_mut());
                keep(&|scan| scan.slot = slot);
                (descriptor, slot)
            })
        }
    }
}

impl Drop for Probe {
    /// Runs when the call site's memory goes: at the end of a statement, while an error unwinds, or inside an abort.
    /// Postgres is not called here; the scan is closed with the next statement, or at the latest before commit.
    fn drop(&mut self) {
        ORPHANS.with_borrow_mut(|orphans| orphans.push(self.serial));
    }
}

/// Closes what call sites that are gone have left behind.
fn close_orphans() {
    for serial in ORPHANS.with_borrow_mut(std::mem::take) {
        close(serial);
    }
}

/// Closes every scan; call sites open theirs again when they need them.
pub fn close_all() {
    // SAFETY: a plain call. Outside a running transaction nothing is open, or the abort gives it back.
    if unsafe { pg_sys::IsTransactionState() } {
        ORPHANS.with_borrow_mut(Vec::clear);
        let serials: Vec<u64> = OPEN.with_borrow(|open| open.iter().map(|(serial, _)| *serial).collect());
        serials.into_iter().for_each(close);
    }
}

fn close(serial: u64) {
    let scan = OPEN.with_borrow_mut(|open| {
        let at = open.iter().position(|(s, _)| *s == serial)?;
        Some(open.swap_remove(at).1)
    });
    let Some(scan) = scan else { return };
    // SAFETY: the scan was opened by `open` in this transaction and is closed once. Locks stay until commit, as usual.
    unsafe {
        in_transaction(|| {
            if !scan.slot.is_null() {
                pg_sys::ExecDropSingleTupleTableSlot(scan.slot);
            }
            if !scan.descriptor.is_null() {
                pg_sys::index_endscan(scan.descriptor);
            }
            if !scan.index.is_null() {
                pg_sys::index_close(scan.index, pg_sys::NoLock as i32);
            }
            if !scan.heap.is_null() {
                pg_sys::table_close(scan.heap, pg_sys::NoLock as i32);
            }
        });
    }
}

/// Runs `work` with the transaction's resource owner and memory.
///
/// # Safety
/// Inside a transaction, on the main thread.
unsafe fn in_transaction<T>(work: impl FnOnce() -> T) -> T {
    struct Restore(pg_sys::ResourceOwner);
    impl Drop for Restore {
        fn drop(&mut self) {
            // SAFETY: puts back what was current; also when an error unwinds.
            unsafe { pg_sys::CurrentResourceOwner = self.0 };
        }
    }
    // SAFETY: reads and sets globals of the main thread.
    unsafe {
        let _restore = Restore(pg_sys::CurrentResourceOwner);
        pg_sys::CurrentResourceOwner = pg_sys::TopTransactionResourceOwner;
        PgMemoryContexts::TopTransactionContext.switch_to(|_| work())
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn transaction_event(event: pg_sys::XactEvent::Type, _argument: *mut std::ffi::c_void) {
    use pg_sys::XactEvent::*;
    match event {
        XACT_EVENT_PRE_COMMIT | XACT_EVENT_PARALLEL_PRE_COMMIT | XACT_EVENT_PRE_PREPARE => {
            close_all();
        }
        // The resource owner gives everything back by itself.
        XACT_EVENT_ABORT | XACT_EVENT_PARALLEL_ABORT => OPEN.with_borrow_mut(Vec::clear),
        _ => {}
    }
    ORPHANS.with_borrow_mut(Vec::clear);
}
