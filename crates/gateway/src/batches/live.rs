//! Inputs of the queue that no batch takes, or that none answered: they are asked about as those of a session are, with their own
//! money, limits, stronger models and cache.

use super::question::{Ended, Live};
use super::store::Lost;
use crate::ask::{self, Asked};
use crate::connection::Outbox;
use crate::desk::Desk;
use crate::store::Keys;
use pg_categorize_core::cascade::Reason;
use pg_categorize_core::fingerprint::Fingerprint;
use pg_categorize_core::frame::{self, Ask, Reply, ToBackend};
use std::sync::Arc;

/// How long they wait for limits and providers: nobody is in a hurry.
const PATIENCE_MS: u32 = 120_000;

/// Asks about them, and tells the store what became of each; whether each has ended.
pub(super) async fn ask(desk: &Arc<Desk>, live: Vec<Live>) -> Result<bool, Lost> {
    let mut all_ended = true;
    for live in live {
        let keys = live.inputs.iter().map(|input| Keys { own: input.key, shared: input.shared_key }.of_answer());
        let jobs: Vec<_> = live.jobs.iter().copied().zip(keys).collect();
        let replies = replies(desk, live).await;
        let ended: Vec<Ended> = jobs.iter().zip(replies).filter_map(|(job, reply)| ended(*job, reply)).collect();
        all_ended &= ended.len() == jobs.len();
        all_ended &= desk.store.asked(ended).await?;
    }
    Ok(all_ended)
}

async fn replies(desk: &Arc<Desk>, live: Live) -> Vec<Option<Reply>> {
    let mut replies: Vec<Option<Reply>> = live.inputs.iter().map(|_| None).collect();
    let Live { tenant, target, asker, inputs, .. } = live;
    let ask = Ask { request: 0, patience_ms: PATIENCE_MS, asker, tenant, target, inputs };
    let (outbox, mut said) = Outbox::within();
    let asked = Arc::new(Asked::new(desk, ask::number(), Arc::new(outbox), &ask));
    let asks = ask::run(desk.clone(), asked.clone(), ask);
    tokio::pin!(asks);
    let _left = Left { desk, asked: &asked };
    asks.await;
    // A provisional answer is followed by a final one: the last word counts.
    while let Ok(bytes) = said.try_recv() {
        let Ok(ToBackend::Replies { replies: some, .. }) = frame::decode(&bytes) else { continue };
        for (position, reply) in some {
            if let Some(slot) = replies.get_mut(position as usize) {
                *slot = Some(reply);
            }
        }
    }
    replies
}

/// Nobody waits any more, whatever became of the task that did.
struct Left<'a> {
    desk: &'a Arc<Desk>,
    asked: &'a Arc<Asked>,
}

impl Drop for Left<'_> {
    fn drop(&mut self) {
        self.desk.leave(self.asked, false);
    }
}

/// What a reply says of a job; `None` where it may be asked about again.
fn ended((job, key): (i64, Fingerprint), reply: Option<Reply>) -> Option<Ended> {
    match reply? {
        Reply::Answered(_) => Some(Ended { job, key, reason: None }),
        Reply::Unanswered { reason, .. } if passes(reason) => None,
        Reply::Unanswered { reason, .. } => Some(Ended { job, key, reason: Some(reason) }),
    }
}

/// Whether a reason may be gone the next time.
fn passes(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::BudgetExceeded
            | Reason::RateLimited
            | Reason::BreakerOpen
            | Reason::Timeout
            | Reason::ProviderError
            | Reason::GatewayDown
            | Reason::ExternalOff
            | Reason::NoProvider
            | Reason::UnknownPrice
            | Reason::Uncommitted
    )
}
