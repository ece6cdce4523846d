//! What becomes of jobs.

use super::super::run;
use super::{Group, array};
use crate::pg::write_back;
use pg_categorize_core::frame::Target;

/// How a job goes on.
pub struct JobEnd<'a> {
    /// Its id.
    pub job: i64,
    /// Its state from now on.
    pub state: &'static str,
    /// Batches that it was in and that had no answer.
    pub attempts: i16,
    /// Why it has no answer.
    pub reason: Option<&'a str>,
}

/// Moves jobs on. The text of one that has ended is kept only where its taxonomy stores inputs; texts whose vectors it was to bring
/// are not, whatever became of their index.
pub fn move_jobs(ends: &[JobEnd<'_>]) {
    if ends.is_empty() {
        return;
    }
    let sql = "UPDATE categorize.job j
                  SET state = n.state, attempts = n.attempts, reason = n.reason,
                      ended_at = CASE WHEN n.state IN ('done', 'failed', 'cancelled') THEN clock_timestamp() END,
                      input = CASE WHEN n.state IN ('done', 'failed', 'cancelled') AND t.settings @> '{\"store_input\": false}'
                                   THEN NULL ELSE j.input END,
                      body = CASE WHEN n.state IN ('done', 'failed', 'cancelled') AND j.job_type = 'embedding'
                                       AND j.taxonomy_id IS NOT NULL
                                  THEN '{}' ELSE j.body END
                 FROM ROWS FROM (unnest($1::bigint[]), unnest($2::text[]), unnest($3::smallint[]), unnest($4::text[]))
                   AS n (id, state, attempts, reason)
                 LEFT JOIN LATERAL (
                      SELECT coalesce(o.settings, s.settings) AS settings
                        FROM categorize.job k
                        JOIN categorize.taxonomy s ON s.id = k.taxonomy_id AND s.overrides IS NULL
                        LEFT JOIN categorize.taxonomy o ON o.overrides = s.id
                       WHERE k.id = n.id) t ON true
                WHERE j.id = n.id AND j.ended_at IS NULL";
    let arguments = [
        array(ends.iter().map(|end| end.job)),
        array(ends.iter().map(|end| end.state.to_owned())),
        array(ends.iter().map(|end| end.attempts)),
        array(ends.iter().map(|end| end.reason.map(str::to_owned))),
    ];
    run::kept(sql, &arguments, |_| ());
    // Rows of tables may wait for their answers.
    let is_end = |end: &&JobEnd<'_>| matches!(end.state, "done" | "failed" | "cancelled");
    write_back::ended(&ends.iter().filter(is_end).map(|end| end.job).collect::<Vec<_>>());
    // Texts may wait for their vectors.
    let of = |state| ends.iter().filter(|end| end.state == state).map(|end| end.job).collect::<Vec<_>>();
    super::super::leave_vectors(&of("failed"));
    super::super::forget_vectors(&of("cancelled"));
}

/// Moves jobs on that are asked live or wait, each to the same state for the same reason; those that have ended stay.
pub fn move_all(jobs: &[i64], state: &'static str, reason: Option<&str>) {
    let ends: Vec<JobEnd<'_>> = jobs.iter().map(|job| JobEnd { job: *job, state, attempts: 0, reason }).collect();
    move_jobs(&ends);
}

/// Moves on all that wait in a group.
pub fn move_group(group: &Group, state: &'static str, reason: Option<&str>) {
    let (taxonomy, labels) = match &group.target {
        Target::Taxonomy { id, .. } => (*id, None),
        Target::Labels(labels) => (0, Some(labels.clone())),
    };
    let sql = "SELECT id FROM categorize.job
                WHERE state = 'waiting' AND job_type = 'categorize' AND priority = $1 AND tenant = $2
                  AND coalesce(taxonomy_id, 0) = $3 AND labels IS NOT DISTINCT FROM $4";
    let arguments = [group.priority.into(), group.tenant.as_str().into(), taxonomy.into(), labels.into()];
    let jobs: Vec<i64> = run::kept(sql, &arguments, |row| row.get(1)).into_iter().flatten().collect();
    move_all(&jobs, state, reason);
}
