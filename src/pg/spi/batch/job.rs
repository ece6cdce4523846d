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

impl JobEnd<'_> {
    fn is_final(&self) -> bool {
        matches!(self.state, "done" | "failed" | "cancelled")
    }
}

/// Where jobs were until now.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Former {
    /// In a batch, whose requests are closed with this; whether they are such as users write.
    Batch { id: i64, requests: bool },
    /// They waited, or were asked live.
    Queue,
}

/// Moves jobs on; those that have ended stay.
pub fn move_jobs(ends: &[JobEnd<'_>], former: Former) {
    let of = |state| ends.iter().filter(|end| end.state == state).collect::<Vec<_>>();
    let ids = |ends: &[&JobEnd<'_>]| ends.iter().map(|end| end.job).collect::<Vec<_>>();
    if former == Former::Queue {
        leave_queue(&ends.iter().map(|end| end.job).collect::<Vec<_>>());
    }
    wait_again(&of("waiting"));
    ask_live(&ids(&of("live")));
    let ended: Vec<&JobEnd<'_>> = ends.iter().filter(|end| end.is_final()).collect();
    if ended.is_empty() {
        return;
    }
    end(&ended, former);
    // Rows of tables may wait for their answers.
    write_back::ended(&ids(&ended));
    // Texts may wait for their vectors.
    if !matches!(former, Former::Batch { requests: false, .. }) {
        super::super::leave_vectors(&ids(&of("failed")));
        super::super::forget_vectors(&ids(&of("cancelled")));
        forget_bodies(&ids(&ended));
    }
}

/// They wait no more, and are asked live no more.
fn leave_queue(jobs: &[i64]) {
    if jobs.is_empty() {
        return;
    }
    // Joined: an array that is no index condition is searched from its begin for each row.
    let sql = "DELETE FROM categorize.job_waiting w USING unnest($1::bigint[]) n (id) WHERE w.job_id = n.id";
    run::kept(sql, &[array(jobs.iter().copied())], |_| ());
    let sql = "DELETE FROM categorize.job_live l USING unnest($1::bigint[]) n (id) WHERE l.job_id = n.id";
    run::kept(sql, &[array(jobs.iter().copied())], |_| ());
}

fn wait_again(jobs: &[&JobEnd<'_>]) {
    if jobs.is_empty() {
        return;
    }
    let sql = "UPDATE categorize.job_entry j SET attempts = n.attempts
                 FROM ROWS FROM (unnest($1::bigint[]), unnest($2::smallint[])) AS n (id, attempts)
                WHERE j.id = n.id AND j.attempts <> n.attempts";
    run::kept(sql, &[array(jobs.iter().map(|end| end.job)), array(jobs.iter().map(|end| end.attempts))], |_| ());
    let sql = "INSERT INTO categorize.job_waiting
                      (job_id, job_type, priority, tenant, fingerprint, taxonomy_id, labels, bytes, enqueued_at)
               SELECT j.id, j.job_type, j.priority, j.tenant, j.fingerprint, j.taxonomy_id, j.labels,
                      coalesce(octet_length(j.input), 0), j.enqueued_at
                 FROM unnest($1::bigint[]) n (id) JOIN categorize.job_entry j ON j.id = n.id
                WHERE NOT EXISTS (SELECT FROM categorize.job_end e WHERE e.job_id = j.id)
               ON CONFLICT (job_id) DO NOTHING";
    run::kept(sql, &[array(jobs.iter().map(|end| end.job))], |_| ());
}

fn ask_live(jobs: &[i64]) {
    if jobs.is_empty() {
        return;
    }
    let sql = "INSERT INTO categorize.job_live (job_id, priority)
               SELECT j.id, j.priority FROM unnest($1::bigint[]) n (id) JOIN categorize.job_entry j ON j.id = n.id
                WHERE NOT EXISTS (SELECT FROM categorize.job_end e WHERE e.job_id = j.id)
               ON CONFLICT (job_id) DO NOTHING";
    run::kept(sql, &[array(jobs.iter().copied())], |_| ());
}

/// Notes what became of them. A text is kept only where its taxonomy stores inputs.
fn end(ended: &[&JobEnd<'_>], former: Former) {
    let batch = match former {
        Former::Batch { id, .. } => Some(id),
        Former::Queue => None,
    };
    let sql = "SELECT categorize.end_jobs($1, $2, $3, $4)";
    let jobs = || array(ended.iter().map(|end| end.job));
    let arguments = [
        jobs(),
        array(ended.iter().map(|end| end.state.to_owned())),
        array(ended.iter().map(|end| end.reason.map(str::to_owned))),
        batch.into(),
    ];
    run::kept(sql, &arguments, |_| ());
    let sql = "SELECT t.id FROM categorize.taxonomy t LEFT JOIN categorize.taxonomy o ON o.overrides = t.id
                WHERE t.overrides IS NULL AND coalesce(o.settings, t.settings) @> '{\"store_input\": false}'";
    let without: Vec<i32> = run::kept(sql, &[], |row| row.get(1)).into_iter().flatten().collect();
    if !without.is_empty() {
        let sql = "UPDATE categorize.job_entry j SET input = NULL FROM unnest($1::bigint[]) n (id)
                    WHERE j.id = n.id AND j.taxonomy_id = ANY ($2) AND j.input IS NOT NULL";
        run::kept(sql, &[jobs(), without.into()], |_| ());
    }
}

/// Texts whose vectors these requests were to bring are not kept, whatever became of their index.
fn forget_bodies(jobs: &[i64]) {
    let sql = "UPDATE categorize.job_entry j SET body = '{}' FROM unnest($1::bigint[]) n (id)
                WHERE j.id = n.id AND j.job_type = 'embedding' AND j.taxonomy_id IS NOT NULL";
    run::kept(sql, &[array(jobs.iter().copied())], |_| ());
}

/// Moves jobs on that wait or are asked live, each to the same state for the same reason.
pub fn move_all(jobs: &[i64], state: &'static str, reason: Option<&str>) {
    let ends: Vec<JobEnd<'_>> = jobs.iter().map(|job| JobEnd { job: *job, state, attempts: 0, reason }).collect();
    move_jobs(&ends, Former::Queue);
}

/// Moves on all that wait in a group.
pub fn move_group(group: &Group, state: &'static str, reason: Option<&str>) {
    let (taxonomy, labels) = match &group.target {
        Target::Taxonomy { id, .. } => (*id, None),
        Target::Labels(labels) => (0, Some(labels.clone())),
    };
    let sql = "SELECT job_id FROM categorize.job_waiting
                WHERE job_type = 'categorize' AND priority = $1 AND tenant = $2
                  AND coalesce(taxonomy_id, 0) = $3 AND labels IS NOT DISTINCT FROM $4";
    let arguments = [group.priority.into(), group.tenant.as_str().into(), taxonomy.into(), labels.into()];
    let jobs: Vec<i64> = run::kept(sql, &arguments, |row| row.get(1)).into_iter().flatten().collect();
    move_all(&jobs, state, reason);
}
