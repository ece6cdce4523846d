//! Having stored answers asked for anew, with the price told first.

use super::as_writer;
use crate::pg::call_site::{Into, scope};
use crate::pg::client::asker;
use crate::pg::plan::estimate::{PerInput, per_input, per_input_in_batches};
use crate::pg::queue::{self, Order, Wanted as WantedInput};
use crate::pg::resolver::Resolver;
use crate::pg::scope::Scope;
use crate::pg::spi::{self, Stored, StoredAnswer};
use crate::pg::{error, guard, world};
use pg_categorize_core::error::Error;
use pg_categorize_core::money::Money;
use pgrx::pg_sys;
use std::collections::HashMap;

/// Answers that are read at once.
const PORTION: i64 = 5000;

/// What is to be asked for anew.
pub struct Wanted<'a> {
    /// The taxonomy.
    pub taxonomy: Option<&'a str>,
    /// Only answers that were given for an earlier version of it.
    pub outdated: bool,
    /// Only answers of this model.
    pub model: Option<&'a str>,
    /// Only answers less sure than this.
    pub below: Option<f32>,
    /// Only answers for which this holds.
    pub condition: Option<&'a str>,
    /// Whether nothing is queued.
    pub dry_run: bool,
    /// 1 to 10; 10 goes first.
    pub priority: i32,
}

/// What that comes to.
#[derive(Debug, Default)]
pub struct Plan {
    /// Answers that are meant and can be asked for.
    pub answers: i64,
    /// Answers that are meant and whose texts are not stored.
    pub without_text: i64,
    /// Jobs that were made.
    pub queued: i64,
    /// What it costs live, and in batches: usually, and at most unless requests fail. `None` where nobody can be asked so.
    pub live: Option<[Money; 2]>,
    /// In batches.
    pub batch: Option<[Money; 2]>,
}

/// Queues what is meant, or tells what that would cost.
///
/// # Errors
/// 22023 for what cannot be meant; 25006 where nothing can be written, unless it is a dry run; those of the condition.
pub fn recategorize(wanted: &Wanted<'_>) -> Plan {
    if !wanted.dry_run {
        guard::refuse_read_only();
    }
    let priority = super::queue::priority_of(wanted.priority);
    if wanted.below.is_some_and(|below| !(0.0..=1.0).contains(&below)) {
        error::raise(Error::invalid("\"below\" must be between 0 and 1"));
    }
    let name = super::taxonomy(wanted.taxonomy).name.clone();
    let (world, _) = world::now();
    let Some(scope) = scope(&world, &Into::Taxonomy(Some(&name))) else { return Plan::default() };
    let Some(taxonomy) = scope.taxonomy() else { return Plan::default() };
    super::queue::refuse_kept_inside(&name, scope.settings.allow_external);
    let stored = Stored {
        tenant: &scope.tenant,
        taxonomy: taxonomy.id,
        before_version: wanted.outdated.then_some(taxonomy.version),
        model: wanted.model,
        below: wanted.below,
    };
    // Who calls: below, the owner does.
    let asker = asker();
    // SAFETY: a plain call.
    let role = unsafe { pg_sys::GetUserId() };
    let order = Order { scope: &scope, priority, role, asker: &asker };
    let (mut plan, mut bytes, mut after) = (Plan::default(), 0.0, None);
    loop {
        guard::check_for_interrupts();
        let portion = world::as_owner(|| spi::machine_answers(&stored, after, PORTION));
        let Some(last) = portion.last().map(|last| last.fingerprint) else { break };
        after = Some(last);
        let meant = meant(portion, wanted.condition, &scope);
        plan.without_text += meant.iter().filter(|answer| answer.input.is_none()).count() as i64;
        let texts: Vec<&str> = meant.iter().filter_map(|answer| answer.input.as_deref()).collect();
        plan.answers += texts.len() as i64;
        bytes += texts.iter().map(|text| text.len() as f64).sum::<f64>();
        if !wanted.dry_run && !texts.is_empty() {
            plan.queued += queue(&order, &texts);
        }
    }
    let usual_bytes = bytes / (plan.answers.max(1) as f64);
    let dollars = |each: PerInput| [each.usual, each.worst].map(|each| Money((plan.answers as f64 * each) as i64));
    plan.live = per_input(&scope, usual_bytes, true).map(dollars);
    plan.batch = per_input_in_batches(&scope, usual_bytes).map(dollars);
    plan
}

/// Those of a portion for which the caller's condition holds.
fn meant(portion: Vec<StoredAnswer>, condition: Option<&str>, scope: &Scope) -> Vec<StoredAnswer> {
    let Some(condition) = condition else { return portion };
    let holds = spi::answers_where(condition, &portion, |category| scope.text_of(category));
    let mut holds = holds.into_iter().peekable();
    let is_meant = |(place, _): &(usize, StoredAnswer)| holds.next_if_eq(place).is_some();
    portion.into_iter().enumerate().filter(is_meant).map(|(_, answer)| answer).collect()
}

/// Queues texts whose answers are known; how many jobs that made.
fn queue(order: &Order<'_>, texts: &[&str]) -> i64 {
    let mut keys = HashMap::with_capacity(texts.len());
    // Their answers are stored: what they are known by is all that is asked.
    Resolver::free(order.scope.clone()).keys_of(texts, |at, key| {
        keys.insert(at, key);
    });
    let inputs: Vec<WantedInput<'_>> = texts
        .iter()
        .enumerate()
        .filter_map(|(at, text)| Some(WantedInput { keys: keys.remove(&at)?, text }))
        .collect();
    as_writer(|_| {
        let queued = queue::enqueue(order, &inputs);
        let mut jobs: Vec<i64> = queued.iter().map(|queued| queued.job).collect();
        jobs.sort_unstable();
        jobs.dedup();
        spi::renew_jobs(&jobs);
        let mut new: Vec<i64> = queued.iter().filter(|queued| queued.is_new).map(|queued| queued.job).collect();
        new.sort_unstable();
        new.dedup();
        new.len() as i64
    })
}
