//! Takes connections and serves them, unless the server is down.

use crate::connection::{Connection, Line};
use crate::outage::Outage;
use crate::server::State;
use crate::{api, batch, control};
use axum::Router;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio::time;
use tower_service::Service;

/// The largest request that is read.
const LARGEST_REQUEST: usize = 64 << 20;

/// Until `stopped` says so, or its sender is gone. Connections go with the set that holds them.
pub(crate) async fn listen(state: Arc<State>, mut stopped: oneshot::Receiver<()>) {
    let limit = DefaultBodyLimit::max(LARGEST_REQUEST);
    let router =
        api::routes().merge(control::routes()).layer(limit).merge(batch::routes()).with_state(Arc::clone(&state));
    let mut connections = JoinSet::new();
    let mut changes = state.gate.watch();
    let mut listener = None;
    loop {
        if let Some(opened) = state.gate.take() {
            listener = TcpListener::from_std(opened).ok();
        }
        state.gate.close(&mut listener);
        tokio::select! {
            _ = &mut stopped => return,
            Ok(()) = changes.changed() => {}
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = accept(listener.as_ref()) => match accepted {
                Some(stream) => drop(connections.spawn(serve(stream, router.clone(), Arc::clone(&state)))),
                // Out of descriptors, most likely: connections that end give some back.
                None => time::sleep(Duration::from_millis(10)).await,
            },
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> Option<TcpStream> {
    match listener {
        Some(listener) => listener.accept().await.ok().map(|(stream, _)| stream),
        None => future::pending().await,
    }
}

async fn serve(stream: TcpStream, router: Router, state: Arc<State>) {
    // Replies are written whole; waiting for more would only delay them. Without it they are late, not wrong.
    let _ = stream.set_nodelay(true);
    let changes = state.gate.watch();
    let (connection, line) = Connection::new(stream);
    let of_requests = line.clone();
    let service = service_fn(move |request| answer(request, router.clone(), of_requests.clone(), Arc::clone(&state)));
    let serving = pin!(http1::Builder::new().serve_connection(TokioIo::new(connection), service));
    tokio::select! {
        // An error here is a client that left, or a fault that was asked for.
        _ = serving => {}
        // What is dropped then is reset.
        () = lost(changes, &line) => line.reset(),
    }
}

/// Until the server goes down. Who controls it is still answered, and who comes later is told by its first request.
async fn lost(mut changes: watch::Receiver<Option<Outage>>, line: &Line) {
    while changes.changed().await.is_ok() {
        if changes.borrow_and_update().is_some() && !line.controls() {
            return;
        }
    }
    future::pending().await
}

async fn answer(
    mut request: Request<Incoming>,
    mut router: Router,
    line: Line,
    state: Arc<State>,
) -> Result<Response<Body>, Infallible> {
    line.control(request.uri().path().starts_with(control::PATH));
    if state.gate.is_down().is_some() && !line.controls() {
        state.book.lock().account.while_down += 1;
        line.reset();
        return Ok(Response::new(Body::empty()));
    }
    request.extensions_mut().insert(line);
    router.call(request.map(Body::new)).await
}
