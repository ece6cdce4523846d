//! A body that is made while it is sent.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Pieces that are made before the first of them is sent.
const AHEAD: usize = 2;

/// The body as it is sent. It ends early, and the request with it, where its maker goes before all was made.
pub struct Feed {
    pieces: Receiver<Bytes>,
    bytes: u64,
    left: u64,
    complete: Arc<AtomicBool>,
}

/// Where its pieces go.
pub(super) type Pieces = Sender<Bytes>;

/// How far a body is sent.
pub(super) struct Progress(Arc<AtomicBool>);

impl Progress {
    /// Whether the last piece was taken by the connection.
    pub(super) fn is_complete(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl Feed {
    /// A body of so many bytes, and where they go.
    pub(super) fn new(bytes: u64) -> (Self, Pieces) {
        let (sender, pieces) = channel(AHEAD);
        (Self { pieces, bytes, left: bytes, complete: Arc::default() }, sender)
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn progress(&self) -> Progress {
        Progress(self.complete.clone())
    }
}

impl Body for Feed {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let piece = std::task::ready!(self.pieces.poll_recv(context));
        let Some(left) = piece.as_ref().and_then(|piece| self.left.checked_sub(piece.len() as u64)) else {
            return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
        };
        self.left = left;
        if left == 0 {
            self.complete.store(true, Ordering::Release);
        }
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    async fn frame(feed: &mut Feed) -> Option<io::Result<usize>> {
        let frame = poll_fn(|context| Pin::new(&mut *feed).poll_frame(context)).await;
        frame.map(|frame| frame.map(|frame| frame.into_data().unwrap().len()))
    }

    #[tokio::test]
    async fn a_body_is_complete_when_its_last_byte_was_taken() {
        let (mut feed, pieces) = Feed::new(5);
        let progress = feed.progress();
        pieces.send(Bytes::from_static(b"abc")).await.unwrap();
        pieces.send(Bytes::from_static(b"de")).await.unwrap();
        assert_eq!((feed.size_hint().exact(), frame(&mut feed).await.unwrap().unwrap()), (Some(5), 3));
        assert!(!progress.is_complete() && !feed.is_end_stream());
        assert_eq!(frame(&mut feed).await.unwrap().unwrap(), 2);
        assert!(progress.is_complete() && feed.is_end_stream() && frame(&mut feed).await.is_none());
    }

    #[tokio::test]
    async fn a_body_that_is_shorter_or_longer_than_it_said_is_an_error() {
        for piece in [&b"ab"[..], b"abcdef"] {
            let (mut feed, pieces) = Feed::new(5);
            let progress = feed.progress();
            pieces.send(Bytes::from_static(piece)).await.unwrap();
            drop(pieces);
            let ended = match frame(&mut feed).await {
                Some(Ok(_)) => frame(&mut feed).await,
                ended => ended,
            };
            assert!(ended.unwrap().is_err() && !progress.is_complete());
        }
    }
}
