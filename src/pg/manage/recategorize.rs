//! Having stored answers asked for anew, with the price told first.

use super::as_writer;
use crate::pg::call_site::{Into, scope};
use crate::pg::client::asker;
use crate::pg::plan::estimate::{PerInput, per_input, per_input_in_batches};
use crate::pg::queue::{self, Order, Queued, Wanted as WantedInput};
use crate::pg::resolver::keys;
use crate::pg::scope::Scope;
use crate::pg::spi::{self, Meant, StoredAnswer};
use crate::pg::{error, guard, world};
use pg_categorize_core::error::{Error, ErrorKind};
use pg_categorize_core::money::Money;
use pg_categorize_core::settings::Settings;
use pgrx::pg_sys;
use std::collections::HashSet;

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
    /// Answers that are meant and cannot: their texts are not stored, or they are about images.
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
    super::queue::refuse_unasked(&name, &scope.settings);
    let stored = Meant {
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
    let never = never_in_batches(&scope.settings);
    let per_input_in_batches = |bytes| never.is_none().then(|| per_input_in_batches(&scope, bytes)).flatten();
    let (mut plan, mut bytes, mut after) = (Plan::default(), 0.0, None);
    loop {
        guard::check_for_interrupts();
        let portion = world::as_owner(|| spi::machine_answers(&stored, after, PORTION));
        let Some(last) = portion.last().map(|last| last.fingerprint) else { break };
        after = Some(last);
        let meant = meant(portion, wanted.condition, &scope);
        let inputs: Vec<WantedInput<'_>> = meant.iter().filter_map(|answer| askable(answer, &scope)).collect();
        plan.answers += inputs.len() as i64;
        plan.without_text += (meant.len() - inputs.len()) as i64;
        bytes += inputs.iter().map(|input| input.text.len() as f64).sum::<f64>();
        if !wanted.dry_run && !inputs.is_empty() {
            if per_input_in_batches(bytes / plan.answers as f64).is_none() {
                refuse_without_batches(&name, never);
            }
            plan.queued += queue(&order, &inputs);
        }
    }
    let usual_bytes = bytes / (plan.answers.max(1) as f64);
    let dollars = |each: PerInput| [each.usual, each.worst].map(|each| Money((plan.answers as f64 * each) as i64));
    plan.live = per_input(&scope, usual_bytes, true).map(dollars);
    plan.batch = per_input_in_batches(usual_bytes).map(dollars);
    plan
}

/// Those of a portion for which the caller's condition holds.
fn meant(portion: Vec<StoredAnswer>, condition: Option<&str>, scope: &Scope) -> Vec<StoredAnswer> {
    let Some(condition) = condition else { return portion };
    let holds = spi::answers_where(condition, &portion, |category| scope.text(category).map(str::to_owned));
    let mut holds = holds.into_iter().peekable();
    let is_meant = |(place, _): &(usize, StoredAnswer)| holds.next_if_eq(place).is_some();
    portion.into_iter().enumerate().filter(is_meant).map(|(_, answer)| answer).collect()
}

/// Queues inputs whose answers are known; how many jobs that made.
fn queue(order: &Order<'_>, inputs: &[WantedInput<'_>]) -> i64 {
    as_writer(|_| {
        let queued = queue::enqueue(order, inputs);
        let distinct =
            |jobs: &mut dyn Iterator<Item = &Queued>| jobs.map(|queued| queued.job).collect::<HashSet<i64>>();
        let all = distinct(&mut queued.iter());
        spi::renew_jobs(&all.into_iter().collect::<Vec<_>>());
        distinct(&mut queued.iter().filter(|queued| queued.is_new)).len() as i64
    })
}

/// A stored answer with its keys, where they are those of its text: what was asked about an image is known by that.
fn askable<'a>(answer: &'a StoredAnswer, scope: &Scope) -> Option<WantedInput<'a>> {
    let text = answer.input.as_deref()?;
    let keys = keys(scope, text)?;
    let is_its = keys.0 == answer.fingerprint || keys.1 == Some(answer.fingerprint);
    is_its.then_some(WantedInput { keys, text })
}

/// Why the inputs of a taxonomy go in no batch whatever its models and prices are, and what helps. They are asked live, where what
/// is stored is the answer.
fn never_in_batches(settings: &Settings) -> Option<[&'static str; 2]> {
    if settings.compares_first() {
        return Some([
            "Its inputs are compared with earlier texts, by vectors that are made for each, before a language model is asked.",
            "Set \"embedding\" to static until they are answered, or \"tiers\" without similarity before llm; categorize.forget() forgets single answers.",
        ]);
    }
    settings.straight_above().map(|_| {
        [
            "Some of its inputs go straight to the strong model.",
            "Set \"straight_to_strong\" to 1 until they are answered; categorize.forget() forgets single answers.",
        ]
    })
}

/// Live questions are answered by what is stored.
fn refuse_without_batches(name: &str, why: Option<[&'static str; 2]>) -> ! {
    let [detail, hint] = why.unwrap_or([
        "No model that it asks has a price for batches, or its categories are offered in lists.",
        "categorize.set_batch_price() states a price; categorize.forget() forgets single answers.",
    ]);
    error::raise(
        Error::new(
            ErrorKind::NotSupported,
            format!("the answers of taxonomy \"{name}\" cannot be asked for anew in batches"),
        )
        .detail(detail)
        .hint(hint),
    )
}
