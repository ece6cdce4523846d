//! A body that is made while it is sent.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Pieces that are made before the first of them is sent. A piece is a portion of lines.
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
