//! What people do with the queue and with batches.

use super::as_writer;
use crate::pg::call_site::{Into, scope};
use crate::pg::client::asker;
use crate::pg::queue::{self, Order, Wanted};
use crate::pg::resolver::Resolver;
use crate::pg::{error, guard, spi, world};
use pg_categorize_core::cascade::TierName;
use pg_categorize_core::error::Error;
use pg_categorize_core::settings::Settings;
use pgrx::pg_sys;

/// The lowest and the highest priority.
const PRIORITIES: std::ops::RangeInclusive<i32> = 1..=10;

/// Queues the texts that no free tier answers; how many of them nobody had queued before.
///
/// # Errors
/// 22023 for an unknown taxonomy, none, or one whose texts stay in the database, and for a priority that is none; 25006 where nothing can
/// be written.
pub fn enqueue(inputs: &[Option<String>], taxonomy: Option<&str>, priority: i32) -> i64 {
    guard::refuse_read_only();
    let priority = priority_of(priority);
    // Who calls: below, the owner does.
    let asker = asker();
    // SAFETY: a plain call.
    let role = unsafe { pg_sys::GetUserId() };
    let name = super::taxonomy(taxonomy).name.clone();
    let (world, _) = world::now();
    let Some(scope) = scope(&world, &Into::Taxonomy(Some(&name))) else { return 0 };
    refuse_unasked(&name, &scope.settings);
    let texts: Vec<&str> = inputs.iter().flatten().map(String::as_str).collect();
    let mut open = Vec::new();
    let mut resolver = Resolver::free(scope.clone());
    resolver.leave_open(&texts, |at, keys| open.push(Wanted { keys, text: texts[at] }));
    drop(resolver);
    if open.is_empty() {
        return 0;
    }
    let order = Order { scope: &scope, priority, role, asker: &asker };
    let queued = as_writer(|_| queue::enqueue(&order, &open));
    let mut new: Vec<i64> = queued.iter().filter(|queued| queued.is_new).map(|queued| queued.job).collect();
    new.sort_unstable();
    new.dedup();
    new.len() as i64
}

/// A priority as it is stored.
///
/// # Errors
/// 22023 where it is none.
pub fn priority_of(priority: i32) -> i16 {
    if !PRIORITIES.contains(&priority) {
        error::raise(
            Error::invalid(format!("invalid value for \"priority\": {priority}"))
                .hint("Allowed: 1 to 10; 10 goes first."),
        );
    }
    priority as i16
}

/// Refuses a taxonomy that no language model is asked about: nothing would ever become of the jobs.
pub fn refuse_unasked(name: &str, settings: &Settings) {
    if !settings.allow_external {
        error::raise(
            Error::invalid(format!("the inputs of taxonomy \"{name}\" must not leave the database"))
                .hint("Its setting allow_external is false: categorize.configure() changes it."),
        );
    }
    if !settings.tiers.contains(&TierName::Llm) {
        error::raise(
            Error::invalid(format!("no language model is asked about the inputs of taxonomy \"{name}\""))
                .hint("Its setting tiers lacks llm: categorize.configure() changes it."),
        );
    }
}

/// Has what waits submitted at once; how many inputs wait.
pub fn submit() -> i64 {
    as_writer(|_| {
        queue::touch();
        spi::want_submission()
    })
}

/// Has the open batches polled at once; how many there are.
pub fn poll() -> i64 {
    as_writer(|_| {
        queue::touch();
        spi::want_poll()
    })
}

/// Has a batch cancelled; whether it had not ended.
///
/// # Errors
/// 22023 where there is none of this id.
pub fn cancel(batch: i64) -> bool {
    as_writer(|_| {
        queue::touch();
        spi::want_cancel(batch).unwrap_or_else(|| {
            error::raise(
                Error::invalid(format!("batch {batch} does not exist"))
                    .hint("categorize.batch_status lists the batches."),
            )
        })
    })
}
