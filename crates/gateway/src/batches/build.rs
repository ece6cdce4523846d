//! Makes batches of what waits.

use super::api::BatchApi;
use super::requests::{PORTION, prepared};
use super::store::{Lost, NewBatch, NewRequest, Store, Waiting};
use crate::plan::{Plan, Route};
use crate::provider::{Item, pack_limit};
use pg_categorize_core::batch::{CustomId, Limits, Shard, Take, Token};
use pg_categorize_core::cascade::Reason;
use std::sync::Arc;

/// What was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Built {
    /// Batches.
    pub batches: Vec<i64>,
    /// Whether the store has refused one; then nothing more was tried.
    pub refused: bool,
}

/// A batch as far as it is filled.
struct Filling {
    limits: Limits,
    shard: Shard,
    requests: Vec<NewRequest>,
    inputs: u32,
}

/// Walks over what waits for a route's provider, and makes batches of it within these limits. Packs are those of live calls:
/// an instruction that is paid once for ten titles saves more than half of the price does.
pub(super) async fn build(
    store: &impl Store,
    api: &dyn BatchApi,
    route: &Arc<Route>,
    limits: Limits,
) -> Result<Built, Lost> {
    let mut built = Built::default();
    let (mut after, mut filling) = (None, Filling::new(limits));
    let mut waiting = Vec::new();
    loop {
        let portion = store.waiting(route, after, PORTION).await?;
        let Some(last) = portion.last().map(|last| last.job) else { break };
        after = Some(last);
        waiting.extend(portion);
        // The last pack may go on in the next portion.
        let begun = packs(route, &waiting).last().map_or(0, <[_]>::len);
        let rest = waiting.split_off(waiting.len() - begun);
        if !fill(store, api, route, &waiting, &mut filling, &mut built).await? {
            return Ok(built);
        }
        waiting = rest;
    }
    if fill(store, api, route, &waiting, &mut filling, &mut built).await? && !filling.requests.is_empty() {
        close(store, route, &mut filling, &mut built).await?;
    }
    Ok(built)
}

/// Fills batches with these inputs; `false` where that is refused.
async fn fill(
    store: &impl Store,
    api: &dyn BatchApi,
    route: &Arc<Route>,
    waiting: &[Waiting],
    filling: &mut Filling,
    built: &mut Built,
) -> Result<bool, Lost> {
    let mut open: Vec<_> = packs(route, waiting).collect();
    open.reverse();
    while let Some(pack) = open.pop() {
        match filling.take(api, route, pack) {
            Fit::Taken => {}
            Fit::Full if !filling.requests.is_empty() => {
                if !close(store, route, filling, built).await? {
                    return Ok(false);
                }
                // Its numbers are those of the batch that it comes into.
                open.push(pack);
            }
            Fit::Full | Fit::TooLarge if pack.len() > 1 => {
                let (first, second) = pack.split_at(pack.len() / 2);
                open.extend([second, first]);
            }
            Fit::Full | Fit::TooLarge => store.too_large(pack.iter().map(|input| input.job).collect()).await?,
            Fit::Refused => {
                built.refused = true;
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// Makes the batch, and begins the next one; `false` where it is refused.
async fn close(store: &impl Store, route: &Arc<Route>, filling: &mut Filling, built: &mut Built) -> Result<bool, Lost> {
    let empty = Filling::new(filling.limits);
    let full = std::mem::replace(filling, empty);
    let batch = NewBatch { route: route.clone(), requests: full.requests };
    match store.build(batch).await? {
        Some(batch) => built.batches.push(batch),
        None => built.refused = true,
    }
    Ok(!built.refused)
}

/// Inputs of one plan, as many as go into one request.
fn packs<'a>(route: &'a Route, waiting: &'a [Waiting]) -> impl Iterator<Item = &'a [Waiting]> {
    let groups = waiting.chunk_by(|one, other| Arc::ptr_eq(&one.plan, &other.plan));
    groups.flat_map(|group| {
        let plan: &Plan = &group[0].plan;
        group.chunks(plan.pack_size.min(pack_limit(route, plan.usual_choices())).max(1))
    })
}

enum Fit {
    Taken,
    /// The next batch may take it.
    Full,
    /// Half of it may fit.
    TooLarge,
    /// Nothing can be asked of this route: it has no price, or no address.
    Refused,
}

impl Filling {
    fn new(limits: Limits) -> Self {
        Self { limits, shard: Shard::new(limits, 0), requests: Vec::new(), inputs: 0 }
    }

    fn take(&mut self, api: &dyn BatchApi, route: &Route, pack: &[Waiting]) -> Fit {
        let Some(first) = pack.first() else { return Fit::Taken };
        let items: Vec<_> =
            pack.iter().zip(self.inputs + 1..).map(|(input, number)| Item::text(number, &input.text)).collect();
        let prepared = match prepared(route, &first.plan, &items) {
            Ok(prepared) => prepared,
            Err(refusal) if refusal.reason == Reason::InputTooLarge => return Fit::TooLarge,
            Err(_) => return Fit::Refused,
        };
        let price = route.price.map(|row| row.price);
        let worst_case = price.and_then(|price| price.worst_case(prepared.input_bound(), prepared.output_bound()));
        let Some(worst_case) = worst_case else { return Fit::Refused };
        let ordinal = self.requests.len() as u32;
        // Which batch it comes into and what it asks about change the name, and not its length.
        let name = CustomId { token: Token::new(0, 0, 0), ordinal, check: [0; 8] };
        let separator = if ordinal == 0 { 0 } else { api.framing().separator.len() };
        let bytes = (api.line(route, &name, prepared.body()).len() + separator) as u64;
        match self.shard.take(bytes, first.plan.raw.as_ref().map_or(1, |request| request.inputs)) {
            Take::Taken => {
                self.inputs += pack.len() as u32;
                self.requests.push(NewRequest {
                    jobs: pack.iter().map(|input| input.job).collect(),
                    worst_case,
                    bytes,
                });
                Fit::Taken
            }
            Take::Full => Fit::Full,
            Take::TooLarge => Fit::TooLarge,
        }
    }
}
