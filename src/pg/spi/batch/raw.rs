//! Requests that users have written.

use super::super::run;
use super::{Reading, array};
use pg_categorize_core::fingerprint::Fingerprint;
use pg_categorize_core::frame::Asker;
use pg_categorize_core::raw_request::{Endpoint, RawRequest};
use pgrx::{JsonB, pg_sys};
use serde_json::Value;

/// A request to be queued.
pub struct NewRequestJob<'a> {
    /// What the user calls this kind of work.
    pub job_type: &'a str,
    /// Whose it is.
    pub tenant: &'a str,
    /// 1 to 10; 10 goes first.
    pub priority: i16,
    /// Whom it goes to.
    pub provider: i32,
    /// What is asked.
    pub request: &'a RawRequest,
    /// Whose texts get vectors by it; `None` where a user has written it.
    pub taxonomy: Option<i32>,
    /// The role that wants it; none where it is nobody's.
    pub role: pg_sys::Oid,
    /// As the ledger tells it.
    pub asker: &'a Asker,
}

/// Requests that wait together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestGroup {
    /// Whom they go to.
    pub provider: i32,
    /// The model.
    pub model: String,
    /// What the user calls this kind of work.
    pub job_type: String,
    /// What they are written for.
    pub endpoint: Endpoint,
    /// How many they are; of those for vectors, how many texts they have.
    pub inputs: u64,
    /// Bytes of their bodies.
    pub bytes: u64,
    /// Since when the first of them waits, in microseconds of the Postgres epoch.
    pub oldest: i64,
}

/// A request that waits.
pub struct WaitingRequest {
    /// Its job.
    pub id: i64,
    /// By what it is known in a batch.
    pub fingerprint: Fingerprint,
    /// Its tenant.
    pub tenant: String,
    /// How much it matters.
    pub priority: i16,
    /// Whose texts get vectors by it, and of which embedding; `None` where a user has written it, and no embedding where their index is
    /// gone.
    pub vectors: Option<(i32, Option<String>)>,
}

/// Queues a request; its number. Two that are the same are two.
pub fn insert_request(new: &NewRequestJob<'_>) -> i64 {
    let sql = "WITH entry AS (
                   INSERT INTO categorize.job_entry (job_type, priority, tenant, fingerprint, provider_id, model, endpoint, body, role_id,
                                                     role, application_name, query_id, inputs, taxonomy_id)
                   VALUES ($1, $2, $3, pg_catalog.sha256(pg_catalog.convert_to($4::text, 'UTF8')), $5, $6, $7, $4,
                           coalesce($8, 0::oid), $9, $10, $11, $12, $13)
                   RETURNING id, job_type, priority, tenant, fingerprint, taxonomy_id, enqueued_at)
               INSERT INTO categorize.job_waiting (job_id, job_type, priority, tenant, fingerprint, taxonomy_id, bytes, enqueued_at)
               SELECT id, job_type, priority, tenant, fingerprint, taxonomy_id, 0, enqueued_at FROM entry RETURNING job_id";
    let arguments = [
        new.job_type.into(),
        new.priority.into(),
        new.tenant.into(),
        JsonB(new.request.body.clone()).into(),
        new.provider.into(),
        new.request.model.as_str().into(),
        new.request.endpoint.name().into(),
        new.role.into(),
        new.asker.role.as_str().into(),
        new.asker.application.as_str().into(),
        new.asker.query_id.into(),
        i32::try_from(new.request.inputs).unwrap_or(i32::MAX).into(),
        new.taxonomy.into(),
    ];
    run::write_returning(sql, &arguments, |row| row.get(1)).pop().flatten().expect("a row that is stored has an id")
}

/// What waits for a batch, without what is to be categorized.
pub fn waiting_request_groups() -> Vec<RequestGroup> {
    let sql =
        "SELECT j.provider_id, j.model, j.job_type, j.endpoint, sum(j.inputs), sum(pg_column_size(j.body))::bigint, min(j.enqueued_at)
                 FROM categorize.job_waiting w JOIN categorize.job_entry j ON j.id = w.job_id
                WHERE w.job_type <> 'categorize'
                GROUP BY j.provider_id, j.model, j.job_type, j.endpoint ORDER BY max(j.priority) DESC, min(j.id)";
    let row = |row: &run::Row| {
        Some(RequestGroup {
            provider: row.get(1)?,
            model: row.get(2)?,
            job_type: row.get(3)?,
            endpoint: Endpoint::named(&row.get::<String>(4)?)?,
            inputs: row.get::<i64>(5)?.unsigned_abs(),
            bytes: row.get::<i64>(6).unwrap_or(0).unsigned_abs(),
            oldest: row.get(7)?,
        })
    };
    run::kept(sql, &[], row).into_iter().flatten().collect()
}

/// The requests of a group behind a job, the first of the highest priority first, without their bodies.
pub fn waiting_requests(group: &RequestGroup, after: Option<(i16, i64)>, limit: usize) -> Vec<WaitingRequest> {
    let sql = "SELECT j.id, j.fingerprint, j.tenant, j.priority, j.taxonomy_id,
                      (SELECT i.model FROM categorize.queued_vector q JOIN categorize.embedding_index i ON i.id = q.index_id
                        WHERE q.job_id = j.id AND i.state <> 'dropped' LIMIT 1)
                 FROM categorize.job_waiting w JOIN categorize.job_entry j ON j.id = w.job_id
                WHERE w.job_type <> 'categorize' AND w.job_type = $1 AND j.provider_id = $2 AND j.model = $3 AND j.endpoint = $4
                  AND (-w.priority, w.job_id) > (-$5::int, $6)
                ORDER BY -w.priority, w.job_id LIMIT $7";
    // Before the highest priority there is none.
    let (priority, id) = after.unwrap_or((i16::MAX, 0));
    let arguments = [
        group.job_type.as_str().into(),
        group.provider.into(),
        group.model.as_str().into(),
        group.endpoint.name().into(),
        i32::from(priority).into(),
        id.into(),
        i64::try_from(limit).unwrap_or(i64::MAX).into(),
    ];
    let row = |row: &run::Row| {
        Some(WaitingRequest {
            id: row.get(1)?,
            fingerprint: Fingerprint(row.get::<Vec<u8>>(2)?.try_into().ok()?),
            tenant: row.get(3)?,
            priority: row.get(4)?,
            vectors: row.get(5).map(|taxonomy| (taxonomy, row.get(6))),
        })
    };
    run::kept(sql, &arguments, row).into_iter().flatten().collect()
}

/// The bodies of the first of these jobs, in their order, as many as are read at once.
pub fn request_bodies(jobs: &[i64]) -> Vec<(i64, Value)> {
    let sql = "SELECT j.id, j.body FROM unnest($1::bigint[]) WITH ORDINALITY n (id, place)
                 JOIN categorize.job_entry j ON j.id = n.id ORDER BY n.place";
    let mut read = Reading::default();
    let row = |row: &run::Row| if read.goes_on(row.bytes(2)) { row.get(1).zip(row.get::<JsonB>(2)) } else { None };
    let bodies = run::kept(sql, &[array(jobs.iter().copied())], row);
    bodies.into_iter().flatten().map(|(job, body)| (job, body.0)).collect()
}

/// Requests for vectors of a taxonomy's texts that wait together.
pub struct WaitingVectors {
    /// Whom they go to.
    pub provider: i32,
    /// The model.
    pub model: String,
    /// Whose texts they are.
    pub tenant: String,
    /// Of which taxonomy.
    pub taxonomy: i32,
}

/// What waits of vectors, by whom it goes to and whose it is.
pub fn waiting_vectors() -> Vec<WaitingVectors> {
    let sql = "SELECT DISTINCT j.provider_id, j.model, j.tenant, j.taxonomy_id
                 FROM categorize.job_waiting w JOIN categorize.job_entry j ON j.id = w.job_id
                WHERE w.job_type = 'embedding' AND w.taxonomy_id IS NOT NULL";
    let row = |row: &run::Row| {
        Some(WaitingVectors { provider: row.get(1)?, model: row.get(2)?, tenant: row.get(3)?, taxonomy: row.get(4)? })
    };
    run::kept(sql, &[], row).into_iter().flatten().collect()
}

/// The jobs of these.
pub fn jobs_of_vectors(waiting: &WaitingVectors) -> Vec<i64> {
    let sql = "SELECT j.id FROM categorize.job_waiting w JOIN categorize.job_entry j ON j.id = w.job_id
                WHERE w.job_type = 'embedding' AND w.taxonomy_id = $1 AND w.tenant = $2 AND j.provider_id = $3 AND j.model = $4";
    let WaitingVectors { provider, model, tenant, taxonomy } = waiting;
    let arguments = [(*taxonomy).into(), tenant.as_str().into(), (*provider).into(), model.as_str().into()];
    run::kept(sql, &arguments, |row| row.get(1)).into_iter().flatten().collect()
}

/// Ends all that waits of a group.
pub fn fail_requests(group: &RequestGroup, reason: &str) {
    let sql = "SELECT j.id FROM categorize.job_waiting w JOIN categorize.job_entry j ON j.id = w.job_id
                WHERE w.job_type <> 'categorize' AND w.job_type = $1 AND j.provider_id = $2 AND j.model = $3";
    let (job_type, model) = (group.job_type.as_str(), group.model.as_str());
    let waiting = run::kept(sql, &[job_type.into(), group.provider.into(), model.into()], |row| row.get(1));
    super::move_all(&waiting.into_iter().flatten().collect::<Vec<i64>>(), "failed", Some(reason));
}

/// Says of a batch that it is of requests that users have written.
pub fn mark_batch(batch: i64, job_type: &str, endpoint: Endpoint) {
    let sql = "UPDATE categorize.batch SET job_type = $2, endpoint = $3 WHERE id = $1";
    run::kept(sql, &[batch.into(), job_type.into(), endpoint.name().into()], |_| ());
}

/// Notes in which batch requests are that users have written: they see it.
pub fn mark_requests(batch: i64, requests: &[(&[i64], i64)]) {
    let sql = "UPDATE categorize.job_entry j SET batch_id = $1 FROM unnest($2::bigint[]) n (id) WHERE j.id = n.id";
    let jobs = array(requests.iter().flat_map(|(jobs, _)| jobs.iter().copied()));
    run::kept(sql, &[batch.into(), jobs], |_| ());
}

/// What a provider answered to a request, before its job ends.
pub fn store_reply(job: i64, reply: Value) {
    run::kept("UPDATE categorize.job_entry SET answer = $2 WHERE id = $1", &[job.into(), JsonB(reply).into()], |_| ());
}

/// The kind of the provider that a batch went to.
pub fn kind_of_batch(batch: i64) -> Option<String> {
    let sql =
        "SELECT p.kind FROM categorize.batch b JOIN categorize.provider p ON p.id = b.provider_id WHERE b.id = $1";
    run::kept(sql, &[batch.into()], |row| row.get(1)).pop()?
}
