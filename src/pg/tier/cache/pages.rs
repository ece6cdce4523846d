//! The stored answers on pages of the table where others were found: what a statement asks for soon if it asks in about the order in
//! which they were stored.

use super::held::{self, ROWS_PER_LOOK_UP};
use crate::pg::scope::Scope;
use crate::pg::{bulk_read, catalog, guc};
use pg_categorize_core::exact::Known;
use pg_categorize_core::fingerprint::Fingerprint;
use pg_categorize_core::page_reads::PageReads;
use pg_categorize_core::recent_answers::RecentAnswers;
use pgrx::pg_sys;

/// Bytes of answers that are kept at most: some 77,000, many times those that are learnt at once, which are stored in an order of their
/// own. Most of it stays in the processor's cache.
const BYTES: usize = 2 << 20;

/// The pages that were read last.
pub(super) struct Pages {
    answers: RecentAnswers,
    reads: PageReads,
}

impl Pages {
    pub(super) fn new() -> Self {
        let answers = RecentAnswers::new(BYTES.min(guc::work_memory()));
        Self { answers, reads: PageReads::new(ROWS_PER_LOOK_UP) }
    }

    /// What the pages say of a fingerprint.
    pub(super) fn tell(&mut self, fingerprint: &Fingerprint) -> Option<Known> {
        let known = self.answers.get(fingerprint)?;
        if matches!(known, Known::Answer(_)) {
            self.reads.spare();
        }
        Some(known)
    }

    /// An answer that could be kept here was looked up, and found on this page.
    pub(super) fn found(&mut self, page: pg_sys::BlockNumber, scope: &Scope) {
        if !self.reads.look_up() || !held::may_hold(scope) {
            return;
        }
        let mut rows = 0;
        bulk_read::each_row_on(catalog::tables().cache, page, |row| {
            rows += 1;
            if let Some((fingerprint, known)) = held::known(row, scope) {
                self.answers.add(&fingerprint, known);
            }
        });
        self.reads.read(rows);
    }
}
