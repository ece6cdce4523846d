//! Reading many rows of a table at once: all of them, those of one taxonomy and tenant, or those of one page; and about how many there
//! are.
//!
//! Nothing stays open: what an error leaves behind belongs to the resource owner of whoever called, who gives it back.

use crate::pg::probe::Found;
use crate::pg::{compat, guard};
use pgrx::itemptr::item_pointer_set_all;
use pgrx::pg_sys;
use pgrx::prelude::*;

/// Rows that are visited between two looks for a cancel.
const PORTION: u32 = 1024;

/// Shows every row of a table that the active snapshot sees, until `visit` says that it has seen enough.
pub fn each_row(table: pg_sys::Oid, mut visit: impl FnMut(&Found) -> bool) {
    // SAFETY: the table exists (the caller looked it up in this statement) and is locked until commit; an active snapshot
    // exists while a function or a plan runs.
    unsafe {
        let heap = pg_sys::table_open(table, pg_sys::AccessShareLock as i32);
        let slot = pg_sys::table_slot_create(heap, std::ptr::null_mut());
        let scan = pg_sys::table_beginscan(heap, pg_sys::GetActiveSnapshot(), 0, std::ptr::null_mut());
        let next = || pg_sys::table_scan_getnextslot(scan, pg_sys::ScanDirection::ForwardScanDirection, slot);
        visit_all(slot, next, &mut visit);
        pg_sys::table_endscan(scan);
        pg_sys::ExecDropSingleTupleTableSlot(slot);
        pg_sys::table_close(heap, pg_sys::NoLock as i32);
    }
}

/// Shows every row of one page of a table that the active snapshot sees.
pub fn each_row_on(table: pg_sys::Oid, page: pg_sys::BlockNumber, mut visit: impl FnMut(&Found)) {
    let place = |offset| {
        let mut place = pg_sys::ItemPointerData::default();
        item_pointer_set_all(&mut place, page, offset);
        place
    };
    let (mut first, mut last) = (place(pg_sys::FirstOffsetNumber), place(u16::MAX));
    // SAFETY: calls as the executor makes them for such a scan, under the active snapshot; the places outlive the scan, and what is
    // open at an error belongs to the caller's resource owner.
    unsafe {
        let heap = pg_sys::table_open(table, pg_sys::AccessShareLock as i32);
        // Others may keep their rows in another way.
        if (*(*heap).rd_tableam).scan_getnextslot_tidrange.is_some() {
            let slot = pg_sys::table_slot_create(heap, std::ptr::null_mut());
            let scan = pg_sys::table_beginscan_tidrange(heap, pg_sys::GetActiveSnapshot(), &mut first, &mut last);
            let forward = pg_sys::ScanDirection::ForwardScanDirection;
            let next = || pg_sys::table_scan_getnextslot_tidrange(scan, forward, slot);
            visit_all(slot, next, &mut |row| {
                visit(row);
                true
            });
            pg_sys::table_endscan(scan);
            pg_sys::ExecDropSingleTupleTableSlot(slot);
        }
        pg_sys::table_close(heap, pg_sys::NoLock as i32);
    }
}

/// Shows rows of a table that the scan's snapshot sees, of which each goes to one of those who take part in the scan, until `visit` says
/// that it has seen enough, or there are no more; whether that is so.
///
/// # Safety
/// The scan was made for this table, in memory that all who take part see.
pub unsafe fn each_row_together(
    table: pg_sys::Oid,
    scan: pg_sys::ParallelTableScanDesc,
    mut visit: impl FnMut(&Found) -> bool,
) -> bool {
    // SAFETY: as above, and promised by the caller.
    unsafe {
        let heap = pg_sys::table_open(table, pg_sys::AccessShareLock as i32);
        let slot = pg_sys::table_slot_create(heap, std::ptr::null_mut());
        let scan = pg_sys::table_beginscan_parallel(heap, scan);
        let next = || pg_sys::table_scan_getnextslot(scan, pg_sys::ScanDirection::ForwardScanDirection, slot);
        let is_all = visit_all(slot, next, &mut visit);
        pg_sys::table_endscan(scan);
        pg_sys::ExecDropSingleTupleTableSlot(slot);
        pg_sys::table_close(heap, pg_sys::NoLock as i32);
        is_all
    }
}

/// Shows the rows of a taxonomy and a tenant that the active snapshot sees and the index holds, whose first columns these two are,
/// until `visit` says that it has seen enough. Whether the index could be used.
pub fn each_row_of(
    (table, index): (pg_sys::Oid, pg_sys::Oid),
    (taxonomy, tenant): (i32, &str),
    mut visit: impl FnMut(&Found) -> bool,
) -> bool {
    // SAFETY: as above; the keys outlive the scan, and are compared as the index's columns are.
    unsafe {
        let lock = pg_sys::AccessShareLock as i32;
        let heap = pg_sys::table_open(table, lock);
        let index = pg_sys::index_open(index, lock);
        // As the planner asks, too: one that is being built, or that older snapshots may not use, is let be.
        let form = &*(*index).rd_index;
        let serves = form.indisvalid && !form.indcheckxmin;
        if serves {
            let tenant = pg_sys::cstring_to_text_with_len(tenant.as_ptr().cast(), tenant.len() as i32);
            let equals =
                [(pg_sys::F_INT4EQ, pg_sys::Datum::from(taxonomy)), (pg_sys::F_TEXTEQ, pg_sys::Datum::from(tenant))];
            let mut keys = [pg_sys::ScanKeyData::default(); 2];
            for (at, (function, value)) in equals.into_iter().enumerate() {
                pg_sys::ScanKeyEntryInitialize(
                    &mut keys[at],
                    0,
                    at as i16 + 1,
                    pg_sys::BTEqualStrategyNumber as u16,
                    pg_sys::InvalidOid,
                    *(*index).rd_indcollation.add(at),
                    pg_sys::Oid::from(function),
                    value,
                );
            }
            let slot = pg_sys::table_slot_create(heap, std::ptr::null_mut());
            let scan = compat::index_beginscan(heap, index, pg_sys::GetActiveSnapshot(), keys.len() as i32);
            pg_sys::index_rescan(scan, keys.as_mut_ptr(), keys.len() as i32, std::ptr::null_mut(), 0);
            // A btree index has nothing to be checked again.
            let next = || pg_sys::index_getnext_slot(scan, pg_sys::ScanDirection::ForwardScanDirection, slot);
            visit_all(slot, next, &mut visit);
            pg_sys::index_endscan(scan);
            pg_sys::ExecDropSingleTupleTableSlot(slot);
            pg_sys::pfree(tenant.cast());
        }
        pg_sys::index_close(index, pg_sys::NoLock as i32);
        pg_sys::table_close(heap, pg_sys::NoLock as i32);
        serves
    }
}

/// Shows rows until there are no more, or enough were seen; whether there are no more.
fn visit_all(
    slot: *mut pg_sys::TupleTableSlot,
    mut next: impl FnMut() -> bool,
    visit: &mut impl FnMut(&Found) -> bool,
) -> bool {
    let mut count = 0_u32;
    while next() {
        count = count.wrapping_add(1);
        if count.is_multiple_of(PORTION) {
            guard::check_for_interrupts();
        }
        if !visit(&Found { slot }) {
            return false;
        }
    }
    true
}

/// About how many rows a table has, as the last VACUUM or ANALYZE left it told, or by its size.
pub fn about_how_many_rows(table: pg_sys::Oid) -> usize {
    /// Bytes that a row is taken to have where nothing is told.
    const ROW: u64 = 160;
    // SAFETY: as above.
    unsafe {
        let heap = pg_sys::table_open(table, pg_sys::AccessShareLock as i32);
        let blocks = pg_sys::RelationGetNumberOfBlocksInFork(heap, pg_sys::ForkNumber::MAIN_FORKNUM);
        let told = (*(*heap).rd_rel).reltuples;
        pg_sys::table_close(heap, pg_sys::NoLock as i32);
        (told.max(0.0) as usize).max((u64::from(blocks) * u64::from(pg_sys::BLCKSZ) / ROW / 2) as usize)
    }
}

/// Which share of a table's rows has this value in a column of type integer, if ANALYZE has found that value among the common ones.
pub fn common_share(table: pg_sys::Oid, column: i32, value: i32) -> Option<f64> {
    // SAFETY: look-ups in the system cache inside a transaction; what is found is given back, and the column is of type integer.
    unsafe {
        let row = pg_sys::SearchSysCache3(
            pg_sys::SysCacheIdentifier::STATRELATTINH as i32,
            pg_sys::Datum::from(table),
            pg_sys::Datum::from(column as i16),
            pg_sys::Datum::from(false),
        );
        if row.is_null() {
            return None;
        }
        let mut slot = pg_sys::AttStatsSlot::default();
        let flags = pg_sys::ATTSTATSSLOT_VALUES | pg_sys::ATTSTATSSLOT_NUMBERS;
        let kind = pg_sys::STATISTIC_KIND_MCV as i32;
        let mut share = None;
        if pg_sys::get_attstatsslot(&mut slot, row, kind, pg_sys::InvalidOid, flags as i32) {
            let common = 0..slot.nvalues.min(slot.nnumbers) as usize;
            let is_it = |at: &usize| i32::from_datum(*slot.values.add(*at), false) == Some(value);
            share = common.clone().find(is_it).map(|at| f64::from(*slot.numbers.add(at)));
            pg_sys::free_attstatsslot(&mut slot);
        }
        pg_sys::ReleaseSysCache(row);
        share
    }
}
