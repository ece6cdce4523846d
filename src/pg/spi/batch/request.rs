//! The requests of batches.

use super::super::run;
use super::{Reading, array, target};
use pg_categorize_core::fingerprint::Fingerprint;
use pg_categorize_core::frame::{Asker, Target};
use pgrx::JsonB;
use serde_json::Value;

/// A request of a batch.
pub struct BatchItem {
    /// Its number in the batch.
    pub ordinal: i32,
    /// The attempt that pays for it.
    pub attempt: i64,
    /// Number of its first input.
    pub first: i32,
    /// The jobs of its inputs.
    pub jobs: Vec<i64>,
    /// Their keys.
    pub fingerprints: Vec<Fingerprint>,
}

/// A job of a batch.
pub struct BatchedJob {
    /// Its id.
    pub id: i64,
    /// Its tenant.
    pub tenant: String,
    /// Into what it is sorted.
    pub target: Target,
    /// The text; `None` where the job has ended and it is kept no longer.
    pub text: Option<String>,
    /// Its key among those that tenants share.
    pub shared: Option<Fingerprint>,
    /// Batches that it was in before and that had no answer.
    pub attempts: i16,
    /// Who pays.
    pub asker: Asker,
    /// Whether it is a request that a user has written, or one for vectors.
    pub is_request: bool,
    /// Texts of which it asks for vectors; 1 where it asks for something else.
    pub inputs: usize,
}

/// What is sent of a job of a batch.
pub struct SentJob {
    /// Its id.
    pub id: i64,
    /// Its tenant.
    pub tenant: String,
    /// Into what it is sorted.
    pub target: Target,
    /// The text; `None` where the job has ended and it is kept no longer.
    pub text: Option<String>,
    /// The body and the model, where it is a request that a user has written.
    pub request: Option<(Value, String)>,
}

/// Requests of a batch from one on, in their order.
pub fn batch_items(batch: i64, from: i32, limit: usize) -> Vec<BatchItem> {
    let sql = "SELECT ordinal, attempt_id, first_number, jobs, fingerprints FROM categorize.batch_item
                WHERE batch_id = $1 AND ordinal >= $2 ORDER BY ordinal LIMIT $3";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    run::kept(sql, &[batch.into(), from.into(), limit.into()], item).into_iter().flatten().collect()
}

/// The first thousand requests of a batch whose results are not known, held until the transaction ends.
pub fn hold_items(batch: i64) -> Vec<BatchItem> {
    let sql = "SELECT ordinal, attempt_id, first_number, jobs, fingerprints FROM categorize.batch_item
                WHERE batch_id = $1 AND NOT has_result ORDER BY ordinal LIMIT 1000 FOR UPDATE";
    run::kept(sql, &[batch.into()], item).into_iter().flatten().collect()
}

/// Those of these requests of a batch whose results were not known until now; with this transaction they are.
pub fn take_items(batch: i64, ordinals: &[i32]) -> Vec<BatchItem> {
    let sql = "UPDATE categorize.batch_item SET has_result = true
                WHERE batch_id = $1 AND ordinal = ANY ($2) AND NOT has_result
            RETURNING ordinal, attempt_id, first_number, jobs, fingerprints";
    // It is marked by now: one that could not be read undoes that.
    let item = |row: &run::Row| item(row).expect("a request has all of its columns");
    run::kept(sql, &[batch.into(), array(ordinals.iter().copied())], item)
}

fn item(row: &run::Row) -> Option<BatchItem> {
    let keys = row.get::<Vec<u8>>(5)?;
    Some(BatchItem {
        ordinal: row.get(1)?,
        attempt: row.get(2)?,
        first: row.get(3)?,
        jobs: row.get(4)?,
        fingerprints: keys.chunks_exact(32).filter_map(|key| key.try_into().ok().map(Fingerprint)).collect(),
    })
}

/// Notes that it is known what became of these requests.
pub fn close_items(batch: i64, ordinals: &[i32]) {
    let sql = "UPDATE categorize.batch_item SET has_result = true WHERE batch_id = $1 AND ordinal = ANY ($2)";
    run::kept(sql, &[batch.into(), array(ordinals.iter().copied())], |_| ());
}

/// What is sent of these jobs, in their order: of as many as are read at once, and of so many of the first at least. The second is the
/// first job that was not read.
pub fn sent_jobs(jobs: &[i64], least: usize) -> (Vec<SentJob>, Option<i64>) {
    let sql = "SELECT j.id, j.tenant, j.taxonomy_id, j.labels, j.input, j.body, j.model, n.place
                 FROM unnest($1::bigint[]) WITH ORDINALITY n (id, place) JOIN categorize.job_entry j ON j.id = n.id ORDER BY n.place";
    let (mut read, mut unread) = (Reading::default(), None);
    let row = |row: &run::Row| {
        let is_first = usize::try_from(row.get::<i64>(8)?).is_ok_and(|place| place <= least);
        if !read.goes_on(row.bytes(5) + row.bytes(6)) && !is_first {
            unread = unread.or_else(|| row.get(1));
            return None;
        }
        Some(SentJob {
            id: row.get(1)?,
            tenant: row.get(2)?,
            // Of a request that a user has written there is none.
            target: target(row.get(3), row.get(4)).unwrap_or(Target::Labels(Vec::new())),
            text: row.get(5),
            request: row.get::<JsonB>(6).map(|body| body.0).zip(row.get(7)),
        })
    };
    let sent = run::kept(sql, &[array(jobs.iter().copied())], row).into_iter().flatten().collect();
    (sent, unread)
}

/// The jobs of requests.
pub fn batched_jobs(jobs: &[i64]) -> Vec<BatchedJob> {
    let sql =
        "SELECT j.id, j.tenant, j.taxonomy_id, j.labels, j.input, j.shared_fingerprint, j.attempts, j.role, j.application_name,
                j.query_id, j.body IS NOT NULL, j.inputs
           FROM unnest($1::bigint[]) n (id) JOIN categorize.job_entry j ON j.id = n.id";
    let row = |row: &run::Row| {
        Some(BatchedJob {
            id: row.get(1)?,
            tenant: row.get(2)?,
            // Of a request that a user has written there is none.
            target: target(row.get(3), row.get(4)).unwrap_or(Target::Labels(Vec::new())),
            text: row.get(5),
            shared: row.get::<Vec<u8>>(6).and_then(|bytes| bytes.try_into().ok()).map(Fingerprint),
            attempts: row.get(7)?,
            asker: Asker { role: row.get(8)?, application: row.get(9)?, query_id: row.get(10)? },
            is_request: row.get(11)?,
            inputs: usize::try_from(row.get::<i32>(12)?).unwrap_or(1),
        })
    };
    run::kept(sql, &[array(jobs.iter().copied())], row).into_iter().flatten().collect()
}
