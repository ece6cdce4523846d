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
pub(super) const PORTION: usize = 256;

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
    let (mut next, mut left) = (0, open.bytes);
    let mut text = before;
    while next < open.record.requests {
        let requests = store.requests(open.record.id, next, PORTION).await.map_err(|Lost| Unmade::Lost)?;
        let Some(last) = requests.last() else { return Err(Unmade::Changed) };
        let behind = last.ordinal + 1;
        for request in &requests {
            let line = line(api, &open.route, open.token, request).ok_or(Unmade::Changed)?;
            let separator = if request.ordinal == 0 { "" } else { separator };
            left = left.checked_sub((line.len() + separator.len()) as u64).ok_or(Unmade::Changed)?;
            text.push_str(separator);
            text.push_str(&line);
            if text.len() >= PIECE {
                pieces.send(Bytes::from(std::mem::take(&mut text))).await.map_err(|_| Unmade::Unread)?;
            }
        }
        next = behind;
    }
    if left > 0 {
        return Err(Unmade::Changed);
    }
    text.push_str(&after);
    if text.is_empty() {
        return Ok(());
    }
    pieces.send(Bytes::from(text)).await.map_err(|_| Unmade::Unread)
}
