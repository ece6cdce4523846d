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

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// The lines of a body that is these bytes, so many times.
    async fn read(body: &'static [u8], times: usize) -> Result<Vec<String>, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            _ = stream.read(&mut [0; 4096]).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").await.unwrap();
            for _ in 0..times {
                // Whoever reads no more has gone.
                _ = stream.write_all(body).await;
            }
        });
        let mut lines = Lines::new(reqwest::get(url).await.unwrap());
        let mut read = Vec::new();
        while let Some(line) = lines.next().await? {
            read.push(String::from_utf8(line).unwrap());
        }
        Ok(read)
    }

    #[tokio::test]
    async fn a_body_is_its_lines_whether_the_last_one_ends_or_not() {
        assert_eq!(read(b"a\n\r\n b c\n\nd", 1).await.unwrap(), ["a", " b c", "d"]);
        assert_eq!(read(b"a\nd\n", 1).await.unwrap(), ["a", "d"]);
        assert!(read(b"", 1).await.unwrap().is_empty() && read(b"\n \n", 1).await.unwrap().is_empty());
        // In many pieces.
        let many = read(&[b'a'; 99_999], 50).await.unwrap();
        assert_eq!((many.len(), many[0].len()), (1, 99_999 * 50));
    }

    #[tokio::test]
    async fn a_line_without_an_end_is_not_kept_for_ever() {
        let refused = read(&[b'a'; 1 << 16], LONGEST / (1 << 16) + 10).await.unwrap_err();
        assert_eq!(refused.class, FailureClass::Unreadable);
    }
}
