//! Statements on queued jobs, as sessions make them.

use super::run;
use pg_categorize_core::fingerprint::Fingerprint;
use pg_categorize_core::frame::Asker;
use pgrx::pg_sys;

/// What the jobs of one call have in common.
pub struct NewJobs<'a> {
    /// Whose inputs.
    pub tenant: &'a str,
    /// The taxonomy; `None` for ad-hoc labels.
    pub taxonomy: Option<i32>,
    /// The ad-hoc labels.
    pub labels: Option<&'a [String]>,
    /// 1 to 10; 10 goes first.
    pub priority: i16,
    /// The role that wants them.
    pub role: pg_sys::Oid,
    /// As the ledger tells it.
    pub asker: &'a Asker,
}

/// An input of a job.
pub struct NewJob<'a> {
    /// Its key.
    pub fingerprint: Fingerprint,
    /// Its key among those that tenants share, where they do.
    pub shared: Option<Fingerprint>,
    /// The text.
    pub text: &'a str,
}

/// Stores those that no open job asks about, in the order given, which is to be that of all who do so: they wait for each other, and for
/// whoever has taken over a text whose job had ended. None that is known to be asked about is to be among them: its key would be
/// held until the transaction ends. Returns the ids of those that were stored.
pub fn insert_jobs(of: &NewJobs<'_>, new: &[&NewJob<'_>]) -> Vec<(Fingerprint, i64)> {
    let sql = "WITH new AS MATERIALIZED (
                   SELECT pg_catalog.nextval('categorize.job_id_seq') AS id, n.fingerprint, n.shared, n.input
                     FROM ROWS FROM (unnest($9::bytea[]), unnest($10::bytea[]), unnest($11::text[])) AS n (fingerprint, shared, input)),
               taken AS (
                   INSERT INTO categorize.job_key AS k (fingerprint, job_id) SELECT n.fingerprint, n.id FROM new n
                   ON CONFLICT (fingerprint) DO UPDATE SET job_id = excluded.job_id
                    WHERE EXISTS (SELECT FROM categorize.job_end e WHERE e.job_id = k.job_id)
                   RETURNING job_id),
               entry AS (
                   INSERT INTO categorize.job_entry (id, priority, tenant, fingerprint, shared_fingerprint, taxonomy_id, labels, input,
                                                     role_id, role, application_name, query_id)
                   SELECT n.id, $1::smallint, $2, n.fingerprint, n.shared, $3, $4, n.input, $5, $6, $7, $8
                     FROM taken t JOIN new n ON n.id = t.job_id
                   RETURNING id, fingerprint, octet_length(input) AS bytes, enqueued_at)
               INSERT INTO categorize.job_waiting (job_id, job_type, priority, tenant, fingerprint, taxonomy_id, labels, bytes, enqueued_at)
               SELECT id, 'categorize', $1::smallint, $2, fingerprint, $3, $4, bytes, enqueued_at FROM entry
               RETURNING fingerprint, job_id";
    let arguments = [
        of.priority.into(),
        of.tenant.into(),
        of.taxonomy.into(),
        of.labels.map(<[String]>::to_vec).into(),
        of.role.into(),
        of.asker.role.as_str().into(),
        of.asker.application.as_str().into(),
        of.asker.query_id.into(),
        new.iter().map(|job| job.fingerprint.0.to_vec()).collect::<Vec<_>>().into(),
        new.iter().map(|job| job.shared.map(|key| key.0.to_vec())).collect::<Vec<_>>().into(),
        new.iter().map(|job| job.text.to_owned()).collect::<Vec<_>>().into(),
    ];
    run::write_returning(sql, &arguments, by_key).into_iter().flatten().collect()
}

/// The open jobs that ask about these.
pub fn open_jobs(keys: &[Fingerprint]) -> Vec<(Fingerprint, i64)> {
    let sql = "SELECT k.fingerprint, k.job_id FROM categorize.job_key k
                WHERE k.fingerprint = ANY ($1) AND NOT EXISTS (SELECT FROM categorize.job_end e WHERE e.job_id = k.job_id)";
    let keys: Vec<Vec<u8>> = keys.iter().map(|key| key.0.to_vec()).collect();
    // Under a fresh snapshot: what kept a job from being stored may be newer than the statement.
    run::write_returning(sql, &[keys.into()], by_key).into_iter().flatten().collect()
}

fn by_key(row: &run::Row) -> Option<(Fingerprint, i64)> {
    Some((Fingerprint(row.get::<Vec<u8>>(1)?.try_into().ok()?), row.get(2)?))
}

/// Has what waits submitted at once; how many inputs that is.
pub fn want_submission() -> i64 {
    run::write("UPDATE categorize.batch_schedule SET submit_wanted_at = clock_timestamp()", &[]);
    count("SELECT count(*) FROM categorize.job_waiting WHERE job_type = 'categorize'")
}

/// Has the open batches polled at once; how many there are.
pub fn want_poll() -> i64 {
    run::write("UPDATE categorize.batch_schedule SET poll_wanted_at = clock_timestamp()", &[]);
    count("SELECT count(*) FROM categorize.batch WHERE ended_at IS NULL")
}

fn count(sql: &str) -> i64 {
    run::read(sql, &[], |row| row.get::<i64>(1)).pop().flatten().unwrap_or(0)
}

/// Has a batch cancelled; whether it has not ended, or `None` where there is none.
pub fn want_cancel(batch: i64) -> Option<bool> {
    let sql = "UPDATE categorize.batch SET cancel_wanted = true WHERE id = $1 RETURNING ended_at IS NULL";
    run::write_returning(sql, &[batch.into()], |row| row.get(1)).pop()?
}

/// Binds the open batches that are bound elsewhere to this database.
pub fn adopt_batches(system_identifier: i64, database: pg_sys::Oid) {
    let sql = "UPDATE categorize.batch SET system_identifier = $1, database_oid = $2
                WHERE ended_at IS NULL AND (system_identifier, database_oid) <> ($1, $2)";
    run::write(sql, &[system_identifier.into(), database.into()]);
}
