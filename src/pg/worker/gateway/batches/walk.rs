//! A walk over what waits for one route, group by group. What became known meanwhile ends on the way: nobody pays for it.

use super::agenda::{Way, way};
use super::{Batches, Desk};
use crate::pg::spi::{self, Group, WaitingJob};
use crate::pg::worker::gateway::look_up;
use pg_categorize_gateway::batches::Waiting;
use pg_categorize_gateway::plan::{Plan, Route};
use pg_categorize_gateway::store::{Keys, LookUp};
use std::sync::Arc;

/// How far a walk is.
pub(super) struct Walk {
    groups: Vec<(Group, Arc<Plan>)>,
    /// The group that is being read.
    at: usize,
    /// The last job that was read of it.
    after: i64,
}

impl Batches {
    /// The next inputs that wait for a route; a walk begins where there is none before them.
    pub fn waiting(
        &mut self,
        route: &Arc<Route>,
        after: Option<i64>,
        limit: usize,
        desk: &mut Desk<'_>,
    ) -> Vec<Waiting> {
        if let Some(work) = &route.raw {
            return self.waiting_requests(route, work, after, limit, desk);
        }
        if after.is_none() {
            self.walk = Some(begin(&self.groups, route, desk));
        }
        let Some(walk) = &mut self.walk else { return Vec::new() };
        while let Some((group, plan)) = walk.groups.get(walk.at) {
            let jobs = spi::waiting_jobs(group, walk.after, limit);
            let Some(last) = jobs.last() else {
                (walk.at, walk.after) = (walk.at + 1, 0);
                continue;
            };
            walk.after = last.id;
            let waiting = unknown(jobs, group, plan, desk);
            if !waiting.is_empty() {
                return waiting;
            }
        }
        self.walk = None;
        Vec::new()
    }
}

fn begin(waiting: &[Group], route: &Arc<Route>, desk: &mut Desk<'_>) -> Walk {
    let mut groups = Vec::new();
    for group in waiting {
        let goes = matches!(way(desk, group), Way::Batch(other) if other == *route);
        if let Some(plan) = goes.then(|| desk.plans.plan(&group.tenant, &group.target).ok()).flatten() {
            groups.push((group.clone(), plan));
        }
    }
    Walk { groups, at: 0, after: 0 }
}

/// Those that are not answered by now.
fn unknown(jobs: Vec<WaitingJob>, group: &Group, plan: &Arc<Plan>, desk: &mut Desk<'_>) -> Vec<Waiting> {
    let keys = jobs.iter().map(|job| Keys { own: job.fingerprint, shared: job.shared }).collect();
    let (tenant, target) = (group.tenant.clone(), group.target.clone());
    let ask = LookUp { tenant, target, keys, audits: false };
    let taxonomy = plan.taxonomy.and_then(|id| desk.plans.taxonomy(id));
    let answers = look_up::known_answers(&ask, taxonomy.as_deref());
    let (mut known, mut waiting) = (Vec::new(), Vec::with_capacity(jobs.len()));
    for (job, answer) in jobs.into_iter().zip(answers) {
        // What people say has no provider.
        match answer.filter(|answer| !job.renews || answer.provider.is_none()) {
            Some(_) => known.push(job.id),
            None => {
                let WaitingJob { id, fingerprint, text, .. } = job;
                waiting.push(Waiting { job: id, fingerprint, text, plan: plan.clone() });
            }
        }
    }
    spi::move_all(&known, "done", None);
    waiting
}
