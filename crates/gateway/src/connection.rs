//! One backend: frames in, frames out. When it hangs up, all that it waited for ends.

use crate::ask::{self, Asked};
use crate::desk::Desk;
use hashbrown::HashMap;
use parking_lot::Mutex;
use pg_categorize_core::frame::{self, Ask, FrameError, HEADER_BYTES, ToBackend, ToGateway};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Bytes of replies that may wait for a backend that does not read; more, and it is hung up on.
const UNREAD_BYTES: usize = 4 * frame::MAX_BYTES;

/// Questions of one backend at once. It has one statement; a few may be over without its having noticed.
const QUESTIONS: usize = 64;

/// How long audits may wait for limits and providers: longer than anybody who is in a hurry.
const AUDIT_PATIENCE_MS: u32 = 120_000;

/// Where replies to one backend go.
pub(crate) struct Outbox {
    /// Tells connections apart.
    pub(crate) connection: u64,
    frames: UnboundedSender<Vec<u8>>,
    unread: Arc<AtomicUsize>,
}

impl Outbox {
    /// One that nobody reads.
    fn nowhere(connection: u64) -> Self {
        Self { connection, frames: unbounded_channel().0, unread: Arc::default() }
    }

    /// One that is read in this process, where nothing may be hung up on.
    pub(crate) fn within() -> (Self, UnboundedReceiver<Vec<u8>>) {
        let (frames, said) = unbounded_channel();
        (Self { connection: u64::MAX, frames, unread: Arc::default() }, said)
    }

    /// Says something, once what was said before is read.
    pub(crate) fn say(&self, message: &ToBackend) {
        let bytes = frame::encode(message).or_else(|e| frame::encode(&ToBackend::Refused { message: e.to_string() }));
        if let Ok(bytes) = bytes {
            self.unread.fetch_add(bytes.len(), Ordering::AcqRel);
            // Nobody reads what is said after the connection is gone.
            _ = self.frames.send(bytes);
        }
    }
}

/// Serves one backend until it hangs up.
pub(crate) async fn serve(desk: Arc<Desk>, stream: UnixStream, connection: u64) {
    let (mut reader, writer) = stream.into_split();
    let (frames, said) = unbounded_channel();
    let unread = Arc::new(AtomicUsize::new(0));
    let outbox = Arc::new(Outbox { connection, frames, unread: unread.clone() });
    let write = tokio::spawn(write(writer, said, unread));
    let asks = Asks { desk, outbox: outbox.clone(), open: Arc::default() };
    let refused = loop {
        match read(&mut reader).await {
            Ok(Some(frame)) => {
                if let Err(refused) = asks.hear(&frame) {
                    break Some(refused);
                }
            }
            Ok(None) => break None,
            Err(error) => break Some(error.to_string()),
        }
    };
    drop(asks);
    match refused {
        Some(message) => {
            // Both ends of the socket close once the last word is written.
            outbox.say(&ToBackend::Refused { message });
            drop(outbox);
            let mut write = write;
            tokio::select! {
                _ = &mut write => {}
                // A backend that sends rubbish and does not read either.
                () = hung_up(&mut reader) => write.abort(),
            }
        }
        None => write.abort(),
    }
}

/// The next frame; `None` when the backend hung up.
async fn read(reader: &mut OwnedReadHalf) -> Result<Option<Vec<u8>>, FrameError> {
    let mut bytes = vec![0; HEADER_BYTES];
    if reader.read_exact(&mut bytes).await.is_err() {
        return Ok(None);
    }
    let Some(length) = frame::length(&bytes)? else { return Ok(None) };
    // Memory grows as bytes arrive, not as the header promises.
    let rest = (length - HEADER_BYTES) as u64;
    let read = reader.take(rest).read_to_end(&mut bytes).await;
    Ok((read.is_ok() && bytes.len() == length).then_some(bytes))
}

async fn hung_up(reader: &mut OwnedReadHalf) {
    let mut rubbish = [0; 4096];
    while reader.read(&mut rubbish).await.is_ok_and(|count| count > 0) {}
}

async fn write(
    mut writer: OwnedWriteHalf,
    mut said: UnboundedReceiver<Vec<u8>>,
    unread: Arc<AtomicUsize>,
) -> io::Result<()> {
    while let Some(bytes) = said.recv().await {
        writer.write_all(&bytes).await?;
        unread.fetch_sub(bytes.len(), Ordering::AcqRel);
    }
    writer.shutdown().await
}

/// The questions of one backend.
struct Asks {
    desk: Arc<Desk>,
    outbox: Arc<Outbox>,
    open: Arc<Mutex<HashMap<u64, Arc<Asked>>>>,
}

impl Asks {
    /// Does what a frame says; an error is the last word to the backend.
    fn hear(&self, frame: &[u8]) -> Result<(), String> {
        match frame::decode(frame).map_err(|e| e.to_string())? {
            ToGateway::Ask(ask) => self.ask(ask),
            ToGateway::Audit(ask) => {
                self.audit(ask);
                Ok(())
            }
            ToGateway::Cancel { request } => {
                let asked = self.open.lock().remove(&request);
                if let Some(asked) = asked {
                    self.desk.leave(&asked, false);
                }
                Ok(())
            }
            ToGateway::Health { request } => {
                let lines = self.desk.health.lock().lines(self.desk.clock.now());
                self.outbox.say(&ToBackend::Health { request, lines });
                Ok(())
            }
        }
    }

    /// Nobody waits: what is said goes nowhere, and who hangs up ends nothing.
    fn audit(&self, ask: Ask) {
        let ask = Ask { patience_ms: AUDIT_PATIENCE_MS, ..ask };
        let id = ask::number();
        let asked = Arc::new(Asked::new(&self.desk, id, Arc::new(Outbox::nowhere(self.outbox.connection)), &ask));
        tokio::spawn(ask::run(self.desk.clone(), asked, ask));
    }

    fn ask(&self, ask: Ask) -> Result<(), String> {
        if self.outbox.unread.load(Ordering::Acquire) > UNREAD_BYTES {
            return Err("replies are not read".into());
        }
        let id = ask::number();
        let asked = Arc::new(Asked::new(&self.desk, id, self.outbox.clone(), &ask));
        {
            let mut open = self.open.lock();
            if open.len() >= QUESTIONS {
                return Err("too many questions at once".into());
            }
            if open.contains_key(&ask.request) {
                return Err("the number of a request is in use".into());
            }
            open.insert(ask.request, asked.clone());
        }
        let (desk, open) = (self.desk.clone(), self.open.clone());
        tokio::spawn(async move {
            let request = ask.request;
            ask::run(desk, asked, ask).await;
            // The number may belong to a new question by now, where this one was cancelled.
            let mut open = open.lock();
            if open.get(&request).is_some_and(|asked| asked.id == id) {
                open.remove(&request);
            }
        });
        Ok(())
    }
}

impl Drop for Asks {
    fn drop(&mut self) {
        let open = std::mem::take(&mut *self.open.lock());
        open.values().for_each(|asked| self.desk.leave(asked, false));
    }
}
