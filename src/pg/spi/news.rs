//! Statements on news of jobs and batches, and on the functions that roles have called.

use super::run;
use crate::pg::guc::AlertBounds;
use pgrx::pg_sys;

/// Why a function cannot be called.
pub struct CompletionProblem {
    /// In one word.
    pub reason: String,
    /// Its class.
    pub sqlstate: String,
    /// In a sentence.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// A call that is due.
pub struct CompletionCall {
    /// Its id.
    pub id: i64,
    /// That of what was registered.
    pub completion: i64,
    /// The function.
    pub function: pg_sys::Oid,
    /// As whom it is called.
    pub role: pg_sys::Oid,
    /// Whose jobs these are.
    pub tenant: String,
    /// Their ids.
    pub jobs: Vec<i64>,
    /// Times that it was tried, with this one.
    pub attempts: i32,
}

/// Tells up to so many news; how many there were.
pub fn tell_news(most: i32) -> i32 {
    run::write_returning("SELECT categorize.tell_news($1)", &[most.into()], |row| row.get(1))
        .pop()
        .flatten()
        .unwrap_or(0)
}

/// Raises the alerts that are due.
pub fn raise_alerts(bounds: &AlertBounds) {
    let arguments =
        [bounds.failed_percent.into(), bounds.batch_minutes.into(), bounds.queue_length.into(), bounds.saved.into()];
    run::write("SELECT categorize.raise_alerts($1, make_interval(mins => $2), $3, $4)", &arguments);
}

/// The name of a function and how it is called as a role, or why it cannot be.
pub fn completion_statement(function: pg_sys::Oid, role: pg_sys::Oid) -> Result<(String, String), CompletionProblem> {
    let sql =
        "SELECT s.name, s.call, s.reason, s.sqlstate, s.message, s.hint FROM categorize.completion_statement($1, $2) s";
    let row = |row: &run::Row| match row.get::<String>(3) {
        None => Some(Ok((row.get(1)?, row.get(2)?))),
        Some(reason) => {
            Some(Err(CompletionProblem { reason, sqlstate: row.get(4)?, message: row.get(5)?, hint: row.get(6) }))
        }
    };
    let found = run::write_returning(sql, &[function.into(), role.into()], row).pop().flatten();
    found.expect("a function with output arguments returns a row")
}

/// Registers a function for a role, unless it is; its id.
pub fn insert_completion(function: pg_sys::Oid, name: &str, role: pg_sys::Oid, role_name: &str) -> i64 {
    let sql = "INSERT INTO categorize.completion AS c (function_oid, function, role_id, role) VALUES ($1, $2, $3, $4)
                   ON CONFLICT (function_oid, role_id) WHERE ended_at IS NULL DO UPDATE SET function = excluded.function
               RETURNING c.id";
    let arguments = [function.into(), name.into(), role.into(), role_name.into()];
    run::write_returning(sql, &arguments, |row| row.get(1)).pop().flatten().expect("a row that is stored has an id")
}

/// Takes back what a role has registered; whether it had.
pub fn delete_completion(function: pg_sys::Oid, role: pg_sys::Oid) -> bool {
    let sql = "DELETE FROM categorize.completion WHERE function_oid = $1 AND role_id = $2 AND ended_at IS NULL";
    run::write(sql, &[function.into(), role.into()]) > 0
}

/// The next call that is due. It is tried again after two seconds, and then after twice as long each time, up to an hour.
pub fn begin_completion_call() -> Option<CompletionCall> {
    let sql = "UPDATE categorize.completion_call k
                  SET attempts = k.attempts + 1,
                      retry_at = clock_timestamp() + least(power(2::float8, least(k.attempts + 1, 12)), 3600::float8) * interval '1 second'
                 FROM categorize.completion c
                WHERE c.id = k.completion_id
                  AND k.id = (SELECT d.id FROM categorize.completion_call d WHERE d.retry_at <= clock_timestamp()
                               ORDER BY d.retry_at, d.id LIMIT 1)
            RETURNING k.id, c.id, c.function_oid, c.role_id, k.tenant, k.jobs, k.attempts";
    let row = |row: &run::Row| {
        Some(CompletionCall {
            id: row.get(1)?,
            completion: row.get(2)?,
            function: row.get(3)?,
            role: row.get(4)?,
            tenant: row.get(5)?,
            jobs: row.get(6)?,
            attempts: row.get(7)?,
        })
    };
    run::write_returning(sql, &[], row).pop()?
}

/// Calls a function with the ids of jobs. Runs as the role.
pub fn call_completion(statement: &str, jobs: &[i64]) {
    run::write(statement, &[jobs.to_vec().into()]);
}

/// A call has succeeded.
pub fn complete_call(call: &CompletionCall) {
    run::write("DELETE FROM categorize.completion_call WHERE id = $1", &[call.id.into()]);
    run::write("UPDATE categorize.completion SET calls = calls + 1 WHERE id = $1", &[call.completion.into()]);
}

/// A call has failed, for the last time or not. Of the error only its class is kept: its text may be about inputs.
pub fn fail_completion_call(call: &CompletionCall, sqlstate: &str, is_last: bool) {
    let sql = "UPDATE categorize.completion SET failures = failures + 1, failed_at = clock_timestamp(), sqlstate = $2 WHERE id = $1";
    run::write(sql, &[call.completion.into(), sqlstate.into()]);
    if is_last {
        run::write("DELETE FROM categorize.completion_call WHERE id = $1", &[call.id.into()]);
        let sql = "INSERT INTO categorize.alert_log (kind, message)
                   SELECT 'completion_failed', format('A call of %s for role %s has failed %s times (%s) and is given up.', c.function,
                                                      c.role, $2, $3)
                     FROM categorize.completion c WHERE c.id = $1";
        run::write(sql, &[call.completion.into(), call.attempts.into(), sqlstate.into()]);
    }
}

/// A function is called no more.
pub fn end_completion(completion: i64, reason: &str) {
    run::write("DELETE FROM categorize.completion_call WHERE completion_id = $1", &[completion.into()]);
    let sql =
        "UPDATE categorize.completion SET ended_at = clock_timestamp(), reason = $2 WHERE id = $1 AND ended_at IS NULL";
    if run::write(sql, &[completion.into(), reason.into()]) > 0 {
        let sql = "INSERT INTO categorize.alert_log (kind, message)
                   SELECT 'completion_ended', format('%s is called no more for role %s: %s.', c.function, c.role, c.reason)
                     FROM categorize.completion c WHERE c.id = $1";
        run::write(sql, &[completion.into()]);
    }
}

/// Whether there are news or calls, and whether there are some that a messenger would see to now or within so many seconds.
pub fn untold(seconds: f64) -> (bool, bool) {
    let sql = "SELECT n.are_there OR k.next IS NOT NULL, n.are_there OR coalesce(k.next <= clock_timestamp() + make_interval(secs => $1), false)
                 FROM (SELECT EXISTS (SELECT FROM categorize.news) AS are_there) n
                CROSS JOIN (SELECT min(c.retry_at) AS next FROM categorize.completion_call c) k";
    let row = |row: &run::Row| Some((row.get(1)?, row.get(2)?));
    run::write_returning(sql, &[seconds.into()], row).pop().flatten().unwrap_or((false, false))
}

/// Seconds until the next call is due; `None` where none is.
pub fn next_completion_call() -> Option<f64> {
    let sql =
        "SELECT extract(epoch FROM min(k.retry_at) - clock_timestamp())::float8 FROM categorize.completion_call k";
    run::write_returning(sql, &[], |row| row.get(1)).pop()?
}
