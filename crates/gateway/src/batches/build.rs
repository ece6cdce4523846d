//! Makes batches of what waits.

use super::api::BatchApi;
use super::requests::prepared;
use super::store::{Lost, NewRequest, Part, Store, Waiting};
use crate::plan::{Plan, Route};
use crate::provider::{Item, pack_limit};
use pg_categorize_core::batch::{CustomId, Limits, Shard, Take, Token};
use pg_categorize_core::cascade::Reason;
use std::sync::Arc;

/// Inputs that are read from the queue at once at most: where they are titles, a hundredth of a second's work for the thread that
/// reads them, during which it answers nobody else. Of long ones the store gives fewer, since it counts their bytes as well.
const PORTION: usize = 2048;

/// The same of requests that come as they are sent, of up to 16 MB each.
const RAW_PORTION: usize = 64;

/// Requests that are stored at once: each costs that thread several times what an input does.
const PART: usize = 512;

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
    /// Its number, where a part of it is stored.
    batch: Option<i64>,
    inputs: u32,
    /// Its requests that are not stored yet, and what the provider counts of each.
    requests: Vec<(NewRequest, u32)>,
    /// How far it was filled, and its inputs, without these.
    stored: (Shard, u32),
}

/// What became of the requests that were not stored yet.
enum Stored {
    /// The store has done with all of them.
    All,
    /// Some are to be measured anew.
    Some,
    /// Nothing more is to be tried.
    Refused,
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
    let mut filling = Filling::new(limits);
    let mut waiting = Vec::new();
    let limit = if route.raw.is_some() { RAW_PORTION } else { PORTION };
    let mut portion = store.waiting(route, None, limit).await?;
    while let Some(last) = portion.last().map(|last| last.job) {
        waiting.extend(portion);
        // The last pack may go on in the next portion.
        let begun = packs(route, &waiting).last().map_or(0, <[_]>::len);
        let rest = waiting.split_off(waiting.len() - begun);
        // The next portion is read while this one is measured.
        let next = store.waiting(route, Some(last), limit);
        let (next, goes_on) = tokio::join!(next, fill(store, api, route, &waiting, &mut filling, &mut built));
        if !goes_on? {
            return Ok(built);
        }
        portion = next?;
        waiting = rest;
    }
    fill(store, api, route, &waiting, &mut filling, &mut built).await?;
    Ok(built)
}

/// Fills batches with these inputs, and stores them; `false` where that is refused.
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
    // The packs of the requests that are not stored yet.
    let mut taken = Vec::new();
    loop {
        let Some(pack) = open.pop() else {
            match filling.store(store, route, (&mut taken, &mut open), built).await? {
                Stored::All => return Ok(true),
                Stored::Some => continue,
                Stored::Refused => return Ok(false),
            }
        };
        match filling.take(api, route, pack) {
            Fit::Taken => {
                taken.push(pack);
                if filling.requests.len() < PART {
                    continue;
                }
                if let Stored::Refused = filling.store(store, route, (&mut taken, &mut open), built).await? {
                    return Ok(false);
                }
            }
            Fit::Full if filling.shard.requests() > 0 => {
                // Its numbers are those of the batch that it comes into.
                open.push(pack);
                match filling.store(store, route, (&mut taken, &mut open), built).await? {
                    Stored::All => *filling = Filling::new(filling.limits),
                    Stored::Some => {}
                    Stored::Refused => return Ok(false),
                }
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
        let shard = Shard::new(limits, 0);
        Self { limits, shard, batch: None, inputs: 0, requests: Vec::new(), stored: (shard, 0) }
    }

    /// Stores what is not yet, of these packs. Those that are behind one that is left out are open again.
    async fn store<'a>(
        &mut self,
        store: &impl Store,
        route: &Arc<Route>,
        (taken, open): (&mut Vec<&'a [Waiting]>, &mut Vec<&'a [Waiting]>),
        built: &mut Built,
    ) -> Result<Stored, Lost> {
        let requests = std::mem::take(&mut self.requests);
        let packs = std::mem::take(taken);
        if requests.is_empty() {
            return Ok(Stored::All);
        }
        let (batch, count) = (self.batch, requests.len());
        let sizes: Vec<_> = requests.iter().map(|(request, units)| (request.bytes, *units)).collect();
        let requests = requests.into_iter().map(|(request, _)| request).collect();
        let Some(made) = store.build(Part { batch, route: route.clone(), requests }).await? else {
            built.refused = true;
            return Ok(Stored::Refused);
        };
        if batch.is_none() {
            built.batches.extend(made.batch);
        }
        self.batch = made.batch;
        if made.skipped {
            // What comes next was measured under other numbers.
            (self.shard, self.inputs) = self.stored;
            for ((bytes, units), pack) in sizes.into_iter().zip(&packs).take(made.requests) {
                self.shard.take(bytes, units);
                self.inputs += pack.len() as u32;
            }
            open.extend(packs.into_iter().skip(made.requests + 1).rev());
        } else if made.requests < count {
            // There is no money for more.
            *self = Self::new(self.limits);
        }
        self.stored = (self.shard, self.inputs);
        Ok(if made.skipped { Stored::Some } else { Stored::All })
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
        let ordinal = self.shard.requests();
        // Which batch it comes into and what it asks about change the name, and not its length.
        let name = CustomId { token: Token::new(0, 0, 0), ordinal, check: [0; 8] };
        let separator = if ordinal == 0 { 0 } else { api.framing().separator.len() };
        let bytes = (api.line_bytes(route, &name, prepared.body_bytes()) + separator) as u64;
        let units = first.plan.raw.as_ref().map_or(1, |request| request.inputs);
        match self.shard.take(bytes, units) {
            Take::Taken => {
                self.inputs += pack.len() as u32;
                let jobs = pack.iter().map(|input| input.job).collect();
                self.requests.push((NewRequest { jobs, worst_case, bytes }, units));
                Fit::Taken
            }
            Take::Full => Fit::Full,
            Take::TooLarge => Fit::TooLarge,
        }
    }
}
