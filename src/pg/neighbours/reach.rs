//! For which tenants an HNSW index finds enough at once.
//!
//! It finds the nearest of all tenants, of which those of others are left out. To most it brings enough, and going on behind them
//! would cost a quarter of the time, if only for what has to be kept for it; who has a small share of an index is searched for
//! twice, until that is seen. What is found is the same: on this nothing depends but speed.

use crate::pg::scope::Scope;
use crate::pg::spi::EmbeddingIndex;
use std::cell::RefCell;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How long it is remembered that it did not.
const REMEMBERED_FOR: Duration = Duration::from_secs(60);

/// Tenants of which that is remembered.
const REMEMBERED: usize = 1024;

thread_local! {
    static TOO_LITTLE: RefCell<HashMap<(i32, u64), Instant>> = RefCell::default();
}

/// Whether an index may find enough for a tenant at once.
pub(super) fn may_do_at_once(index: &EmbeddingIndex, scope: &Scope) -> bool {
    let since = TOO_LITTLE.with_borrow(|all| all.get(&(index.id, scope.tenant_hash)).copied());
    since.is_none_or(|since| since.elapsed() >= REMEMBERED_FOR)
}

/// Remembers that it did not, for most of the texts that were asked about.
pub(super) fn note_too_little(index: &EmbeddingIndex, scope: &Scope) {
    TOO_LITTLE.with_borrow_mut(|all| {
        if all.len() >= REMEMBERED {
            all.clear();
        }
        all.insert((index.id, scope.tenant_hash), Instant::now());
    });
}
