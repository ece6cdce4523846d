//! Does what is next about a batch, and tells what was heard.

use super::api::{BatchApi, Progress};
use super::call::{Caller, Heard, Refused};
use super::feed::Feed;
use super::ingest;
use super::lines::Lines;
use super::requests::{Unmade, body_bytes, make};
use super::store::{Lost, Open, Store};
use crate::provider::Http;
use pg_categorize_core::batch::{Candidate, CustomId, Effect, Event, Matching, Moment, Trouble};
use std::time::Duration;

/// How far the clocks of provider and server may differ, and how long a create may take, for a batch to be looked at as one
/// that may be ours. What it really is shows in its results; this only keeps their number small.
const CLOCKS: Duration = Duration::from_secs(3600);
const CREATING: Duration = Duration::from_secs(2 * 3600);

/// Lines of results that are looked at to see whose they are. The first one says it; one of somebody else's among ours would
/// be strange, and is possible.
const LOOKED_AT: usize = 10;

/// Pages of a list that are read, 100 batches each.
const PAGES: usize = 100;

/// Does it.
pub(super) async fn perform(
    store: &impl Store,
    http: &Http,
    api: &dyn BatchApi,
    open: &Open,
    effect: &Effect,
) -> Result<Event, Lost> {
    let call = Caller::new(http, &open.route);
    Ok(match effect {
        Effect::Upload => {
            let (uploaded, made) = with_body(store, api, open, |feed| api.upload(&call, open.token, feed)).await?;
            told(uploaded, made, Event::Uploaded, Event::Failed(Trouble::Passing(None)))
        }
        Effect::Create if open.record.by_file => {
            let file = open.record.file.as_deref();
            told(api.create(&call, open.token, file, None).await, true, Event::Created, Event::Unanswered)
        }
        Effect::Create => {
            let create = |feed| api.create(&call, open.token, None, Some(feed));
            let (created, made) = with_body(store, api, open, create).await?;
            told(created, made, Event::Created, Event::Unanswered)
        }
        Effect::Find { since } => match find(api, &call, open, *since).await {
            Ok(event) => event,
            Err(refused) => Event::Failed(refused.trouble),
        },
        Effect::Inspect { remote } => match is_ours(api, &call, open, remote).await {
            Ok(ours) => Event::Inspected { remote: remote.clone(), ours },
            // Deleted, or its results are: then they are nobody's that we can have.
            Err(refused) if refused.unknown => Event::Inspected { remote: remote.clone(), ours: false },
            Err(refused) => Event::Failed(refused.trouble),
        },
        Effect::Poll { remote } => match api.poll(&call, remote).await {
            Ok(Progress::Running) => Event::Running,
            Ok(Progress::Ended { how, lines }) => Event::Ended { how, lines },
            Err(refused) if refused.unknown => Event::Gone,
            Err(refused) => Event::Failed(refused.trouble),
        },
        Effect::Cancel { remote } => match api.cancel(&call, remote).await {
            Ok(()) => Event::CancelTold,
            Err(refused) => Event::Failed(refused.trouble),
        },
        Effect::Fetch { remote } => match ingest::fetch(store, api, &call, open, remote).await? {
            Ok(lines) => Event::Fetched(lines),
            Err(refused) if refused.unknown => Event::Gone,
            Err(refused) => Event::Failed(refused.trouble),
        },
    })
}

/// Sends a body while it is made; whether it still could be.
async fn with_body<T, F: Future<Output = Heard<T>>>(
    store: &impl Store,
    api: &dyn BatchApi,
    open: &Open,
    send: impl FnOnce(Feed) -> F,
) -> Result<(Heard<T>, bool), Lost> {
    let (feed, pieces) = Feed::new(body_bytes(&api.framing(), open.bytes));
    let (heard, made) = tokio::join!(send(feed), make(store, api, open, pieces));
    match made {
        Err(Unmade::Lost) => Err(Lost),
        Err(Unmade::Changed) => Ok((heard, false)),
        Ok(()) | Err(Unmade::Unread) => Ok((heard, true)),
    }
}

/// What follows from an upload or a create. Of one that cannot be made any more nothing was done: its end was never sent.
fn told(heard: Heard<String>, made: bool, done: impl FnOnce(String) -> Event, unknown: Event) -> Event {
    match heard {
        Ok(name) => done(name),
        Err(refused) if refused.undone && !made => Event::NotDone(Trouble::Stopped),
        Err(refused) if refused.undone => Event::NotDone(refused.trouble),
        Err(_) => unknown,
    }
}

/// Reads the list as far as a batch of this time can be.
async fn find(api: &dyn BatchApi, call: &Caller<'_>, open: &Open, since: Moment) -> Heard<Event> {
    let label = open.token.to_string();
    let (from, to) = (since.before(CLOCKS), since.after(CREATING));
    let mut candidates = Vec::new();
    let mut after = None;
    for _ in 0..PAGES {
        let page = api.list(call, after.as_deref()).await?;
        for batch in &page.batches {
            if batch.label.as_ref() == Some(&label) {
                return Ok(Event::Found(batch.remote.clone()));
            }
            let in_time = batch.created.is_none_or(|created| from <= created && created <= to);
            let as_many = batch.requests.is_none_or(|requests| requests == u64::from(open.record.requests));
            if open.record.matching == Matching::Contents && in_time && as_many {
                candidates.push(Candidate { remote: batch.remote.clone(), ended: batch.ended });
            }
        }
        let older = page.batches.last().and_then(|last| last.created).is_some_and(|created| created < from);
        after = page.next;
        if older || after.is_none() {
            return Ok(Event::Listed(candidates));
        }
    }
    // Longer than anybody's: not finding it means nothing then.
    Err(Refused { trouble: Trouble::Passing(None), ..Refused::unreadable() })
}

/// Whether these results bear the name of our batch. A body without a line of this API says nothing: what stands between us
/// and the provider may have written it, and a batch that is taken for somebody else's would be paid twice.
async fn is_ours(api: &dyn BatchApi, call: &Caller<'_>, open: &Open, remote: &str) -> Heard<bool> {
    let mut of_others = false;
    for response in api.results(call, remote).await? {
        let mut lines = Lines::new(response);
        for _ in 0..LOOKED_AT {
            let Some(line) = lines.next().await.map_err(|_| Refused::unreadable())? else { break };
            let Some(line) = api.read(&line) else { continue };
            if CustomId::parse(&line.custom_id).is_some_and(|id| id.token == open.token) {
                return Ok(true);
            }
            of_others = true;
        }
    }
    if of_others { Ok(false) } else { Err(Refused::unreadable()) }
}
