//! Statements on what answers have cost of late.

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
