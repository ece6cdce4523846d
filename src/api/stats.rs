//! Counters.

use crate::pg::{guc, spi, stats, world};
use pgrx::prelude::*;

/// What was counted for the session's tenant: the rows behind the views `stats` and `tier_stats`. No rows, and a NOTICE,
/// where the library is not preloaded.
#[pg_extern(schema = "categorize", volatile, parallel_restricted)]
#[allow(clippy::type_complexity, reason = "the columns of a table")]
fn counters() -> TableIterator<
    'static,
    (
        name!(taxonomy, Option<String>),
        name!(tier, String),
        name!(answers, i64),
        name!(unsure, i64),
        name!(confidence, f64),
        name!(stats_since, Option<TimestampWithTimeZone>),
    ),
> {
    let Some(counts) = stats::read(&guc::tenant()) else {
        notice!("nothing is counted: pg_categorize is not in shared_preload_libraries");
        return TableIterator::new(Vec::new());
    };
    let names = world::as_owner(spi::taxonomy_ids);
    let rows: Vec<_> = counts
        .into_iter()
        .filter(|c| c.taxonomy == 0 || names.iter().any(|(id, _)| *id == c.taxonomy))
        .map(|c| {
            let name = names.iter().find(|(id, _)| *id == c.taxonomy).map(|(_, name)| name.clone());
            let tier = c.tier.map_or("unresolved", |t| t.as_str()).to_owned();
            let since = TimestampWithTimeZone::try_from(c.since).ok();
            (name, tier, c.answers as i64, c.unsure as i64, c.confidence, since)
        })
        .collect();
    TableIterator::new(rows)
}

/// Begins to count anew, for all tenants of this database.
#[pg_extern(schema = "categorize")]
fn stats_reset() {
    stats::reset();
}
