//! Statements on `categorize.job_target`, and those that read and write rows of the users' own tables.

use super::run;
use crate::pg::deferral::Miss;
use crate::pg::write_back::Destination;
use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_sys;
use std::rc::Rc;

/// A row that an answer is written to, as it is stored.
pub struct NewTarget<'a> {
    /// The job that it waits for; none where the answer is known.
    pub job: Option<i64>,
    /// The input with who wants it.
    pub miss: &'a Miss,
    /// Which of its targets.
    pub target: &'a crate::pg::write_back::Target,
}

/// Stores where answers are to be written.
pub fn insert_targets(targets: &[NewTarget<'_>]) {
    let insert = "
        INSERT INTO categorize.job_target (job_id, state, relation, key_columns, key, input_columns, output_column, role_id, tenant,
                                           taxonomy_id, labels, input, row_input, output)
        SELECT n.job, CASE WHEN n.job IS NULL THEN 'due' ELSE 'waiting' END, n.relation, n.key_columns::text[], n.key::text[],
               n.input_columns::text[], n.output_column, n.role_id, n.tenant, n.taxonomy_id, n.labels::text[], n.input, n.row_input,
               n.output
          FROM ROWS FROM (unnest($1::bigint[]), unnest($2::oid[]), unnest($3::text[]), unnest($4::text[]), unnest($5::text[]),
                          unnest($6::text[]), unnest($7::oid[]), unnest($8::text[]), unnest($9::int[]), unnest($10::text[]),
                          unnest($11::text[]), unnest($12::text[]), unnest($13::text[]))
            AS n (job, relation, key_columns, key, input_columns, output_column, role_id, tenant, taxonomy_id, labels, input, row_input,
                  output)";
    let arguments = [
        targets.iter().map(|n| n.job).collect::<Vec<_>>().into(),
        targets.iter().map(|n| n.target.destination.relation).collect::<Vec<_>>().into(),
        targets.iter().map(|n| array(&n.target.destination.key_columns)).collect::<Vec<_>>().into(),
        targets.iter().map(|n| array(&n.target.key)).collect::<Vec<_>>().into(),
        targets.iter().map(|n| array(&n.target.destination.input_columns)).collect::<Vec<_>>().into(),
        targets.iter().map(|n| n.target.destination.output_column.clone()).collect::<Vec<_>>().into(),
        targets.iter().map(|n| n.target.role).collect::<Vec<_>>().into(),
        targets.iter().map(|n| n.miss.wish.scope.tenant.clone()).collect::<Vec<_>>().into(),
        targets.iter().map(|n| n.miss.wish.scope.taxonomy().map(|taxonomy| taxonomy.id)).collect::<Vec<_>>().into(),
        targets.iter().map(|n| n.miss.wish.scope.ad_hoc_labels().map(array)).collect::<Vec<_>>().into(),
        targets.iter().map(|n| n.miss.input.clone()).collect::<Vec<_>>().into(),
        targets
            .iter()
            .map(|n| Some(n.target.row_input.clone()).filter(|text| *text != n.miss.input))
            .collect::<Vec<_>>()
            .into(),
        targets.iter().map(|n| n.target.output.clone()).collect::<Vec<_>>().into(),
    ];
    run::write(insert, &arguments);
}

/// Texts as the text of an array of them.
fn array(texts: &[impl AsRef<str>]) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    format!("{{{}}}", texts.iter().map(|text| quoted(text.as_ref())).collect::<Vec<_>>().join(","))
}

/// How rows of a table are read and written, or why they cannot be.
pub struct WriteBackStatements {
    /// The table that is written: of a partition, the whole.
    pub relation: pg_sys::Oid,
    /// The columns of its primary key.
    pub key_columns: Vec<String>,
    /// Reads rows by their keys: (number, input, output).
    pub read_rows: String,
    /// Writes rows by their keys, where nothing has changed: (number) of those that it wrote.
    pub write_rows: String,
}

/// Why rows of a table cannot be written.
pub struct WriteBackProblem {
    /// In one word.
    pub reason: String,
    /// The class of the error.
    pub sqlstate: String,
    /// The primary message.
    pub message: String,
    /// What helps.
    pub hint: Option<String>,
}

/// How a role reads and writes rows of a table, by what the catalogs say.
pub fn write_back_statements(
    relation: pg_sys::Oid,
    role: pg_sys::Oid,
    input_columns: &[String],
    output_column: &str,
) -> Result<WriteBackStatements, WriteBackProblem> {
    let sql = "SELECT s.target, s.key_columns, s.read_rows, s.write_rows, s.reason, s.sqlstate, s.message, s.hint
                 FROM categorize.write_back_statements($1, $2, $3, $4) s";
    let arguments = [relation.into(), role.into(), input_columns.to_vec().into(), output_column.into()];
    let row = |row: &run::Row| match row.get::<String>(5) {
        Some(reason) => Err(WriteBackProblem {
            reason,
            sqlstate: row.get(6).unwrap_or_default(),
            message: row.get(7).unwrap_or_default(),
            hint: row.get(8),
        }),
        None => Ok(WriteBackStatements {
            relation: row.get(1).unwrap_or(pg_sys::InvalidOid),
            key_columns: row.get(2).unwrap_or_default(),
            read_rows: row.get(3).unwrap_or_default(),
            write_rows: row.get(4).unwrap_or_default(),
        }),
    };
    // By what is committed now, not by what a statement sees that began long ago.
    run::write_returning(sql, &arguments, row).pop().expect("a function of OUT parameters returns one row")
}

/// A row that is to be found again.
pub struct RowState {
    /// Its number among those that were asked for.
    pub number: i32,
    /// Its input.
    pub input: Option<String>,
    /// What the output column has.
    pub output: Option<String>,
}

/// Rows by their keys, as the current role sees them under the statement's snapshot.
///
/// # Errors
/// 42501 where it may not see them; those of the table.
pub fn read_rows(statements: &WriteBackStatements, keys: &[&[String]]) -> Vec<RowState> {
    run::read(&statements.read_rows, &of_keys(statements, keys), row_state).into_iter().flatten().collect()
}

/// As [`read_rows`], by what is committed now and by what this transaction has written.
///
/// # Errors
/// As there.
pub fn read_rows_now(statements: &WriteBackStatements, keys: &[&[String]]) -> Vec<RowState> {
    run::write_returning(&statements.read_rows, &of_keys(statements, keys), row_state).into_iter().flatten().collect()
}

fn of_keys(statements: &WriteBackStatements, keys: &[&[String]]) -> Vec<run::Arg> {
    let mut arguments = vec![numbers(keys.len()), nothing(), nothing(), nothing()];
    arguments.extend(columns(statements.key_columns.len(), keys));
    arguments
}

fn row_state(row: &run::Row) -> Option<RowState> {
    Some(RowState { number: row.get(1)?, input: row.get(2), output: row.get(3) })
}

/// What is written to a row.
pub struct RowAnswer<'a> {
    /// The key.
    pub key: &'a [String],
    /// The category.
    pub category: &'a str,
    /// What its input must still be.
    pub input: &'a str,
    /// What its output column must still have.
    pub output: Option<&'a str>,
}

/// Writes rows as the current role; the numbers of those that it wrote.
///
/// # Errors
/// Whatever the table, its triggers and its constraints raise.
pub fn write_rows(statements: &WriteBackStatements, rows: &[RowAnswer<'_>]) -> Vec<i32> {
    let keys: Vec<&[String]> = rows.iter().map(|row| row.key).collect();
    let mut arguments = vec![
        numbers(rows.len()),
        rows.iter().map(|row| row.category.to_owned()).collect::<Vec<_>>().into(),
        rows.iter().map(|row| row.input.to_owned()).collect::<Vec<_>>().into(),
        rows.iter().map(|row| row.output.map(str::to_owned)).collect::<Vec<_>>().into(),
    ];
    arguments.extend(columns(statements.key_columns.len(), &keys));
    run::write_returning(&statements.write_rows, &arguments, |row| row.get(1)).into_iter().flatten().collect()
}

fn numbers(count: usize) -> run::Arg {
    (0..count as i32).collect::<Vec<_>>().into()
}

fn nothing() -> run::Arg {
    Vec::<String>::new().into()
}

/// Keys by their columns.
fn columns(count: usize, keys: &[&[String]]) -> Vec<run::Arg> {
    (0..count).map(|at| keys.iter().map(|key| key.get(at).cloned()).collect::<Vec<_>>().into()).collect()
}

/// A portion of rows that are due, all of one table, role and taxonomy.
pub struct DuePortion {
    /// The place of its first row.
    pub first: Place,
    /// Where they are.
    pub destination: Rc<Destination>,
    /// As whom they are written.
    pub role: pg_sys::Oid,
    /// Whose answers count.
    pub tenant: String,
    /// The taxonomy, unless the labels are ad hoc.
    pub taxonomy: Option<i32>,
    /// Ad-hoc labels.
    pub labels: Option<Vec<String>>,
    /// The rows.
    pub rows: Vec<DueRow>,
}

/// A row that is due.
pub struct DueRow {
    /// Its id.
    pub id: i64,
    /// The key.
    pub key: Vec<String>,
    /// What was asked.
    pub input: String,
    /// What the row's input was.
    pub row_input: String,
    /// What the output column had.
    pub output: Option<String>,
    /// Why its job has no answer.
    pub reason: Option<String>,
    /// How often it was tried.
    pub attempts: i32,
}

/// A place among the rows that are due, in their order: when each is to be tried, and its id.
pub type Place = (TimestampWithTimeZone, i64);

/// The next portion of at most `most` rows that are due: half as many for each time that the first was tried. Rows up to `after` have been
/// seen to: they need not be passed again, which costs as long as others may still see them.
pub fn due_portion(mut most: i64, after: Option<Place>) -> Option<DuePortion> {
    let first = "SELECT t.id, t.relation, t.key_columns, t.input_columns, t.output_column, t.role_id, t.tenant, t.taxonomy_id, t.labels,
                        t.attempts, t.retry_at
                   FROM categorize.job_target t
                  WHERE t.state = 'due' AND t.retry_at <= pg_catalog.clock_timestamp()
                    AND ROW(t.retry_at, t.id) > ROW(coalesce($1, '-infinity'::timestamptz), coalesce($2, 0)) ORDER BY t.retry_at, t.id LIMIT 1";
    let row = |row: &run::Row| {
        let destination = Destination {
            relation: row.get(2)?,
            key_columns: row.get(3)?,
            input_columns: row.get(4)?,
            output_column: row.get(5)?,
        };
        most = (most >> row.get::<i32>(10)?.clamp(0, 16)).max(1);
        Some(DuePortion {
            first: (row.get(11)?, row.get(1)?),
            destination: Rc::new(destination),
            role: row.get(6)?,
            tenant: row.get(7)?,
            taxonomy: row.get(8),
            labels: row.get(9),
            rows: Vec::new(),
        })
    };
    let arguments = [after.map(|(time, _)| time).into(), after.map(|(_, id)| id).into()];
    let mut portion = run::write_returning(first, &arguments, row).pop()??;
    // Of the next ones in the order of the index, those of the same group: rows that were queued together lie together.
    let rows = "SELECT t.id, t.key, t.input, coalesce(t.row_input, t.input), t.output, j.reason, t.attempts
                  FROM (SELECT * FROM categorize.job_target d
                         WHERE d.state = 'due' AND d.retry_at <= pg_catalog.clock_timestamp() AND ROW(d.retry_at, d.id) >= ROW($11, $12)
                         ORDER BY d.retry_at, d.id LIMIT $10) t
                  LEFT JOIN categorize.job_end j ON j.job_id = t.job_id
                 WHERE t.relation = $1 AND t.key_columns = $2 AND t.input_columns = $3 AND t.output_column = $4 AND t.role_id = $5
                   AND t.tenant = $6 AND t.taxonomy_id IS NOT DISTINCT FROM $7 AND t.labels IS NOT DISTINCT FROM $8
                 ORDER BY t.id LIMIT $9";
    let arguments = [
        portion.destination.relation.into(),
        portion.destination.key_columns.clone().into(),
        portion.destination.input_columns.clone().into(),
        portion.destination.output_column.clone().into(),
        portion.role.into(),
        portion.tenant.clone().into(),
        portion.taxonomy.into(),
        portion.labels.clone().into(),
        most.into(),
        (most * 4).into(),
        portion.first.0.into(),
        portion.first.1.into(),
    ];
    let row = |row: &run::Row| {
        Some(DueRow {
            id: row.get(1)?,
            key: row.get(2)?,
            input: row.get(3)?,
            row_input: row.get(4)?,
            output: row.get(5),
            reason: row.get(6),
            attempts: row.get(7)?,
        })
    };
    portion.rows = run::write_returning(rows, &arguments, row).into_iter().flatten().collect();
    Some(portion)
}

/// Forgets rows that are written.
pub fn delete_targets(ids: Vec<i64>) {
    run::write("DELETE FROM categorize.job_target WHERE id = ANY ($1)", &[ids.into()]);
}

/// Ends rows that are not written; their texts go.
pub fn fail_targets(ids: Vec<i64>, reason: &str, sqlstate: Option<&str>) {
    let sql = "UPDATE categorize.job_target
                  SET state = 'failed', reason = $2, sqlstate = $3, input = NULL, row_input = NULL, output = NULL,
                      ended_at = pg_catalog.clock_timestamp()
                WHERE id = ANY ($1)";
    run::write(sql, &[ids.into(), reason.into(), sqlstate.into()]);
}

/// Has rows tried again after a second, and then after twice as long each time, up to an hour.
pub fn retry_targets(ids: Vec<i64>, sqlstate: &str) {
    let sql = "UPDATE categorize.job_target
                  SET attempts = attempts + 1, sqlstate = $2,
                      retry_at = pg_catalog.clock_timestamp() + least(power(2::float8, least(attempts, 12)), 3600::float8) * interval '1 second'
                WHERE id = ANY ($1)";
    run::write(sql, &[ids.into(), sqlstate.into()]);
}

/// Marks rows as due whose jobs have ended, by the ids of the jobs; how many they are.
pub fn mark_due(jobs: &[i64]) -> u64 {
    let sql = "UPDATE categorize.job_target SET state = 'due', retry_at = pg_catalog.clock_timestamp()
                WHERE job_id = ANY ($1) AND state = 'waiting' RETURNING 1";
    run::kept(sql, &[jobs.to_vec().into()], |_| ()).len() as u64
}

/// Marks all rows as due whose jobs have ended: also those that were queued while that happened. Forgets what failed long ago.
pub fn mark_all_due() {
    let due = "UPDATE categorize.job_target t SET state = 'due', retry_at = pg_catalog.clock_timestamp()
                 FROM categorize.job_end j WHERE j.job_id = t.job_id AND t.state = 'waiting'";
    run::write(due, &[]);
    let old = "DELETE FROM categorize.job_target
                WHERE state = 'failed' AND ended_at < pg_catalog.clock_timestamp() - interval '90 days'";
    run::write(old, &[]);
}

/// Seconds until the next row is due; `None` where none is.
pub fn next_due() -> Option<f64> {
    let sql = "SELECT extract(epoch FROM min(t.retry_at) - pg_catalog.clock_timestamp())::float8
                 FROM categorize.job_target t WHERE t.state = 'due'";
    run::write_returning(sql, &[], |row| row.get(1)).pop()?
}

/// Whether rows wait for the ends of their jobs, or are due.
pub fn any_targets() -> bool {
    !run::write_returning("SELECT 1 FROM categorize.job_target WHERE state IN ('waiting', 'due') LIMIT 1", &[], |_| ())
        .is_empty()
}

/// Has deferred triggers and constraints fire at the ends of their statements, until the transaction ends.
pub fn fire_deferred_at_once() {
    run::write("SET CONSTRAINTS ALL IMMEDIATE", &[]);
}
