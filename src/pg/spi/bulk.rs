//! Statements on `categorize.bulk_run` and `categorize.bulk_claim`.

use super::run;
use pg_categorize_core::bulk::Survey;
use pg_categorize_core::money::Money;
use pgrx::JsonB;
use pgrx::datum::Interval;
use pgrx::pg_sys;

/// A claim whose holder is somebody else, and still in the statement that took it. Who may not look at other sessions sees of them
/// only that they are there.
const IS_HELD: &str = "c.expires_at > pg_catalog.clock_timestamp() AND c.pid <> pg_catalog.pg_backend_pid()
    AND EXISTS (SELECT FROM pg_catalog.pg_stat_get_activity(c.pid) a
                 WHERE (a.backend_start IS NULL OR a.backend_start <= c.claimed_at)
                   AND (a.query_start IS NULL OR a.query_start <= c.claimed_at)
                   AND (a.state IS NULL OR a.state NOT LIKE 'idle%'))";

/// A run to be stored.
pub struct NewBulkRun<'a> {
    /// Who runs it.
    pub role: &'a str,
    /// For whom.
    pub tenant: &'a str,
    /// The table.
    pub relation: pg_sys::Oid,
    /// Columns of the input.
    pub input_columns: &'a str,
    /// The column to be filled.
    pub output_column: &'a str,
    /// Name of the taxonomy.
    pub taxonomy: &'a str,
    /// Which rows.
    pub condition: Option<&'a str>,
    /// Whether rows that have a value are done, too.
    pub overwrite: bool,
    /// Whether it ends with what it finds.
    pub dry_run: bool,
    /// The most that it may spend.
    pub limit: Option<Money>,
}

/// A run as it stands.
pub struct BulkRun {
    /// Its number.
    pub id: i64,
    /// Whether it has ended.
    pub ended: bool,
    /// Whether its rows were counted.
    pub planned: bool,
    /// Whether all its rows were given out.
    pub swept: bool,
    /// The last key that was given out.
    pub position: Option<JsonB>,
    /// The most that it may spend.
    pub limit: Option<Money>,
    /// Name of the taxonomy.
    pub taxonomy: String,
}

/// What a session works at.
pub struct BulkClaim {
    /// Its number.
    pub id: i64,
    /// Whether it is about the run as a whole.
    pub planning: bool,
    /// The key before the first.
    pub from_key: Option<JsonB>,
    /// The last key.
    pub to_key: Option<JsonB>,
}

/// What a run has spent.
pub struct Spending {
    /// Settled, reserved, and set aside by other claims.
    pub spent: Money,
    /// Whether other claims have set some of it aside.
    pub set_aside: bool,
    /// Whether some of it is reserved for requests that have not ended.
    pub under_way: bool,
    /// The highest worst case of one input.
    pub dearest: Option<Money>,
}

/// Forgets runs that ended long ago.
pub fn prune_bulk_runs() {
    run::write(
        "DELETE FROM categorize.bulk_run WHERE ended_at < pg_catalog.clock_timestamp() - interval '90 days'",
        &[],
    );
}

fn identity<'a>(new: &NewBulkRun<'a>) -> Vec<run::Arg> {
    vec![
        new.role.into(),
        new.tenant.into(),
        new.relation.into(),
        new.input_columns.into(),
        new.output_column.into(),
        new.taxonomy.into(),
        new.condition.into(),
        new.overwrite.into(),
        new.limit.map(|limit| limit.0).into(),
    ]
}

/// Stores a run, unless there is one like it that has not ended. A dry run stands beside all others.
pub fn insert_bulk_run(new: &NewBulkRun<'_>) -> Option<i64> {
    let sql = "INSERT INTO categorize.bulk_run (role, tenant, relation, relation_name, input_columns, output_column, taxonomy,
                                                condition, overwrite, limit_nanousd, dry_run, ended_at)
               VALUES ($1, $2, $3, $3::pg_catalog.regclass::text, $4, $5, $6, $7, $8, $9, $10,
                       CASE WHEN $10 THEN pg_catalog.clock_timestamp() END)
               ON CONFLICT DO NOTHING RETURNING id";
    let mut arguments = identity(new);
    arguments.push(new.dry_run.into());
    run::write_returning(sql, &arguments, |row| row.get(1)).pop()?
}

/// Goes on with a run; a limit that is given counts from now on, and the rate where nobody works at it.
pub fn join_bulk_run(new: &NewBulkRun<'_>) -> Option<i64> {
    let sql = format!(
        "UPDATE categorize.bulk_run r
            SET limit_nanousd = coalesce($9, r.limit_nanousd), limit_reached = r.limit_reached AND $9 IS NULL,
                resumed_at = CASE WHEN busy.yes THEN r.resumed_at ELSE pg_catalog.clock_timestamp() END,
                resumed_rows = CASE WHEN busy.yes THEN r.resumed_rows ELSE r.rows_done END
           FROM (SELECT EXISTS (SELECT FROM categorize.bulk_claim c JOIN categorize.bulk_run o ON o.id = c.run_id
                                 WHERE o.role = $1 AND o.tenant = $2 AND o.relation = $3 AND {IS_HELD}) AS yes) busy
          WHERE r.role = $1 AND r.tenant = $2 AND r.relation = $3 AND r.input_columns = $4 AND r.output_column = $5
            AND r.taxonomy = $6 AND r.condition IS NOT DISTINCT FROM $7 AND r.overwrite = $8 AND r.ended_at IS NULL
      RETURNING r.id"
    );
    run::write_returning(&sql, &identity(new), |row| row.get(1)).pop()?
}

/// Holds a run of this role and tenant until the transaction ends.
pub fn lock_bulk_run(id: i64, role: &str, tenant: &str) -> Option<BulkRun> {
    let sql = "SELECT ended_at IS NOT NULL AND NOT dry_run, planned, swept, position, limit_nanousd, taxonomy
                 FROM categorize.bulk_run WHERE id = $1 AND role = $2 AND tenant = $3 FOR UPDATE";
    let read = |row: &run::Row| {
        Some(BulkRun {
            id,
            ended: row.get(1)?,
            planned: row.get(2)?,
            swept: row.get(3)?,
            position: row.get(4),
            limit: row.get(5).map(Money),
            taxonomy: row.get(6)?,
        })
    };
    run::write_returning(sql, &[id.into(), role.into(), tenant.into()], read).pop()?
}

/// Takes a claim over whose holder is gone or has not been heard of for too long.
pub fn take_over_claim(run: i64, timeout: &Interval) -> Option<BulkClaim> {
    let sql = format!(
        "UPDATE categorize.bulk_claim t
            SET pid = pg_catalog.pg_backend_pid(), claimed_at = pg_catalog.clock_timestamp(),
                expires_at = pg_catalog.clock_timestamp() + $2, allowance_nanousd = 0
          WHERE t.id = (SELECT c.id FROM categorize.bulk_claim c WHERE c.run_id = $1 AND NOT ({IS_HELD})
                         ORDER BY c.id LIMIT 1 FOR UPDATE SKIP LOCKED)
      RETURNING t.id, t.planning, t.from_key, t.to_key"
    );
    let read = |row: &run::Row| {
        Some(BulkClaim { id: row.get(1)?, planning: row.get(2)?, from_key: row.get(3), to_key: row.get(4) })
    };
    run::write_returning(&sql, &[run.into(), (*timeout).into()], read).pop()?
}

/// How many claims of a run there are.
pub fn open_claims(run: i64) -> i64 {
    let sql = "SELECT pg_catalog.count(*) FROM categorize.bulk_claim WHERE run_id = $1";
    run::write_returning(sql, &[run.into()], |row| row.get(1)).pop().flatten().unwrap_or(0)
}

/// Claims what comes after a key, or the planning.
pub fn insert_claim(run: i64, planning: bool, from_key: Option<&JsonB>, timeout: &Interval) -> Option<i64> {
    let sql = "INSERT INTO categorize.bulk_claim (run_id, planning, from_key, pid, expires_at)
               VALUES ($1, $2, $3, pg_catalog.pg_backend_pid(), pg_catalog.clock_timestamp() + $4) RETURNING id";
    let from_key = from_key.map(|key| JsonB(key.0.clone()));
    run::write_returning(sql, &[run.into(), planning.into(), from_key.into(), (*timeout).into()], |row| row.get(1))
        .pop()?
}

/// Notes up to which key a claim goes.
pub fn advance(run: i64, claim: i64, to_key: Option<JsonB>, last: bool) {
    let to_claim = to_key.as_ref().map(|key| JsonB(key.0.clone()));
    run::write("UPDATE categorize.bulk_claim SET to_key = $2 WHERE id = $1", &[claim.into(), to_claim.into()]);
    let sql = "UPDATE categorize.bulk_run SET position = coalesce($2, position), swept = swept OR $3 WHERE id = $1";
    run::write(sql, &[run.into(), to_key.into(), last.into()]);
}

/// The run of a claim.
pub fn run_of_claim(claim: i64) -> Option<i64> {
    let sql = "SELECT run_id FROM categorize.bulk_claim WHERE id = $1";
    run::write_returning(sql, &[claim.into()], |row| row.get(1)).pop()?
}

/// Whether this session holds a claim. It is for its run's holder to ask.
pub fn holds_claim(claim: i64) -> bool {
    let sql = "SELECT FROM categorize.bulk_claim WHERE id = $1 AND pid = pg_catalog.pg_backend_pid()";
    !run::write_returning(sql, &[claim.into()], |_| ()).is_empty()
}

/// Ends a claim.
pub fn delete_claim(claim: i64) {
    run::write("DELETE FROM categorize.bulk_claim WHERE id = $1", &[claim.into()]);
}

/// Notes that a run is planned, with how many rows it has to do.
pub fn set_planned(run: i64, rows: i64) {
    let sql =
        "UPDATE categorize.bulk_run SET planned = true, rows_total = $2, updated_at = pg_catalog.clock_timestamp()
                WHERE id = $1";
    run::write(sql, &[run.into(), rows.into()]);
}

/// Counts rows that are done.
pub fn count_rows(run: i64, rows: i64, written: i64, tiers: JsonB) {
    let sql = "UPDATE categorize.bulk_run r
                  SET rows_done = r.rows_done + $2, rows_written = r.rows_written + $3, updated_at = pg_catalog.clock_timestamp(),
                      tiers = (SELECT coalesce(pg_catalog.jsonb_object_agg(s.tier, s.rows), '{}') FROM (
                                  SELECT t.key AS tier, pg_catalog.sum(t.value::bigint) AS rows
                                    FROM (SELECT * FROM pg_catalog.jsonb_each_text(r.tiers)
                                           UNION ALL SELECT * FROM pg_catalog.jsonb_each_text($4)) t GROUP BY t.key) s)
                WHERE r.id = $1";
    run::write(sql, &[run.into(), rows.into(), written.into(), tiers.into()]);
}

/// Ends a run.
pub fn end_bulk_run(run: i64) {
    let sql = "UPDATE categorize.bulk_run SET ended_at = pg_catalog.clock_timestamp(), updated_at = pg_catalog.clock_timestamp()
                WHERE id = $1";
    run::write(sql, &[run.into()]);
}

/// What the ledger tells of a run, beside what other claims of it may still spend.
pub fn bulk_spending(run: i64, claim: i64) -> Spending {
    let sql = format!(
        "SELECT (s.settled + v.reserved + o.others)::bigint, o.others > 0, v.open > 0, d.dearest::bigint
           FROM (SELECT r.role, r.tenant, r.started_at, 'categorize.run ' || r.id::text AS application
                   FROM categorize.bulk_run r WHERE r.id = $1) r
          CROSS JOIN LATERAL (SELECT coalesce(pg_catalog.sum(l.amount_nanousd), 0) AS settled FROM categorize.ledger l
                               WHERE l.kind IN ('settle', 'adjust') AND l.reserved_at >= r.started_at
                                 AND l.application_name = r.application AND l.role = r.role AND l.tenant = r.tenant) s
          CROSS JOIN LATERAL (SELECT pg_catalog.max(pg_catalog.ceil(l.amount_nanousd::numeric / greatest(l.inputs, 1))) AS dearest
                                FROM categorize.ledger l
                               WHERE l.kind = 'reserve' AND l.reserved_at >= r.started_at
                                 AND l.application_name = r.application AND l.role = r.role AND l.tenant = r.tenant) d
          CROSS JOIN LATERAL (SELECT coalesce(pg_catalog.sum(v.amount_nanousd), 0) AS reserved,
                                     pg_catalog.count(*) FILTER (WHERE v.state = 'open') AS open
                                FROM categorize.reservation v
                               WHERE v.reserved_at >= r.started_at AND v.application_name = r.application
                                 AND v.role = r.role AND v.tenant = r.tenant) v
          CROSS JOIN LATERAL (SELECT coalesce(pg_catalog.sum(c.allowance_nanousd), 0) AS others FROM categorize.bulk_claim c
                               WHERE c.run_id = $1 AND c.id <> $2 AND {IS_HELD}) o"
    );
    let read = |row: &run::Row| Spending {
        spent: Money(row.get(1).unwrap_or(i64::MAX)),
        set_aside: row.get(2).unwrap_or(false),
        under_way: row.get(3).unwrap_or(false),
        dearest: row.get(4).map(Money),
    };
    let nothing_known = Spending { spent: Money(i64::MAX), set_aside: false, under_way: false, dearest: None };
    run::write_returning(&sql, &[run.into(), claim.into()], read).pop().unwrap_or(nothing_known)
}

/// Sets aside what a claim may spend, and takes that as a sign of its holder.
pub fn set_allowance(claim: i64, amount: Money) {
    let sql = "UPDATE categorize.bulk_claim
                  SET allowance_nanousd = $2, claimed_at = pg_catalog.clock_timestamp(),
                      expires_at = pg_catalog.clock_timestamp() + (expires_at - claimed_at)
                WHERE id = $1";
    run::write(sql, &[claim.into(), amount.0.into()]);
}

/// Notes that a run has spent what it may.
pub fn set_limit_reached(run: i64) {
    run::write("UPDATE categorize.bulk_run SET limit_reached = true WHERE id = $1", &[run.into()]);
}

/// What an input of a taxonomy cost of late on average, and the most that was set aside for one; nothing where none was asked about.
pub fn price_of_input(tenant: &str, taxonomy: i32) -> Option<(Money, Money)> {
    let sql = "SELECT (pg_catalog.sum(l.amount_nanousd) FILTER (WHERE l.kind IN ('settle', 'adjust'))
                       / nullif(pg_catalog.sum(l.inputs) FILTER (WHERE l.kind = 'settle'), 0))::bigint,
                      (pg_catalog.max(pg_catalog.ceil(l.amount_nanousd::numeric / greatest(l.inputs, 1)))
                          FILTER (WHERE l.kind = 'reserve'))::bigint
                 FROM categorize.ledger l
                WHERE l.tenant = $1 AND l.taxonomy_id = $2
                  AND l.reserved_at > pg_catalog.clock_timestamp() - interval '30 days'";
    let read = |row: &run::Row| Some((Money(row.get(1)?), Money(row.get(2)?)));
    run::write_returning(sql, &[tenant.into(), taxonomy.into()], read).pop()?
}

/// Ends a dry run with what it found.
pub fn end_dry_run(run: i64, rows: i64, inputs: i64, survey: &Survey) {
    let sql = "UPDATE categorize.bulk_run
                  SET rows_total = $2, inputs_total = $3, tiers = $4, low_nanousd = $5, high_nanousd = $6,
                      ended_at = pg_catalog.clock_timestamp(), updated_at = pg_catalog.clock_timestamp()
                WHERE id = $1";
    let arguments = [
        run.into(),
        rows.into(),
        inputs.into(),
        JsonB(serde_json::json!(survey.tiers)).into(),
        survey.price.map(|(low, _)| low.0).into(),
        survey.price.map(|(_, high)| high.0).into(),
    ];
    run::write(sql, &arguments);
}
