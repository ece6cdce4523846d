//! The server: starts, listens, stops.

use crate::account::Account;
use crate::batch::{Clock, Registry, settle};
use crate::book::Book;
use crate::config::Config;
use crate::faults::Faults;
use crate::limits::Limits;
use crate::listen::listen;
use crate::oracle::Oracle;
use crate::outage::{Gate, Outage};
use crate::tokens::PromptCache;
use parking_lot::Mutex;
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};
use tokio::runtime::Builder;
use tokio::sync::oneshot;

/// A provider server on 127.0.0.1. It stops when this is dropped.
pub struct FakeLlm {
    state: Arc<State>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What all requests share.
pub(crate) struct State {
    pub(crate) config: Config,
    pub(crate) port: u16,
    pub(crate) gate: Gate,
    pub(crate) started: Instant,
    pub(crate) oracle: Oracle,
    pub(crate) limits: Limits,
    pub(crate) cache: PromptCache,
    pub(crate) faults: Mutex<Faults>,
    pub(crate) book: Mutex<Book>,
    pub(crate) clock: Clock,
    pub(crate) batches: Mutex<Registry>,
}

impl FakeLlm {
    /// Starts a server in the runtime of the caller.
    ///
    /// # Panics
    /// Where the port is taken, as [`FakeLlm::try_start`] does not.
    pub async fn start(config: Config) -> Self {
        Self::try_start(config).expect("a port on 127.0.0.1")
    }

    /// Starts a server in the runtime of the caller.
    pub fn try_start(config: Config) -> io::Result<Self> {
        let state = open(config)?;
        let (stop, stopped) = oneshot::channel();
        tokio::spawn(listen(Arc::clone(&state), stopped));
        Ok(Self { state, stop: Some(stop), thread: None })
    }

    /// Starts a server in a thread of its own, for callers without a runtime.
    ///
    /// # Panics
    /// Where the port is taken or a thread is not to be had.
    pub fn spawn(config: Config) -> Self {
        let state = open(config).expect("a port on 127.0.0.1");
        let (stop, stopped) = oneshot::channel();
        let shared = Arc::clone(&state);
        let run = move || {
            let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(listen(shared, stopped));
        };
        let thread = thread::Builder::new().name("fake-llm".to_owned()).spawn(run).expect("a thread");
        Self { state, stop: Some(stop), thread: Some(thread) }
    }

    /// Where it is, without a path: `http://127.0.0.1:PORT`. OpenAI's base is this with `/v1`.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.state.port)
    }

    /// What it has charged and seen.
    pub fn account(&self) -> Account {
        self.state.statement()
    }

    /// Has so much time pass for batches and files; those that are due then end, and are charged.
    pub fn advance(&self, by: Duration) {
        self.state.clock.advance(by);
        settle(&self.state);
    }

    /// The moment that batches and files are at.
    pub fn now(&self) -> SystemTime {
        self.state.clock.now()
    }

    /// What goes wrong from the next request on.
    pub fn set_faults(&self, faults: Faults) {
        *self.state.faults.lock() = faults;
    }

    /// What its models say.
    pub fn oracle(&self) -> &Oracle {
        &self.state.oracle
    }

    /// Is down from now on: open connections are reset, what was being answered on them is lost, new ones fare as told.
    /// The account is kept.
    pub fn down(&self, how: Outage) {
        self.state.gate.down(how);
    }

    /// Is up again, at the same port. It is an error where somebody else took that in the meantime; it stays down then.
    pub fn up(&self) -> io::Result<()> {
        self.state.gate.up()
    }

    /// Stops listening and closes every connection; the account can be read on. A server in a thread of its own has
    /// stopped on return, another one as soon as its runtime comes to it.
    pub fn stop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // A panic in there was printed; there is nothing to add.
            let _ = thread.join();
        }
    }
}

impl State {
    /// The account as it is now.
    pub(crate) fn statement(&self) -> Account {
        settle(self);
        self.book.lock().statement()
    }
}

impl Drop for FakeLlm {
    fn drop(&mut self) {
        self.stop();
    }
}

fn open(config: Config) -> io::Result<Arc<State>> {
    let gate = Gate::open(config.port)?;
    let state = State {
        port: gate.port(),
        gate,
        started: Instant::now(),
        oracle: Oracle::new(&config),
        limits: Limits::new(config.requests_per_minute, config.tokens_per_minute),
        cache: PromptCache::default(),
        faults: Mutex::new(config.faults.clone()),
        book: Mutex::default(),
        clock: Clock::new(config.stands_at),
        batches: Mutex::default(),
        config,
    };
    Ok(Arc::new(state))
}
