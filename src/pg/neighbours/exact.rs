//! When all vectors of a tenant are compared, and no index is asked.

use crate::pg::spi::{self, EmbeddingIndex};
use std::cell::RefCell;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Up to so many vectors of a tenant are all compared. Beyond them an HNSW index is faster, where there is one.
const EXACT: i64 = 2_000;

/// The same where texts are compared, which takes a hundred times as long.
const EXACT_TEXTS: i64 = 200;

/// Of a tenant with a smaller share of an index than one in so many, up to [`SMALL`] times as many are all compared: an index
/// would find those of others first, and go through as many of them for each of his.
const SHARE: i64 = 50;
const SMALL: i64 = 10;

/// Up to so many vectors of a tenant are all compared where an HNSW index gave up before it had found enough: some hundredths of
/// a second for each text.
const EXACT_AFTER_ALL: i64 = 50_000;

/// How long it is remembered whether a tenant has few vectors: on this nothing depends but speed.
const REMEMBERED_FOR: Duration = Duration::from_secs(60);

/// Tenants of which that is remembered.
const REMEMBERED: usize = 1024;

thread_local! {
    static FEW: RefCell<HashMap<(i32, u64), (Instant, bool)>> = RefCell::default();
}

/// Whether all vectors of a tenant are compared at once.
pub(super) fn compares_all(index: &EmbeddingIndex, tenant: &str, tenant_hash: u64) -> bool {
    if !index.has_hnsw {
        return true;
    }
    let key = (index.id, tenant_hash);
    let now = Instant::now();
    let known = FEW.with_borrow(|few| few.get(&key).filter(|(at, _)| now - *at < REMEMBERED_FOR).map(|(_, few)| *few));
    known.unwrap_or_else(|| {
        let least = if index.dimensions == 0 { EXACT_TEXTS } else { EXACT };
        let most = (index.rows / SHARE).clamp(least, least * SMALL);
        let few = spi::has_at_most(index, tenant, most);
        FEW.with_borrow_mut(|all| {
            if all.len() >= REMEMBERED {
                all.clear();
            }
            all.insert(key, (now, few));
        });
        few
    })
}

/// Whether they may all be compared after an index has found too little.
pub(super) fn may_compare_all(index: &EmbeddingIndex, tenant: &str) -> bool {
    spi::has_at_most(index, tenant, EXACT_AFTER_ALL)
}
