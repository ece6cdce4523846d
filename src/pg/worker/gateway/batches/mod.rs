//! What batches ask of the database: each question is answered in a transaction of its own, which is durable before the reply.

mod agenda;
mod building;
mod ending;
mod raw;
mod reading;
mod results;
mod vectors;
mod walk;

use super::books::Books;
use super::plans::Plans;
use crate::pg::spi::{self, Group};
use pg_categorize_core::batch::Moment;
use pg_categorize_core::choices::Choices;
use pg_categorize_core::frame::Target;
use pg_categorize_gateway::plan::Plan;
use pgrx::pg_sys;
use std::collections::HashMap;
use std::sync::Arc;
use walk::Walk;

/// Seconds from 1970 to the epoch of Postgres.
const EPOCH: i64 = 946_684_800;

/// What is kept from one question to the next; a gateway that begins anew finds all that matters in the tables.
#[derive(Default)]
pub struct Batches {
    /// What waited when there was an agenda last: to count it takes as long as to read half of it.
    groups: Vec<Group>,
    /// The inputs that are being read for a batch.
    walk: Option<Walk>,
    /// The priority and the job of the last request that was read for one.
    walked: Option<(i16, i64)>,
    /// Until when nothing is sent to providers, by their ids, since there was no money.
    resting: HashMap<i32, Moment>,
}

/// What a question works with.
pub struct Desk<'a> {
    /// How inputs are asked about.
    pub plans: &'a mut Plans,
    /// What budgets have left.
    pub books: &'a mut Books,
}

impl Desk<'_> {
    /// Whether what batches do not answer is asked live.
    fn asks_live(&mut self, target: &Target) -> bool {
        let Target::Taxonomy { id, .. } = target else { return true };
        let Some(taxonomy) = self.plans.taxonomy(*id) else { return true };
        taxonomy.settings.explicit().get("batch_live").and_then(serde_json::Value::as_bool).unwrap_or(true)
    }

    /// How inputs of a batch are read that was made of them: as they are asked about now, or as none of a taxonomy that is gone.
    fn plan_or_nothing(&mut self, tenant: &str, target: &Target) -> Arc<Plan> {
        self.plans.plan(tenant, target).unwrap_or_else(|_| {
            let nothing = Plan { tenant: tenant.to_owned(), ..Plan::new(Choices::new(Vec::new()), Vec::new()) };
            Arc::new(nothing)
        })
    }
}

/// What batches are bound to.
fn here() -> (i64, pg_sys::Oid) {
    // SAFETY: a plain call, and a global of the main thread.
    unsafe { (pg_sys::GetSystemIdentifier().cast_signed(), pg_sys::MyDatabaseId) }
}

/// A moment of Postgres, in microseconds of its epoch.
fn moment(microseconds: i64) -> Moment {
    Moment(microseconds.div_euclid(1_000_000) + EPOCH)
}

/// As Postgres counts it.
fn microseconds(moment: Moment) -> i64 {
    (moment.0 - EPOCH).saturating_mul(1_000_000)
}

/// The time by the clock.
fn now() -> Moment {
    moment(crate::pg::guard::clock())
}

/// Removes what ended long ago.
pub fn prune(days: i32) {
    spi::prune_queue(days);
}
