//! What tests ask the server itself.

use crate::account::Account;
use crate::batch::settle;
use crate::date::rfc3339;
use crate::faults::Faults;
use crate::outage::Outage;
use crate::server::State as Server;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Json;
use axum::routing::{any, get, post};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time;

/// Where they ask.
pub(crate) const PATH: &str = "/_fake/";

pub(crate) fn routes() -> Router<Arc<Server>> {
    Router::new()
        .route("/health", get(|| async { Json(json!({"status": "ok"})) }))
        .route("/_fake/account", get(account))
        .route("/_fake/faults", post(faults))
        .route("/_fake/advance", post(advance))
        .route("/_fake/down", post(down))
        .route("/_fake/up", post(up))
        .route("/_fake/stolen", any(stolen))
}

#[derive(Serialize)]
struct Statement {
    #[serde(flatten)]
    account: Account,
    titles_by_payments: BTreeMap<u32, u64>,
}

async fn account(State(server): State<Arc<Server>>) -> Json<Statement> {
    let account = server.statement();
    Json(Statement { titles_by_payments: account.titles_by_payments(), account })
}

async fn faults(State(server): State<Arc<Server>>, Json(faults): Json<Faults>) -> Json<Faults> {
    *server.faults.lock() = faults.clone();
    Json(faults)
}

/// How much time passes for batches: `{"by_s":3600}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    by_s: u64,
}

async fn advance(State(server): State<Arc<Server>>, Json(advance): Json<Advance>) -> Json<Value> {
    server.clock.advance(Duration::from_secs(advance.by_s));
    settle(&server);
    Json(json!({"now": rfc3339(server.clock.now())}))
}

/// How to be down: `{"how":"refuse","for_ms":1000}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Down {
    how: Outage,
    /// Until up again by itself.
    for_ms: Option<u64>,
}

async fn down(State(server): State<Arc<Server>>, Json(down): Json<Down>) -> Result<Json<Value>, (StatusCode, String)> {
    if down.how == Outage::Refuse && down.for_ms.is_none() {
        let message = "a server that nobody can reach needs for_ms, or nobody could tell it to be up again";
        return Err((StatusCode::UNPROCESSABLE_ENTITY, message.to_owned()));
    }
    server.gate.down(down.how);
    if let Some(for_ms) = down.for_ms {
        let server = Arc::clone(&server);
        tokio::spawn(async move {
            time::sleep(Duration::from_millis(for_ms)).await;
            // Where another took the port, it stays down, as it would be.
            let _ = server.gate.up();
        });
    }
    Ok(Json(json!({"down": down.how})))
}

async fn up(State(server): State<Arc<Server>>) -> Result<Json<Value>, (StatusCode, String)> {
    let up = server.gate.up().map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()));
    up.map(|()| Json(json!({"down": null})))
}

/// Where [`crate::Fault::Redirect`] leads.
async fn stolen(State(server): State<Arc<Server>>) -> Json<Value> {
    server.book.lock().account.redirects_followed += 1;
    Json(json!({"error": "a client that carries a key must not follow redirects"}))
}
