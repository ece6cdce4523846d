//! Brings batches further, one step after the other.

use super::api::api;
use super::build::{Built, build};
use super::perform::perform;
use super::store::{Lost, Open, Store};
use crate::plan::Route;
use crate::provider::Http;
use pg_categorize_core::batch::{Event, Limits, Moment, Pace, Rest, may_create};
use std::sync::Arc;

/// Brings batches further. It keeps nothing: what it has to know is in the store, so that another may go on after it.
pub struct Driver<S, C> {
    store: S,
    http: Arc<Http>,
    clock: C,
    pace: Pace,
    limits: Option<Limits>,
}

/// What one look at all batches came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pass {
    /// Steps that were done.
    pub steps: usize,
    /// When the next one is due, where one is known of.
    pub next: Option<Moment>,
}

impl<S: Store, C: Fn() -> Moment + Send + Sync> Driver<S, C> {
    /// A driver by this clock, over connections that others may use, too.
    pub fn new(store: S, http: Arc<Http>, clock: C, pace: Pace) -> Self {
        Self { store, http, clock, pace, limits: None }
    }

    /// With other limits of a batch than its provider's.
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits: Some(limits), ..self }
    }

    /// Makes batches of what waits for this route's provider.
    ///
    /// # Errors
    /// [`Lost`], where the store is. What was made is made.
    pub async fn build(&self, route: &Arc<Route>) -> Result<Built, Lost> {
        let Some(api) = api(route.provider.kind) else { return Ok(Built::default()) };
        build(&self.store, api, route, self.limits.unwrap_or(api.traits().limits)).await
    }

    /// Does the next step of every batch whose time has come.
    ///
    /// # Errors
    /// [`Lost`], where the store is. What was done is found again in the next pass.
    pub async fn pass(&self) -> Result<Pass, Lost> {
        let mut open = self.store.open().await?;
        let mut steps = 0;
        for at in 0..open.len() {
            let alone = {
                let one = &open[at].record;
                let others = open.iter().map(|other| &other.record);
                may_create(others.filter(|other| other.provider == one.provider && other.id != one.id))
            };
            if self.step(&mut open[at], alone).await? {
                steps += 1;
            }
        }
        let now = (self.clock)();
        let coming = open.iter().map(|open| &open.record).filter(|record| !record.state.is_final());
        // One that is due and was not done waits for another, whose time is known.
        let next = coming.map(|record| record.next_at).filter(|at| *at > now).min();
        Ok(Pass { steps, next: if steps > 0 { Some(now) } else { next } })
    }

    async fn step(&self, open: &mut Open, alone: bool) -> Result<bool, Lost> {
        let Some(api) = api(open.route.provider.kind) else { return Ok(false) };
        // While it is being built that costs nothing, and a moment later it would.
        if open.cancel_wanted && !open.record.cancel_wanted {
            self.hear(open, Event::CancelWanted).await?;
            return Ok(true);
        }
        let Some(due) = open.record.due((self.clock)(), alone) else { return Ok(false) };
        if due.record != open.record {
            self.store.keep(&open.record, &due.record, Rest::Waits).await?;
            open.record = due.record;
        }
        let event = perform(&self.store, &self.http, api, open, &due.effect).await?;
        self.hear(open, event).await?;
        Ok(true)
    }

    async fn hear(&self, open: &mut Open, event: Event) -> Result<(), Lost> {
        let heard = open.record.heard(event, (self.clock)(), &self.pace);
        self.store.keep(&open.record, &heard.record, heard.rest).await?;
        open.record = heard.record;
        Ok(())
    }

    /// Cancels a batch, at once or as soon as that can be.
    ///
    /// # Errors
    /// [`Lost`], where the store is.
    pub async fn cancel(&self, batch: i64) -> Result<bool, Lost> {
        let mut open = self.store.open().await?;
        let Some(open) = open.iter_mut().find(|open| open.record.id == batch) else { return Ok(false) };
        self.hear(open, Event::CancelWanted).await?;
        Ok(true)
    }
}
