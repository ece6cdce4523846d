//! The requests of a batch as they are sent: made anew from what the store has, a portion at a time, in pieces of a megabyte.

use super::api::{BatchApi, Framing};
use super::feed::Pieces;
use super::store::{Lost, Open, Request, Store};
use crate::plan::{Plan, Route};
use crate::provider::{Item, Prepared, prepare, prepare_raw};
use crate::store::Refusal;
use bytes::Bytes;
use pg_categorize_core::batch::{CustomId, Token, check};

/// Requests that are in memory at once.
const PORTION: usize = 256;

/// The same where they are made of few inputs: as many inputs as these are read at once, or a few more.
const INPUTS: usize = 2048;

/// Bytes after which a piece of a body is sent: an instruction with a thousand categories is a hundred thousand bytes, and
/// each line has it.
const PIECE: usize = 1 << 20;

/// Why a body was not made to its end.
pub(super) enum Unmade {
    /// The store is gone.
    Lost,
    /// The requests are not those any more that were measured: a taxonomy has changed.
    Changed,
    /// Nobody reads it any more.
    Unread,
}

/// The request about these inputs, each under its number.
pub(super) fn prepared(route: &Route, plan: &Plan, items: &[Item<'_>]) -> Result<Prepared, Refusal> {
    match &plan.raw {
        Some(request) => prepare_raw(route, request),
        None => prepare(route, plan.usual_choices(), items),
    }
}

/// The line of a request.
pub(super) fn line(api: &dyn BatchApi, route: &Route, token: Token, request: &Request) -> Option<String> {
    let items: Vec<_> = request.items.iter().map(|item| Item::text(item.number, &item.text)).collect();
    let prepared = prepared(route, &request.plan, &items).ok()?;
    Some(api.line(route, &name(token, request), prepared.body()))
}

/// The name of a request.
pub(super) fn name(token: Token, request: &Request) -> CustomId {
    let check = check(request.items.iter().map(|item| &item.fingerprint.0));
    CustomId { token, ordinal: request.ordinal, check }
}

/// Bytes of a body whose lines have so many.
pub(super) fn body_bytes(framing: &Framing, lines: u64) -> u64 {
    lines + (framing.before.len() + framing.after.len()) as u64
}

/// Makes the body of a batch.
pub(super) async fn make(store: &impl Store, api: &dyn BatchApi, open: &Open, pieces: Pieces) -> Result<(), Unmade> {
    let Framing { before, separator, after } = api.framing();
    let id = open.record.id;
    let mut making = Making { api, open, separator, pieces, text: before, left: open.bytes };
    let mut requests = store.requests(id, 0, PORTION).await.map_err(|Lost| Unmade::Lost)?;
    loop {
        let Some(last) = requests.last() else { return Err(Unmade::Changed) };
        let behind = last.ordinal + 1;
        if behind >= open.record.requests {
            making.take(&requests).await?;
            break;
        }
        // The next ones are read while these are written.
        let inputs = requests.iter().map(|request| request.items.len()).sum::<usize>();
        let are_made = requests.iter().all(|request| request.plan.raw.is_none());
        let portion = if are_made { (INPUTS * requests.len() / inputs.max(1)).max(PORTION) } else { PORTION };
        let (next, taken) = tokio::join!(store.requests(id, behind, portion), making.take(&requests));
        taken?;
        requests = next.map_err(|Lost| Unmade::Lost)?;
    }
    if making.left > 0 {
        return Err(Unmade::Changed);
    }
    making.text.push_str(&after);
    making.send().await
}

/// A body as far as it is made.
struct Making<'a> {
    api: &'a dyn BatchApi,
    open: &'a Open,
    separator: &'static str,
    pieces: Pieces,
    /// What is not sent yet.
    text: String,
    /// Bytes of lines that are to come.
    left: u64,
}

impl Making<'_> {
    /// Adds these requests.
    async fn take(&mut self, requests: &[Request]) -> Result<(), Unmade> {
        for request in requests {
            let line = line(self.api, &self.open.route, self.open.token, request).ok_or(Unmade::Changed)?;
            let separator = if request.ordinal == 0 { "" } else { self.separator };
            self.left = self.left.checked_sub((line.len() + separator.len()) as u64).ok_or(Unmade::Changed)?;
            self.text.push_str(separator);
            self.text.push_str(&line);
            if self.text.len() >= PIECE {
                self.send().await?;
            }
        }
        Ok(())
    }

    async fn send(&mut self) -> Result<(), Unmade> {
        if self.text.is_empty() {
            return Ok(());
        }
        let room = String::with_capacity(PIECE + PIECE / 8);
        let piece = Bytes::from(std::mem::replace(&mut self.text, room));
        self.pieces.send(piece).await.map_err(|_| Unmade::Unread)
    }
}
