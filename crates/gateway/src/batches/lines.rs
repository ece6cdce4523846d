//! A body as lines.

use crate::http::next_piece;
use crate::provider::{Charge, Failure, FailureClass};
use reqwest::Response;
use std::time::Duration;

/// Bytes of the longest line that is read: a reply, and what is around it.
const LONGEST: usize = 8 << 20;

/// How long nothing may come.
const PATIENCE: Duration = Duration::from_secs(60);

/// Lines of a body as they come.
pub(super) struct Lines {
    response: Response,
    buffer: Vec<u8>,
    /// Where the next line begins.
    start: usize,
    /// From the start up to here there is no end of a line.
    searched: usize,
    ended: bool,
}

impl Lines {
    pub(super) fn new(response: Response) -> Self {
        Self { response, buffer: Vec::new(), start: 0, searched: 0, ended: false }
    }

    /// The next line that is not empty, without its end; `None` after the last one.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        loop {
            let line = match self.buffer[self.searched..].iter().position(|byte| *byte == b'\n') {
                Some(at) => self.take(self.searched + at, 1),
                None if self.ended && self.start == self.buffer.len() => return Ok(None),
                None if self.ended => self.take(self.buffer.len(), 0),
                None => {
                    self.more().await?;
                    continue;
                }
            };
            if !line.iter().all(u8::is_ascii_whitespace) {
                return Ok(Some(line));
            }
        }
    }

    fn take(&mut self, end: usize, mark: usize) -> Vec<u8> {
        let line = self.buffer[self.start..end].to_vec();
        (self.start, self.searched) = (end + mark, end + mark);
        line
    }

    async fn more(&mut self) -> Result<(), Failure> {
        self.buffer.drain(..self.start);
        (self.start, self.searched) = (0, self.buffer.len());
        match next_piece(&mut self.response, PATIENCE).await? {
            Some(_) if self.buffer.len() > LONGEST => {
                Err(Failure::new(FailureClass::Unreadable, Charge::Unknown, "a line is too long"))
            }
            Some(piece) => {
                self.buffer.extend_from_slice(&piece);
                Ok(())
            }
            None => {
                self.ended = true;
                Ok(())
            }
        }
    }
}
