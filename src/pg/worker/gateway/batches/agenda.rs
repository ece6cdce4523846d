//! What is to be done now: what waits is sorted by whom it goes to, and held against the schedule.

use super::{Batches, Desk, here, microseconds, moment, now, raw, vectors};
use crate::pg::queue::{set_mark, take_mark};
use crate::pg::spi::{self, Group, LiveJob, RequestGroup};
use crate::pg::{error, guc};
use pg_categorize_core::batch::{Moment, Pace, Queue, Schedule};
use pg_categorize_core::cascade::Reason;
use pg_categorize_core::frame::{Input, Target};
use pg_categorize_gateway::batches::{Agenda, Live, Run, api};
use pg_categorize_gateway::plan::Route;
use pgrx::pg_sys;
use std::sync::Arc;
use std::time::Duration;

/// How long a provider rests after a batch to it failed, or there was no money for one.
pub(super) const REST: Duration = Duration::from_secs(15 * 60);

/// When it is looked again whether what has ended is told and written back, where nothing else is to be done before.
const GLANCE: Duration = Duration::from_secs(60);

/// Inputs that are asked live together.
const LIVE: i64 = 500;

/// Where what waits goes.
pub(super) enum Way {
    /// Into batches to this route.
    Batch(Arc<Route>),
    /// It is asked live: no batch takes it.
    Live,
    /// Nowhere for now: there is nobody who could be asked.
    Stays,
    /// Nowhere any more.
    Over(Reason),
}

/// What goes one way.
struct Heap {
    route: Option<Arc<Route>>,
    groups: Vec<Group>,
    queue: Queue,
}

impl Batches {
    /// What is to be done now.
    pub fn agenda(&mut self, desk: &mut Desk<'_>) -> Agenda {
        let now = now();
        let (system, database) = here();
        let open = spi::open_batches(system, database);
        let mut agenda = Agenda { pace: Pace { poll: guc::batch_poll_interval() }, ..Agenda::default() };
        let here = || open.iter().filter(|batch| batch.is_here);
        agenda.has_open = here().next().is_some();
        let unheard = here().filter(|batch| batch.cancel_wanted && !batch.record.cancel_wanted);
        agenda.cancel = unheard.map(|batch| batch.record.id).collect();
        // Before what waits: what was queued together with a wish to submit it is seen with it.
        let schedule = spi::schedule();
        vectors::leave(desk);
        let groups = spi::waiting_groups();
        self.groups.clone_from(&groups);
        let requests = spi::waiting_request_groups();
        let waits = !groups.is_empty() || !requests.is_empty();
        if let Some(wanted) = schedule {
            if wanted.poll_wanted {
                spi::poll_now(now.0);
            }
            self.hold_against_schedule(&mut agenda, desk, (groups, requests), &wanted, now);
        }
        agenda.live = live(spi::live_jobs(LIVE));
        // What is ended and not told, or not written back, needs a gateway as well where the server is started anew: it has that done.
        let is_left = spi::any_targets() || spi::untold(0.0).0;
        mark(database, waits || !open.is_empty() || !agenda.live.is_empty() || is_left);
        if is_left {
            // It stays: started anew for the mark, it would leave and be started again until then.
            agenda.next = agenda.next.or(Some(now.after(GLANCE)));
        }
        agenda
    }

    fn hold_against_schedule(
        &mut self,
        agenda: &mut Agenda,
        desk: &mut Desk<'_>,
        (groups, requests): (Vec<Group>, Vec<RequestGroup>),
        wanted: &spi::Schedule,
        now: Moment,
    ) {
        let (daily, zone) = guc::batch_time().unzip();
        // Without a daily time the zone is of no account.
        let zone = Offset(zone);
        let last_daily = moment(wanted.last_daily);
        self.resting.retain(|_, until| *until > now);
        let failed = spi::failed_since(microseconds(now.before(REST)));
        let mut is_run = wanted.submit_wanted.is_some();
        let (inputs, mut stays) = heaps(desk, groups, last_daily);
        let waiting = requests.len();
        let requests = raw::queues(desk, requests, last_daily);
        stays |= requests.len() < waiting;
        let requests =
            requests.into_iter().map(|(route, queue)| Heap { route: Some(route), groups: Vec::new(), queue });
        // There may be somebody to be asked later.
        agenda.next = stays.then(|| now.after(REST));
        for heap in inputs.into_iter().chain(requests) {
            let limits = heap.route.as_ref().and_then(|route| api(route.provider.kind)).map(|api| api.traits().limits);
            let schedule = Schedule {
                daily,
                minimum: guc::batch_minimum(),
                maximum_wait: guc::batch_maximum_wait(),
                when_full: limits.filter(|_| guc::batch_when_full()),
            };
            is_run |= schedule.is_time(now, &heap.queue, &zone);
            let rests = |route: &Arc<Route>| {
                let id = route.provider.id;
                self.resting.contains_key(&id) || failed.contains(&id)
            };
            let rests = heap.route.as_ref().is_some_and(rests);
            let is_due = schedule.due(now, &heap.queue, &zone).is_some();
            let goes = wanted.submit_wanted.is_some() || is_due && !rests;
            let next = match (goes, is_due) {
                // What is left of it is looked at when something has changed.
                (true, _) => schedule.next(now, &Queue { last_daily: now, ..heap.queue }, &zone),
                (false, true) => Some(now.after(REST)),
                (false, false) => schedule.next(now, &heap.queue, &zone),
            };
            let next = next.map(|next| if next <= now { now.after(REST) } else { next });
            agenda.next = [agenda.next, next].into_iter().flatten().min();
            if goes {
                is_run = true;
                match heap.route {
                    Some(route) => agenda.routes.push(route),
                    None => heap.groups.iter().for_each(|group| spi::move_group(group, "live", None)),
                }
            }
        }
        agenda.run = is_run.then_some(Run { at: now, wanted: wanted.submit_wanted });
    }

    /// Notes that a run is over.
    pub fn run_over(&mut self, run: Run) {
        spi::end_run(microseconds(run.at), run.wanted);
    }
}

/// The zone of the daily time, where there is one.
struct Offset<Z>(Option<Z>);

impl<Z: pg_categorize_core::batch::Zone> pg_categorize_core::batch::Zone for Offset<Z> {
    fn offset(&self, at: Moment) -> i64 {
        self.0.as_ref().map_or(0, |zone| zone.offset(at))
    }
}

/// What waits, by whom it goes to, and whether something goes nowhere for now. What goes nowhere any more ends.
fn heaps(desk: &mut Desk<'_>, groups: Vec<Group>, last_daily: Moment) -> (Vec<Heap>, bool) {
    let (mut heaps, mut stays): (Vec<Heap>, bool) = (Vec::new(), false);
    for group in groups {
        let route = match way(desk, &group) {
            Way::Batch(route) => Some(route),
            Way::Live => None,
            Way::Stays => {
                stays = true;
                continue;
            }
            Way::Over(reason) => {
                spi::move_group(&group, "failed", Some(reason.as_str()));
                continue;
            }
        };
        let (pack, around) = desk
            .plans
            .plan(&group.tenant, &group.target)
            .map_or((1, 0), |plan| (plan.pack_size.max(1) as u64, plan.choices.options_bytes() as u64));
        let requests = group.inputs.div_ceil(pack);
        let bytes = group.bytes + requests * around;
        let at = heaps.iter().position(|heap| heap.route == route).unwrap_or_else(|| {
            heaps.push(Heap { route, groups: Vec::new(), queue: Queue { last_daily, ..Queue::default() } });
            heaps.len() - 1
        });
        let Heap { groups, queue, .. } = &mut heaps[at];
        queue.inputs += group.inputs;
        queue.requests += requests;
        queue.bytes += bytes;
        let oldest = moment(group.oldest);
        queue.oldest = Some(queue.oldest.map_or(oldest, |known| known.min(oldest)));
        groups.push(group);
    }
    (heaps, stays)
}

/// Where a group goes.
pub(super) fn way(desk: &mut Desk<'_>, group: &Group) -> Way {
    let plan = match desk.plans.plan(&group.tenant, &group.target) {
        Ok(plan) => plan,
        Err(_) => {
            let is_gone = match &group.target {
                Target::Taxonomy { id, .. } => desk.plans.taxonomy(*id).is_none(),
                Target::Labels(_) => false,
            };
            return if is_gone { Way::Over(Reason::NoTaxonomy) } else { Way::Stays };
        }
    };
    // Of lists an input is asked about more than once, and a strong model decides at once or after a comparison.
    if plan.candidates.is_some() || plan.straight.is_some() || plan.vectors.is_some() {
        return live_way(desk, group);
    }
    let batchable = plan.routes.iter().filter(|route| api(route.provider.kind).is_some());
    let mut routes = batchable.filter_map(|route| desk.plans.batch_route(route));
    match routes.next() {
        Some(route) => Way::Batch(route),
        None => live_way(desk, group),
    }
}

fn live_way(desk: &mut Desk<'_>, group: &Group) -> Way {
    if desk.asks_live(&group.target) { Way::Live } else { Way::Stays }
}

/// Inputs that are asked live, those of one asker together.
fn live(jobs: Vec<LiveJob>) -> Vec<Live> {
    let mut all: Vec<Live> = Vec::new();
    for LiveJob { job, tenant, target, asker } in jobs {
        let input = Input {
            key: job.fingerprint,
            shared_key: job.shared,
            text: job.text,
            image: None,
            best_confidence: 0.0,
            hints: Vec::new(),
            audited: None,
        };
        match all.last_mut().filter(|live| live.tenant == tenant && live.target == target && live.asker == asker) {
            Some(live) => {
                live.jobs.push(job.id);
                live.inputs.push(input);
            }
            None => all.push(Live { tenant, target, asker, jobs: vec![job.id], inputs: vec![input] }),
        }
    }
    all
}

/// Says to the launcher of the next start whether this database needs a gateway.
fn mark(database: pg_sys::Oid, needs: bool) {
    if !needs {
        take_mark(database.to_u32());
    } else if let Err(why) = set_mark(database.to_u32()) {
        let detail = format!("The error was: {}.", why.kind());
        error::log("could not mark the database as one with a queue", Some(detail), None);
    }
}
