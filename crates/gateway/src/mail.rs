//! Replies on their way to those who wait: collected while the desk is locked, delivered once it is not.

use crate::ask::Asked;
use crate::store::Refusal;
use pg_categorize_core::frame::{Reply, ToBackend};
use std::sync::Arc;

/// Replies in one frame.
const FRAME: usize = 1000;

/// Replies to deliver.
#[derive(Default)]
#[must_use]
pub(crate) struct Mail(Vec<(Arc<Asked>, u32, Reply)>);

impl Mail {
    pub(crate) fn add(&mut self, ask: Arc<Asked>, position: u32, reply: Reply) {
        self.0.push((ask, position, reply));
    }

    /// Delivers all, in as few frames as there are who ask.
    pub(crate) fn post(mut self) {
        self.0.sort_by_key(|(ask, _, _)| ask.id);
        let mut rest = self.0.into_iter().peekable();
        while let Some((ask, position, reply)) = rest.next() {
            let mut replies = vec![(position, reply)];
            while replies.len() < FRAME {
                let Some((_, position, reply)) = rest.next_if(|(other, _, _)| other.id == ask.id) else { break };
                replies.push((position, reply));
            }
            let count = replies.len();
            ask.outbox.say(&ToBackend::Replies { request: ask.request, replies });
            ask.replied(count);
        }
    }
}

/// A refusal as a backend hears it.
pub(crate) fn unanswered(refusal: &Refusal) -> Reply {
    Reply::Unanswered { reason: refusal.reason, detail: refusal.detail.clone() }
}
