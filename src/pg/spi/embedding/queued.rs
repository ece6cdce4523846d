//! Texts whose vectors are bought in batches: which wait, and what becomes of them when their jobs end.

use crate::pg::launch;
use crate::pg::spi::run;
use pg_categorize_core::fingerprint::Fingerprint;

/// Notes that these texts wait for the request of a job, in its order.
pub fn queue_vectors(index: i32, job: i64, keys: &[Fingerprint]) {
    let sql = "INSERT INTO categorize.queued_vector AS q (index_id, fingerprint, job_id, place)
               SELECT $1, n.fingerprint, $2, n.place FROM unnest($3::bytea[]) WITH ORDINALITY AS n (fingerprint, place)";
    let keys: Vec<Vec<u8>> = keys.iter().map(|key| key.0.to_vec()).collect();
    run::kept(sql, &[index.into(), job.into(), keys.into()], |_| ());
}

/// Whether texts of an index wait for a batch.
pub fn has_queued_vectors(index: i32) -> bool {
    let sql = "SELECT 1 FROM categorize.queued_vector WHERE index_id = $1 AND NOT live LIMIT 1";
    !run::kept(sql, &[index.into()], |_| ()).is_empty()
}

/// The embedding of the texts of a job, and their keys in their order; `None` where their index is gone.
pub fn queued_vectors(job: i64) -> Option<(String, Vec<Fingerprint>)> {
    let sql = "SELECT i.model, q.fingerprint FROM categorize.queued_vector q JOIN categorize.embedding_index i ON i.id = q.index_id
                WHERE q.job_id = $1 AND i.state <> 'dropped' ORDER BY q.place";
    let row = |row: &run::Row| Some((row.get(1)?, Fingerprint(row.get::<Vec<u8>>(2)?.try_into().ok()?)));
    let rows: Vec<(String, Fingerprint)> = run::kept(sql, &[job.into()], row).into_iter().flatten().collect();
    let model = rows.first()?.0.clone();
    Some((model, rows.into_iter().map(|(_, key)| key).collect()))
}

/// The texts of these jobs wait no more: they have their vectors, or are queued anew where they are wanted still.
pub fn forget_vectors(jobs: &[i64]) {
    let_go("DELETE FROM categorize.queued_vector WHERE job_id = ANY ($1) RETURNING 1", jobs);
}

/// No batch had the vectors of the texts of these jobs: they are bought live.
pub fn leave_vectors(jobs: &[i64]) {
    let_go("UPDATE categorize.queued_vector SET live = true WHERE job_id = ANY ($1) RETURNING 1", jobs);
}

/// The texts that this changes are the business of who buys live.
fn let_go(sql: &'static str, jobs: &[i64]) {
    if !jobs.is_empty() && !run::kept(sql, &[jobs.to_vec().into()], |_| ()).is_empty() {
        launch::want_vectors();
    }
}
