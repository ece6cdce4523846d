//! Statements on what answers have cost of late, and on how many are kept.

use super::run;

/// Rows of the ledger that are looked at, the newest.
const NEWEST: i64 = 2000;

/// What the newest answers of a tenant into a taxonomy have cost: nano-dollars of these models, and the inputs of the cheap ones
/// of them. `taxonomy` is `None` for ad-hoc labels.
pub fn newest_costs(tenant: &str, taxonomy: Option<i32>, cheap: &[String], all: &[String]) -> (i64, i64) {
    let sql = "SELECT coalesce(sum(l.amount_nanousd) FILTER (WHERE l.model = ANY ($4)), 0)::bigint,
                      coalesce(sum(l.inputs) FILTER (WHERE l.model = ANY ($3)), 0)::bigint
                 FROM categorize.ledger l
                WHERE l.id > (SELECT max(n.id) FROM categorize.ledger n) - $5 AND l.kind = 'settle' AND l.tenant = $1
                  AND l.taxonomy_id IS NOT DISTINCT FROM $2";
    let arguments = [tenant.into(), taxonomy.into(), cheap.to_vec().into(), all.to_vec().into(), NEWEST.into()];
    let row = |row: &run::Row| (row.get(1).unwrap_or(0), row.get(2).unwrap_or(0));
    run::read(sql, &arguments, row).pop().unwrap_or((0, 0))
}

/// Of about so many per cent of the pages of all stored answers, the same at each time: those that a tenant may be given in a
/// taxonomy, and all. `taxonomy` is `None` for ad-hoc labels, whichever they are; where answers `are_shared`, those of all
/// tenants count.
pub fn sampled_answers(tenant: &str, are_shared: bool, taxonomy: Option<i32>, per_cent: f32) -> (i64, i64) {
    let sql = "SELECT count(*) FILTER (WHERE c.taxonomy_id IS NOT DISTINCT FROM $3 AND (c.tenant = $1 OR $2)), count(*)
                 FROM categorize.cache c TABLESAMPLE system ($4) REPEATABLE (0)";
    let row = |row: &run::Row| (row.get(1).unwrap_or(0), row.get(2).unwrap_or(0));
    run::read(sql, &[tenant.into(), are_shared.into(), taxonomy.into(), per_cent.into()], row).pop().unwrap_or((0, 0))
}
