//! A connection that can be reset from within the handling of a request.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// What the handler of a request can do to its connection.
#[derive(Clone, Default)]
pub(crate) struct Line(Arc<Marks>);

#[derive(Default)]
struct Marks {
    reset: AtomicBool,
    controls: AtomicBool,
}

impl Line {
    /// In the place of the next byte that is written, or where it is dropped, the connection is reset.
    pub(crate) fn reset(&self) {
        self.0.reset.store(true, Ordering::Relaxed);
    }

    /// Its latest request is one to the server itself, or not.
    pub(crate) fn control(&self, is: bool) {
        self.0.controls.store(is, Ordering::Relaxed);
    }

    /// Whether its latest request is one to the server itself.
    pub(crate) fn controls(&self) -> bool {
        self.0.controls.load(Ordering::Relaxed)
    }
}

pub(crate) struct Connection {
    stream: TcpStream,
    line: Line,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream) -> (Self, Line) {
        let line = Line::default();
        (Self { stream, line: line.clone() }, line)
    }

    /// Closing a socket that does not linger sends RST (RFC 9293, section 3.10.4, ABORT).
    fn check(&self) -> io::Result<()> {
        if self.line.0.reset.load(Ordering::Relaxed) {
            self.stream.set_zero_linger()?;
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // Where that fails it is closed in the usual way: there is nobody to tell.
        let _ = self.check();
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
