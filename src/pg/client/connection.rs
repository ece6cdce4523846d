//! One connection of this backend to the gateway: frames out and in, without ever blocking.
//!
//! Dropping it closes it, which tells the gateway that nobody waits any more.

use crate::pg::wait::{self, Until};
use pg_categorize_core::frame::{self, FrameError, ToBackend, ToGateway};
use pgrx::pg_sys;
use std::io::{self, ErrorKind, Read, Write};
use std::mem::size_of;
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// Bytes read at once.
const PORTION: usize = 64 * 1024;

/// A connection, with what is not sent yet and what is not understood yet.
pub(super) struct Connection {
    stream: UnixStream,
    outgoing: Vec<u8>,
    sent: usize,
    incoming: Vec<u8>,
    _descriptor: Descriptor,
}

/// Why there is no connection.
pub(super) enum Unreachable {
    /// Nobody listens, or too many are waiting to be let in: it is worth another try.
    Now,
    /// Something that another try does not change.
    Always(String),
}

/// Why a connection is of no use any more.
pub(super) enum Broken {
    /// It ended.
    Ended,
    /// The gateway is about to end, and takes nothing more.
    Leaving,
    /// The other end does not speak as we do.
    Misunderstood(String),
}

impl From<FrameError> for Broken {
    fn from(error: FrameError) -> Self {
        Self::Misunderstood(error.to_string())
    }
}

impl Connection {
    /// Connects to the socket of this path.
    pub(super) fn open(path: &str) -> Result<Self, Unreachable> {
        let descriptor = Descriptor::acquire()
            .ok_or_else(|| Unreachable::Always("This session has no file descriptor left.".to_owned()))?;
        let stream = connect(path).map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused | ErrorKind::WouldBlock => Unreachable::Now,
            _ => Unreachable::Always(format!("Its socket cannot be reached: {error}.")),
        })?;
        Ok(Self { stream, outgoing: Vec::new(), sent: 0, incoming: Vec::new(), _descriptor: descriptor })
    }

    /// Whether the other end is still there, and left nothing half said.
    pub(super) fn is_alive(&mut self) -> bool {
        self.outgoing.is_empty() && self.receive().is_ok()
    }

    /// Whether all that was said is on its way.
    pub(super) fn is_flushed(&self) -> bool {
        self.outgoing.is_empty()
    }

    /// Says something; it goes out with the next turns.
    pub(super) fn say(&mut self, message: &ToGateway) -> Result<(), FrameError> {
        self.outgoing.extend(frame::encode(message)?);
        Ok(())
    }

    /// Sends what can be sent and takes in what has come; waits for either where neither moves.
    ///
    /// # Errors
    /// Where the other end is gone; what a cancel or a termination raises.
    pub(super) fn turn(&mut self, time: Duration) -> Result<(), Broken> {
        let moved = self.transmit()? | self.receive()?;
        if !moved {
            let until = if self.is_flushed() { Until::Readable } else { Until::ReadableOrWritable };
            wait::on_socket(self.stream.as_raw_fd(), until, time);
        }
        Ok(())
    }

    /// The next message that has come as a whole.
    pub(super) fn next(&mut self) -> Result<Option<ToBackend>, Broken> {
        let Some(length) = frame::length(&self.incoming)?.filter(|length| *length <= self.incoming.len()) else {
            return Ok(None);
        };
        let message = frame::decode(&self.incoming[..length]);
        self.incoming.drain(..length);
        Ok(Some(message?))
    }

    /// Sends what the socket takes now; says whether it took anything.
    pub(super) fn transmit(&mut self) -> Result<bool, Broken> {
        let before = self.sent;
        while self.sent < self.outgoing.len() {
            match (&self.stream).write(&self.outgoing[self.sent..]) {
                Ok(0) => return Err(Broken::Ended),
                Ok(bytes) => self.sent += bytes,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(self.sent > before),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // What has come before it ended still counts: the next read tells that it did.
                Err(_) => break,
            }
        }
        let moved = self.sent > before;
        self.outgoing.clear();
        self.sent = 0;
        Ok(moved)
    }

    /// Takes in one portion of what has come; says whether there was any.
    fn receive(&mut self) -> Result<bool, Broken> {
        let before = self.incoming.len();
        self.incoming.resize(before + PORTION, 0);
        let read = loop {
            match (&self.stream).read(&mut self.incoming[before..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.incoming.truncate(before + *read.as_ref().unwrap_or(&0));
        match read {
            Ok(0) => Err(Broken::Ended),
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            Err(_) => Err(Broken::Ended),
        }
    }
}

/// Connects without blocking, also where the queue of those who wait is full (EAGAIN then, unix(7)).
fn connect(path: &str) -> io::Result<UnixStream> {
    // SAFETY: all zeros is a valid address; the calls get a descriptor of ours and an address of the size they are told.
    unsafe {
        let mut address: libc::sockaddr_un = std::mem::zeroed();
        address.sun_family = libc::AF_UNIX as libc::sa_family_t;
        if path.len() >= address.sun_path.len() {
            return Err(io::Error::new(ErrorKind::InvalidInput, "its path is too long"));
        }
        for (to, from) in address.sun_path.iter_mut().zip(path.bytes()) {
            *to = from as libc::c_char;
        }
        let socket = libc::socket(libc::AF_UNIX, libc::SOCK_STREAM, 0);
        if socket < 0 {
            return Err(io::Error::last_os_error());
        }
        let stream = UnixStream::from_raw_fd(socket);
        stream.set_nonblocking(true)?;
        if libc::fcntl(socket, libc::F_SETFD, libc::FD_CLOEXEC) < 0 {
            return Err(io::Error::last_os_error());
        }
        let length = size_of::<libc::sockaddr_un>() as libc::socklen_t;
        if libc::connect(socket, (&raw const address).cast(), length) < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(stream)
    }
}

/// A file descriptor that Postgres knows of, so that its own files leave room for it.
struct Descriptor(());

impl Descriptor {
    fn acquire() -> Option<Self> {
        // SAFETY: a plain call; released when dropped.
        unsafe { pg_sys::AcquireExternalFD() }.then_some(Self(()))
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        // SAFETY: acquired before. It only counts, and may run while an error unwinds.
        unsafe { pg_sys::ReleaseExternalFD() };
    }
}
