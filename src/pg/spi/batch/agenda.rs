//! What waits, in portions, and what somebody wants of batches.

use super::super::run;
use super::{Reading, target};
use pg_categorize_core::fingerprint::Fingerprint;
use pg_categorize_core::frame::{Asker, Target};

/// Inputs that wait together: they can share requests.
#[derive(Clone)]
pub struct Group {
    /// How much they matter.
    pub priority: i16,
    /// Their tenant.
    pub tenant: String,
    /// Into what they are sorted.
    pub target: Target,
    /// How many they are.
    pub inputs: u64,
    /// Bytes of their texts.
    pub bytes: u64,
    /// Since when the first of them waits, in microseconds of the Postgres epoch.
    pub oldest: i64,
}

/// An input that waits, or is asked about live.
pub struct WaitingJob {
    /// Its job.
    pub id: i64,
    /// Its key.
    pub fingerprint: Fingerprint,
    /// Its key among those that tenants share.
    pub shared: Option<Fingerprint>,
    /// The text.
    pub text: String,
    /// Whether a machine's stored answer is no answer to it.
    pub renews: bool,
}

/// An input that is asked about live.
pub struct LiveJob {
    /// It.
    pub job: WaitingJob,
    /// Its tenant.
    pub tenant: String,
    /// Into what it is sorted.
    pub target: Target,
    /// Who pays.
    pub asker: Asker,
}

/// What somebody wants at once, and when the last daily run was, in microseconds of the Postgres epoch.
pub struct Schedule {
    /// The last daily run.
    pub last_daily: i64,
    /// When what waits was wanted to be submitted.
    pub submit_wanted: Option<i64>,
    /// Whether open batches are wanted to be polled.
    pub poll_wanted: bool,
}

/// What waits for a batch, in the order in which it is sent.
pub fn waiting_groups() -> Vec<Group> {
    let sql = "SELECT priority, tenant, taxonomy_id, labels, count(*), sum(bytes), min(enqueued_at)
                 FROM categorize.job_waiting WHERE job_type = 'categorize'
                GROUP BY priority, tenant, taxonomy_id, labels
                ORDER BY priority DESC, tenant, coalesce(taxonomy_id, 0), labels";
    let row = |row: &run::Row| {
        Some(Group {
            priority: row.get(1)?,
            tenant: row.get(2)?,
            target: target(row.get(3), row.get(4))?,
            inputs: row.get::<i64>(5)?.unsigned_abs(),
            bytes: row.get::<i64>(6).unwrap_or(0).unsigned_abs(),
            oldest: row.get(7)?,
        })
    };
    run::kept(sql, &[], row).into_iter().flatten().collect()
}

/// The inputs of a group behind a job, as many as are read at once. Their ids are an array: of a join nobody knows when the plan is made
/// that it has few rows.
pub fn waiting_jobs(group: &Group, after: i64, limit: usize) -> Vec<WaitingJob> {
    let (priority, tenant, limit) = (group.priority, group.tenant.as_str(), i64::try_from(limit).unwrap_or(i64::MAX));
    let mut read = Reading::default();
    let row = |row: &run::Row| if read.goes_on(row.bytes(4)) { waiting_job(row) } else { None };
    let rows = match &group.target {
        Target::Taxonomy { id, .. } => {
            let sql = "SELECT j.id, j.fingerprint, j.shared_fingerprint, j.input, j.renews
                         FROM categorize.job_entry j
                        WHERE j.id = ANY (ARRAY(
                              SELECT job_id FROM categorize.job_waiting
                               WHERE job_type = 'categorize' AND priority = $1 AND tenant = $2
                                 AND coalesce(taxonomy_id, 0) = $3 AND coalesce(hash_array_extended(labels, 0), 0) = 0
                                 AND labels IS NULL AND job_id > $4
                               ORDER BY job_id LIMIT $5))
                        ORDER BY j.id";
            run::kept(sql, &[priority.into(), tenant.into(), (*id).into(), after.into(), limit.into()], row)
        }
        Target::Labels(labels) => {
            let sql = "SELECT j.id, j.fingerprint, j.shared_fingerprint, j.input, j.renews
                         FROM categorize.job_entry j
                        WHERE j.id = ANY (ARRAY(
                              SELECT job_id FROM categorize.job_waiting
                               WHERE job_type = 'categorize' AND priority = $1 AND tenant = $2
                                 AND coalesce(taxonomy_id, 0) = 0
                                 AND coalesce(hash_array_extended(labels, 0), 0) = coalesce(hash_array_extended($3, 0), 0)
                                 AND labels = $3 AND job_id > $4
                               ORDER BY job_id LIMIT $5))
                        ORDER BY j.id";
            let labels = labels.clone();
            run::kept(sql, &[priority.into(), tenant.into(), labels.into(), after.into(), limit.into()], row)
        }
    };
    rows.into_iter().flatten().collect()
}

fn waiting_job(row: &run::Row) -> Option<WaitingJob> {
    let key = |column| row.get::<Vec<u8>>(column).and_then(|bytes| bytes.try_into().ok()).map(Fingerprint);
    Some(WaitingJob { id: row.get(1)?, fingerprint: key(2)?, shared: key(3), text: row.get(4)?, renews: row.get(5)? })
}

/// The next inputs that are asked about live, as many as are read at once, those of one asker and group one after the other.
pub fn live_jobs(limit: i64) -> Vec<LiveJob> {
    let sql = "SELECT j.id, j.fingerprint, j.shared_fingerprint, j.input, j.renews, j.tenant, j.taxonomy_id, j.labels, j.role,
                      j.application_name, j.query_id
                 FROM categorize.job_entry j
                WHERE j.id = ANY (ARRAY(SELECT job_id FROM categorize.job_live ORDER BY priority DESC, job_id LIMIT $1))
                ORDER BY j.tenant, j.taxonomy_id, j.labels, j.role, j.application_name, j.query_id, j.id";
    let mut read = Reading::default();
    let row = |row: &run::Row| {
        if !read.goes_on(row.bytes(4)) {
            return None;
        }
        Some(LiveJob {
            job: waiting_job(row)?,
            tenant: row.get(6)?,
            target: target(row.get(7), row.get(8))?,
            asker: Asker { role: row.get(9)?, application: row.get(10)?, query_id: row.get(11)? },
        })
    };
    run::kept(sql, &[limit.into()], row).into_iter().flatten().collect()
}

/// What is wanted at once.
pub fn schedule() -> Option<Schedule> {
    let sql = "SELECT last_daily_at, submit_wanted_at, poll_wanted_at IS NOT NULL FROM categorize.batch_schedule";
    let row = |row: &run::Row| {
        Some(Schedule { last_daily: row.get(1)?, submit_wanted: row.get(2), poll_wanted: row.get(3)? })
    };
    run::kept(sql, &[], row).pop()?
}

/// Notes that a run is over that was the daily one if `daily` says when, and that had heard of what was wanted by then; microseconds
/// of the Postgres epoch.
pub fn end_run(daily: i64, wanted: Option<i64>) {
    let sql = "UPDATE categorize.batch_schedule
                  SET last_daily_at = greatest(last_daily_at, $1),
                      submit_wanted_at = CASE WHEN submit_wanted_at > coalesce($2, '-infinity') THEN submit_wanted_at END";
    run::kept(sql, &[super::super::time(daily).into(), wanted.map(super::super::time).into()], |_| ());
}

/// Has all open batches polled at their next step.
pub fn poll_now(now: i64) {
    let sql =
        "WITH wanted AS (UPDATE categorize.batch_schedule SET poll_wanted_at = NULL WHERE poll_wanted_at IS NOT NULL)
               UPDATE categorize.batch SET record = jsonb_set(record, '{next_at}', to_jsonb($1))
                WHERE ended_at IS NULL AND (record ->> 'next_at')::bigint > $1";
    run::kept(sql, &[now.into()], |_| ());
}
