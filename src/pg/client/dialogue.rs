//! What is asked in one call, and what has been replied to it so far.

use super::asker;
use super::connection::{Broken, Connection};
use super::number;
use crate::pg::scope::{Labels, Scope};
use pg_categorize_core::cascade::Reason;
use pg_categorize_core::frame::{self, Ask, Asker, Input, Reply, STOPPING, Target, ToBackend, ToGateway};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Instant;

/// Inputs of one frame.
const MOST_INPUTS: usize = 1000;

/// Bytes of inputs in one frame, but for a single one; the rest of the largest frame is for what is around them.
const MOST_BYTES: usize = frame::MAX_BYTES / 4 * 3;

/// The inputs of one call with their replies.
pub(super) struct Dialogue {
    scope: Rc<Scope>,
    inputs: Vec<Input>,
    deadline: Instant,
    asker: Asker,
    replies: Vec<Option<Reply>>,
    left: usize,
    /// Positions of the inputs of each request of the present connection.
    requests: HashMap<u64, Vec<usize>>,
    /// Positions of the inputs that the present connection is for, and how many of them were said.
    open: Vec<usize>,
    said: usize,
}

impl Dialogue {
    /// Nothing is asked yet.
    pub(super) fn new(scope: &Rc<Scope>, inputs: Vec<Input>, deadline: Instant) -> Self {
        let (replies, left) = (vec![None; inputs.len()], inputs.len());
        let (requests, open) = (HashMap::new(), Vec::new());
        Self { scope: scope.clone(), inputs, deadline, asker: asker(), replies, left, requests, open, said: 0 }
    }

    /// Asks for all that is left, and takes in replies until none is missing or the time is over.
    pub(super) fn over(&mut self, connection: &mut Connection) -> Result<(), Broken> {
        self.begin();
        self.go_on(connection, self.deadline, |dialogue| dialogue.left == 0)
    }

    /// Has all that is left asked over a connection that is new to it.
    pub(super) fn begin(&mut self) {
        self.requests.clear();
        self.open = (0..self.inputs.len()).filter(|at| self.replies[*at].is_none()).collect();
        self.said = 0;
    }

    /// Says the next portion, where the connection takes it.
    pub(super) fn say(&mut self, connection: &mut Connection) -> Result<(), Broken> {
        if connection.is_flushed() && self.said < self.open.len() {
            let rest = &self.open[self.said..];
            let portion = rest[..portion(rest.iter().map(|at| self.inputs[*at].most_bytes()))].to_vec();
            self.said += portion.len();
            connection.say(&self.request(portion))?;
        }
        Ok(())
    }

    /// Takes in replies until it is done or the time is over.
    pub(super) fn go_on(
        &mut self,
        connection: &mut Connection,
        deadline: Instant,
        is_done: impl Fn(&Self) -> bool,
    ) -> Result<(), Broken> {
        while !is_done(self) {
            self.say(connection)?;
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            let turn = connection.turn(left);
            while let Some(message) = connection.next()? {
                self.take(message)?;
            }
            if !is_done(self) {
                turn?;
            }
        }
        Ok(())
    }

    /// Whether no reply is missing.
    pub(super) fn is_complete(&self) -> bool {
        self.left == 0
    }

    /// The reply to the input at this position, if it has come.
    pub(super) fn reply(&self, at: usize) -> Option<&Reply> {
        self.replies[at].as_ref()
    }

    /// Says that nobody waits for the rest; whether the connection can be used again.
    pub(super) fn call_off(&mut self, connection: &mut Connection) -> bool {
        if self.left == 0 {
            return true;
        }
        if !connection.is_flushed() {
            return false;
        }
        let open = self.requests.iter().filter(|(_, inputs)| inputs.iter().any(|at| self.replies[*at].is_none()));
        open.map(|(request, _)| connection.say(&ToGateway::Cancel { request: *request })).all(|said| said.is_ok())
            && connection.transmit().is_ok()
            && connection.is_flushed()
    }

    /// The replies, with the same one for all that have none.
    pub(super) fn end(self, reason: Reason, detail: Option<String>) -> Vec<Reply> {
        let missing = || Reply::Unanswered { reason, detail: detail.clone() };
        self.replies.into_iter().map(|reply| reply.unwrap_or_else(missing)).collect()
    }

    fn request(&mut self, positions: Vec<usize>) -> ToGateway {
        let request = number();
        let inputs = positions.iter().map(|at| self.inputs[*at].clone()).collect();
        self.requests.insert(request, positions);
        let left = self.deadline.saturating_duration_since(Instant::now());
        ToGateway::Ask(Ask {
            request,
            patience_ms: u32::try_from(left.as_millis()).unwrap_or(u32::MAX),
            asker: self.asker.clone(),
            tenant: self.scope.tenant.clone(),
            target: target(&self.scope),
            inputs,
        })
    }

    fn take(&mut self, message: ToBackend) -> Result<(), Broken> {
        match message {
            ToBackend::Replies { request, replies } => {
                // A number that is not known is that of a call that waits no more.
                let Some(positions) = self.requests.get(&request) else { return Ok(()) };
                let mut leaving = false;
                for (input, reply) in replies {
                    let Some(at) = positions.get(input as usize).copied() else { continue };
                    if is_stopping(&reply) {
                        leaving = true;
                        continue;
                    }
                    if self.replies[at].is_none() {
                        self.replies[at] = Some(reply);
                        self.left -= 1;
                    }
                }
                if leaving { Err(Broken::Leaving) } else { Ok(()) }
            }
            ToBackend::Health { .. } => Ok(()),
            ToBackend::Refused { message } => Err(Broken::Misunderstood(message)),
        }
    }
}

/// Free answers that are to be audited: nobody waits.
pub(super) fn audit(scope: &Scope, inputs: &[Input]) -> ToGateway {
    ToGateway::Audit(Ask {
        request: number(),
        patience_ms: 0,
        asker: asker(),
        tenant: scope.tenant.clone(),
        target: target(scope),
        inputs: inputs.to_vec(),
    })
}

fn target(scope: &Scope) -> Target {
    match &scope.labels {
        Labels::Taxonomy(taxonomy, _) => Target::Taxonomy { id: taxonomy.id, version: taxonomy.version },
        Labels::AdHoc(labels) => Target::Labels(labels.to_vec()),
    }
}

/// Whether a gateway says that it leaves: that is no answer, since the next one can be asked.
fn is_stopping(reply: &Reply) -> bool {
    matches!(reply, Reply::Unanswered { reason: Reason::GatewayDown, detail: Some(detail) } if detail == STOPPING)
}

/// How many inputs of these lengths go into one frame: at least one.
fn portion(lengths: impl Iterator<Item = usize>) -> usize {
    let mut bytes = 0;
    let fitting = lengths.take(MOST_INPUTS).take_while(|length| {
        bytes += length;
        bytes <= MOST_BYTES
    });
    fitting.count().max(1)
}
