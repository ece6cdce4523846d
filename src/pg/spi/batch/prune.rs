//! What is forgotten of batches and jobs.

use super::super::run;

/// Jobs that are removed at once.
const PRUNED: usize = 10_000;

/// Removes batches and jobs that ended more than so many days ago.
pub fn prune_queue(days: i32) {
    while prune_jobs(days) {}
    let sql = "WITH gone AS (DELETE FROM categorize.batch WHERE ended_at < now() - $1 * interval '1 day' RETURNING id)
               DELETE FROM categorize.batch_item i USING gone WHERE i.batch_id = gone.id";
    run::kept(sql, &[days.into()], |_| ());
}

/// Removes a portion of such jobs; whether there may be more. A job about whose text somebody asks anew at the moment stays until the
/// next time, whole: without its end it would be taken for one that is open.
fn prune_jobs(days: i32) -> bool {
    let sql = "SELECT e.job_id FROM categorize.job_end e
                WHERE e.ended_at < now() - $1 * interval '1 day'
                  AND NOT EXISTS (SELECT FROM categorize.batch b WHERE b.id = e.batch_id AND b.ended_at IS NULL)
                ORDER BY e.ended_at LIMIT $2";
    let arguments = [days.into(), (PRUNED as i64).into()];
    let old: Vec<i64> = run::kept(sql, &arguments, |row| row.get(1)).into_iter().flatten().collect();
    let sql = "DELETE FROM categorize.job_key WHERE fingerprint = ANY (ARRAY(
                      SELECT k.fingerprint FROM unnest($1::bigint[]) n (id)
                        JOIN categorize.job_entry j ON j.id = n.id
                        JOIN categorize.job_key k ON k.fingerprint = j.fingerprint AND k.job_id = j.id
                         FOR UPDATE OF k SKIP LOCKED))";
    run::kept(sql, &[old.clone().into()], |_| ());
    let sql = "DELETE FROM categorize.job_entry j USING unnest($1::bigint[]) n (id)
                WHERE j.id = n.id
                  AND NOT EXISTS (SELECT FROM categorize.job_key k WHERE k.fingerprint = j.fingerprint AND k.job_id = j.id)
               RETURNING j.id";
    let gone: Vec<i64> = run::kept(sql, &[old.clone().into()], |row| row.get(1)).into_iter().flatten().collect();
    let sql = "DELETE FROM categorize.job_end e USING unnest($1::bigint[]) n (id) WHERE e.job_id = n.id";
    run::kept(sql, &[gone.clone().into()], |_| ());
    old.len() == PRUNED && !gone.is_empty()
}
