//! What tests ask the server itself.

use crate::account::Account;
use crate::faults::Faults;
use crate::server::State as Server;
use axum::Router;
use axum::extract::State;
use axum::response::Json;
use axum::routing::{any, get, post};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) fn routes() -> Router<Arc<Server>> {
    Router::new()
        .route("/health", get(|| async { Json(json!({"status": "ok"})) }))
        .route("/_fake/account", get(account))
        .route("/_fake/faults", post(faults))
        .route("/_fake/stolen", any(stolen))
}

#[derive(Serialize)]
struct Statement {
    #[serde(flatten)]
    account: Account,
    titles_by_payments: BTreeMap<u32, u64>,
}

async fn account(State(server): State<Arc<Server>>) -> Json<Statement> {
    let account = server.book.lock().statement();
    Json(Statement { titles_by_payments: account.titles_by_payments(), account })
}

async fn faults(State(server): State<Arc<Server>>, Json(faults): Json<Faults>) -> Json<Faults> {
    *server.faults.lock() = faults.clone();
    Json(faults)
}

/// Where [`crate::Fault::Redirect`] leads.
async fn stolen(State(server): State<Arc<Server>>) -> Json<Value> {
    server.book.lock().account.redirects_followed += 1;
    Json(json!({"error": "a client that carries a key must not follow redirects"}))
}
