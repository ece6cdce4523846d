//! A server that is down for a while: it loses its connections, and keeps its account.

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use tokio::sync::watch;

/// How a server is down. Open connections are reset either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outage {
    /// Nobody listens: new connections are refused.
    Refuse,
    /// New connections are taken, and reset at their first request. Control endpoints answer.
    Reset,
}

/// Whether a server is down, for all that have to know.
pub(crate) struct Gate {
    port: u16,
    door: Mutex<Door>,
    changes: watch::Sender<Option<Outage>>,
}

/// The listener on its way between those that open and close it.
#[derive(Default)]
struct Door {
    /// One that was opened and is not in use yet.
    opened: Option<TcpListener>,
    /// Whether one is open, here or in use.
    open: bool,
}

impl Gate {
    /// Listens; port 0 takes a free one.
    pub(crate) fn open(port: u16) -> io::Result<Self> {
        let listener = listen(port)?;
        let port = listener.local_addr()?.port();
        let door = Mutex::new(Door { opened: Some(listener), open: true });
        Ok(Self { port, door, changes: watch::Sender::new(None) })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Down from now on.
    pub(crate) fn down(&self, how: Outage) {
        self.changes.send_replace(Some(how));
    }

    /// Up from now on: who connects after the return of this is let in.
    pub(crate) fn up(&self) -> io::Result<()> {
        let mut door = self.door.lock();
        if !door.open {
            door.opened = Some(listen(self.port)?);
            door.open = true;
        }
        self.changes.send_replace(None);
        Ok(())
    }

    /// How it is down now; `None` where it is up.
    pub(crate) fn is_down(&self) -> Option<Outage> {
        *self.changes.borrow()
    }

    /// Sees every change from now on.
    pub(crate) fn watch(&self) -> watch::Receiver<Option<Outage>> {
        self.changes.subscribe()
    }

    /// The listener that was opened, for who accepts connections.
    pub(crate) fn take(&self) -> Option<TcpListener> {
        self.door.lock().opened.take()
    }

    /// Closes the listener in use, if nobody is to listen still.
    pub(crate) fn close<L>(&self, listener: &mut Option<L>) {
        let mut door = self.door.lock();
        if self.is_down() == Some(Outage::Refuse) && listener.take().is_some() {
            door.open = false;
        }
    }
}

fn listen(port: u16) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}
