//! The ceiling for all databases of the server: a file in which each database takes parts of the day's amount before it
//! reserves from them.
//!
//! What a gateway took and did not use is given back when the next one of its database begins. A file that is damaged counts
//! as an amount that is wholly taken, until the day (UTC) on which it was last written is over; who removes it says that
//! nothing was spent.

mod file;

use crate::pg::error;
use file::{Record, Shared, Trouble};
use pg_categorize_core::budget::{Account, lease};
use pg_categorize_core::cascade::Reason;
use pg_categorize_core::money::Money;
use pg_categorize_gateway::store::Refusal;
use pgrx::pg_sys;

/// What helps who can reach the data directory.
const HINT: &str =
    "Give it back to the user of the server, or remove it: that says that nothing was spent today (UTC).";

/// What this database holds of the server's amount.
#[derive(Default)]
pub struct Cluster {
    day: i64,
    held: Option<Money>,
    /// The day on which the server's log was told that the file is of no use.
    told: Option<i64>,
}

impl Cluster {
    /// Admits an attempt, where this database holds enough of the day's amount or can take it. `day` counts from the epoch
    /// of Postgres.
    ///
    /// # Errors
    /// `budget_exceeded`.
    pub fn admit(&mut self, account: Account, worst: Money, limit: Money, day: i64) -> Result<(), Refusal> {
        let used = account.used();
        if self.day == day && self.held.is_some_and(|held| held <= limit && account.admits(worst, held)) {
            return Ok(());
        }
        let refusal = |why: &str| Err(Refusal::because(Reason::BudgetExceeded, why));
        let Some((used, wanted)) = used.and_then(|used| Some((used, used.plus(worst)?))) else {
            return refusal("The day's amount cannot be counted.");
        };
        match self.take(used, wanted, limit, day) {
            Ok(true) => Ok(()),
            Ok(false) => refusal("categorize.cluster_limit_usd_day is reached by the databases of this server."),
            Err(trouble) => refusal(&self.tell(&trouble, day)),
        }
    }

    /// Takes what is missing up to `wanted`; whether it could be had. The first time it gives back what the former gateway
    /// held beyond `used`.
    fn take(&mut self, used: Money, wanted: Money, limit: Money, day: i64) -> Result<bool, Trouble> {
        // SAFETY: reads a global of the main thread.
        let database = unsafe { pg_sys::MyDatabaseId }.to_u32();
        let file = Shared::hold(database)?;
        let mut records = file.read(day)?;
        let mine = self.held.filter(|_| self.day == day).unwrap_or(used);
        let others: Money = records.iter().filter(|r| r.database != database && r.day == day).map(|r| r.held).sum();
        let needs = Money((wanted.0 - mine.0).max(0));
        let taken = lease(limit, Money(others.0.saturating_add(mine.0)), needs);
        let held = Money(mine.0.saturating_add(taken.unwrap_or(Money::ZERO).0));
        // At midnight, and when the clock was set back, others may still be in another day.
        records.retain(|record| record.day + 1 >= day && (record.database, record.day) != (database, day));
        records.push(Record { database, day, held });
        file.write(&records)?;
        (self.day, self.held, self.told) = (day, Some(held), None);
        Ok(taken.is_some())
    }

    /// What who asked is told; the server's log is told once a day.
    fn tell(&mut self, trouble: &Trouble, day: i64) -> String {
        let why = match trouble {
            Trouble::Busy => {
                return "The file pg_categorize.cluster in the data directory is held by other databases for long."
                    .to_owned();
            }
            Trouble::Damaged => "is damaged".to_owned(),
            Trouble::Unusable(why) => format!("cannot be used ({})", why.kind()),
        };
        let detail = format!(
            "The file pg_categorize.cluster in the data directory {why}: nothing is spent under categorize.cluster_limit_usd_day until {}.",
            match trouble {
                Trouble::Damaged => "the day is over (UTC), or the file is removed",
                _ => "the server can read and write it, or it is removed",
            }
        );
        if self.told != Some(day) {
            error::log("the ceiling of the server cannot be told", Some(detail.clone()), Some(HINT));
            self.told = Some(day);
        }
        detail
    }
}
