//! What is asked ahead of those who need it: sent at once, and taken in when it is needed.

use super::connection::Connection;
use super::dialogue::Dialogue;
use super::{IDLE, open};
use crate::pg::scope::Scope;
use pg_categorize_core::frame::{Input, Reply};
use std::rc::Rc;
use std::time::Instant;

/// Inputs that were sent, with the replies that have come. Dropping it tells the gateway that nobody waits any more: what is
/// not on its way to a provider by then is not sent.
pub struct Flow {
    dialogue: Dialogue,
    connection: Option<Connection>,
}

impl Flow {
    /// Sends inputs, and waits for nothing but a gateway that has to start: until `start_by`, and if none is there by then
    /// nothing is sent, and no reply will come. The gateway has patience until `deadline`.
    ///
    /// # Errors
    /// What a cancel or a termination raises.
    pub fn begin(scope: &Rc<Scope>, inputs: Vec<Input>, start_by: Instant, deadline: Instant) -> Self {
        let mut dialogue = Dialogue::new(scope, inputs, deadline);
        dialogue.begin();
        let mut connection = open(start_by).ok();
        let mut send = |connection: &mut Connection| dialogue.say(connection).and_then(|()| connection.transmit());
        if connection.as_mut().is_some_and(|connection| send(connection).is_err()) {
            connection = None;
        }
        Self { dialogue, connection }
    }

    /// The reply to the input at this position; waits for it until the deadline. `None` where none has come or will come.
    ///
    /// # Errors
    /// What a cancel or a termination raises.
    pub fn reply(&mut self, at: usize, deadline: Instant) -> Option<Reply> {
        if self.dialogue.reply(at).is_none() {
            let connection = self.connection.as_mut()?;
            let turn = self.dialogue.go_on(connection, deadline, |dialogue| dialogue.reply(at).is_some());
            if turn.is_err() {
                self.connection = None;
            } else if self.dialogue.is_complete() {
                IDLE.set(self.connection.take());
            }
        }
        self.dialogue.reply(at).cloned()
    }

    /// Whether replies may still come.
    pub fn is_open(&self) -> bool {
        self.connection.is_some()
    }
}
