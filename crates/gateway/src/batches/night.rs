//! What happens to the queue while nobody waits: batches are made when the schedule says so and brought further, and what no batch
//! takes is asked live. It sleeps until one of these is due, or somebody says that there may be more.

use super::driver::Driver;
use super::live;
use super::question::Agenda;
use super::store::Lost;
use crate::desk::Desk;
use crate::plan::Route;
use crate::provider::Http;
use crate::store;
use crate::switch::{Phase, Switch};
use pg_categorize_core::batch::{Moment, Pace};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;

/// How long it rests after the store was lost: somebody locks a table.
const SHORT_REST: Duration = Duration::from_secs(5);

/// After so long it looks once more for what somebody woke it: he has committed a moment before others hear what he changed, and what
/// is known of taxonomies and prices may have been that of before.
const SECOND_LOOK: Duration = Duration::from_secs(1);

/// How long what is asked live rests after something that may pass by itself: limits, budgets, a provider that is down.
const LIVE_REST: Duration = Duration::from_secs(60);

/// How often batches to a route are made anew of what is left, where the first part of one is refused: what waited has changed.
const ROUNDS: usize = 3;

/// Looks after the queue until the gateway stops.
pub(crate) async fn run(desk: Arc<Desk>) {
    let mut switch = desk.switch.subscribe();
    let mut night = Night { desk: desk.clone(), http: None, live_at: None };
    let mut is_woken = false;
    loop {
        let rest = if switch.borrow_and_update().refuses_new().is_none() {
            let mut stops = switch.clone();
            tokio::select! {
                biased;
                // What is given up here is found again in what is durable.
                () = refused(&mut stops) => continue,
                rest = night.round() => rest.unwrap_or(Some(SHORT_REST)),
            }
        } else {
            None
        };
        if switch.borrow().phase > Phase::Running {
            return;
        }
        let rest = if is_woken { Some(rest.map_or(SECOND_LOOK, |rest| rest.min(SECOND_LOOK))) } else { rest };
        is_woken = false;
        tokio::select! {
            () = desk.batches_wanted.notified() => is_woken = true,
            () = tokio::time::sleep(rest.unwrap_or(Duration::MAX)), if rest.is_some() => {}
            changed = switch.changed() => if changed.is_err() { return },
        }
    }
}

async fn refused(switch: &mut watch::Receiver<Switch>) {
    // Without a switch there is no gateway any more.
    _ = switch.wait_for(|switch| switch.refuses_new().is_some()).await;
}

struct Night {
    desk: Arc<Desk>,
    /// Made when it is needed first: most databases have no batches.
    http: Option<Arc<Http>>,
    /// Nothing is asked live before.
    live_at: Option<Moment>,
}

impl Night {
    /// Does what is due; how long nothing will be, `None` for ever.
    async fn round(&mut self) -> Result<Option<Duration>, Lost> {
        let agenda = self.desk.store.agenda().await?;
        let stays = agenda.has_open || agenda.next.is_some() || !agenda.live.is_empty() || agenda.run.is_some();
        if self.desk.batches_pending.swap(stays, Ordering::AcqRel) && !stays {
            // It sleeps for as long as batches are open, and may leave from now on.
            self.desk.store.wake();
        }
        if !stays && agenda.cancel.is_empty() {
            return Ok(None);
        }
        let driver = self.driver(agenda.pace);
        for batch in &agenda.cancel {
            driver.cancel(*batch).await?;
        }
        for route in &agenda.routes {
            build(&driver, route).await?;
        }
        if let Some(run) = agenda.run {
            self.desk.store.run_over(run).await?;
        }
        let (mut next, mut unheard) = (agenda.next, false);
        if agenda.has_open || !agenda.routes.is_empty() {
            let pass = driver.pass().await?;
            // Open batches that nobody can be asked about now: whoever wakes us has committed a moment before others hear what
            // changed.
            unheard = agenda.has_open && pass.next.is_none();
            next = [next, pass.next].into_iter().flatten().min();
        }
        let live = self.ask_live(agenda).await?;
        next = [next, live].into_iter().flatten().min();
        let now = now();
        let rest = next.map(|next| next.since(now).max(Duration::from_millis(100)));
        Ok(if unheard { Some(rest.map_or(SHORT_REST, |rest| rest.min(SHORT_REST))) } else { rest })
    }

    /// Asks live what is to be; when there may be more, where something is left.
    async fn ask_live(&mut self, agenda: Agenda) -> Result<Option<Moment>, Lost> {
        if agenda.live.is_empty() {
            return Ok(None);
        }
        if let Some(at) = self.live_at.filter(|at| *at > now()) {
            return Ok(Some(at));
        }
        let all_ended = live::ask(&self.desk, agenda.live).await?;
        self.live_at = (!all_ended).then(|| now().after(LIVE_REST));
        Ok(Some(self.live_at.unwrap_or_else(now)))
    }

    fn driver(&mut self, pace: Pace) -> Driver<store::Store, impl Fn() -> Moment + Send + Sync + use<>> {
        let http = self.http.get_or_insert_with(|| Arc::new(Http::new())).clone();
        Driver::new(self.desk.store.clone(), http, now, pace)
    }
}

/// Makes batches to a route.
async fn build<C: Fn() -> Moment + Send + Sync>(
    driver: &Driver<store::Store, C>,
    route: &Arc<Route>,
) -> Result<(), Lost> {
    for _ in 0..ROUNDS {
        let built = driver.build(route).await?;
        if !built.refused || !built.batches.is_empty() {
            break;
        }
    }
    Ok(())
}

/// The time by the clock of the server.
fn now() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}
