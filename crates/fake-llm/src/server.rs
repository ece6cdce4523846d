//! The server: starts, listens, stops.

use crate::account::Account;
use crate::api;
use crate::book::Book;
use crate::config::Config;
use crate::connection::Connection;
use crate::control;
use crate::faults::Faults;
use crate::limits::Limits;
use crate::oracle::Oracle;
use crate::tokens::PromptCache;
use axum::Router;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time;
use tower_service::Service;

/// The largest request that is read.
const LARGEST_REQUEST: usize = 64 << 20;

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
    pub(crate) started: Instant,
    pub(crate) oracle: Oracle,
    pub(crate) limits: Limits,
    pub(crate) cache: PromptCache,
    pub(crate) faults: Mutex<Faults>,
    pub(crate) book: Mutex<Book>,
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
        let (listener, state) = open(config)?;
        let listener = TcpListener::from_std(listener)?;
        let (stop, stopped) = oneshot::channel();
        tokio::spawn(listen(listener, Arc::clone(&state), stopped));
        Ok(Self { state, stop: Some(stop), thread: None })
    }

    /// Starts a server in a thread of its own, for callers without a runtime.
    ///
    /// # Panics
    /// Where the port is taken or a thread is not to be had.
    pub fn spawn(config: Config) -> Self {
        let (listener, state) = open(config).expect("a port on 127.0.0.1");
        let (stop, stopped) = oneshot::channel();
        let shared = Arc::clone(&state);
        let run = move || {
            let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener).expect("a listener that does not block");
                listen(listener, shared, stopped).await;
            });
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
        self.state.book.lock().statement()
    }

    /// What goes wrong from the next request on.
    pub fn set_faults(&self, faults: Faults) {
        *self.state.faults.lock() = faults;
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

impl Drop for FakeLlm {
    fn drop(&mut self) {
        self.stop();
    }
}

fn open(config: Config) -> io::Result<(StdListener, Arc<State>)> {
    let listener = StdListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, config.port)))?;
    listener.set_nonblocking(true)?;
    let state = State {
        port: listener.local_addr()?.port(),
        started: Instant::now(),
        oracle: Oracle::new(config.seed, Arc::clone(&config.labels)),
        limits: Limits::new(config.requests_per_minute, config.tokens_per_minute),
        cache: PromptCache::default(),
        faults: Mutex::new(config.faults.clone()),
        book: Mutex::default(),
        config,
    };
    Ok((listener, Arc::new(state)))
}

/// Until `stopped` says so, or its sender is gone. Connections go with the set that holds them.
async fn listen(listener: TcpListener, state: Arc<State>, mut stopped: oneshot::Receiver<()>) {
    let limit = DefaultBodyLimit::max(LARGEST_REQUEST);
    let router = api::routes().merge(control::routes()).layer(limit).with_state(state);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => return,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(connections.spawn(serve(stream, router.clone()))),
                // Out of descriptors, most likely: connections that end give some back.
                Err(_) => time::sleep(Duration::from_millis(10)).await,
            },
        }
    }
}

async fn serve(stream: TcpStream, router: Router) {
    // Replies are written whole; waiting for more would only delay them. Without it they are late, not wrong.
    let _ = stream.set_nodelay(true);
    let (connection, line) = Connection::new(stream);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(line.clone());
        router.clone().call(request.map(Body::new))
    });
    // An error here is a client that left, or a fault that was asked for.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(connection), service).await;
}
