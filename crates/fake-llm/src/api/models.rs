//! `GET /v1/models`, in the forms of OpenAI (`data`) and of System One (`models`) at once.

use crate::server::State as Server;
use axum::extract::State;
use axum::response::Json;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Models that are always listed. Any other name is answered too.
const LISTED: [&str; 3] = ["gpt-4o-mini", "gpt-6-luna", "jev-latest"];

pub(crate) async fn list(State(server): State<Arc<Server>>) -> Json<Value> {
    let configured = server.config.models.keys().map(String::as_str);
    let names: BTreeSet<&str> = configured.chain(LISTED).collect();
    let openai = |name| json!({"id": name, "object": "model", "created": 1_795_305_600, "owned_by": "fake-llm"});
    let systemone = |name| json!({"name": name, "description": "A fake.", "release_date": "2026-09-30"});
    Json(json!({
        "object": "list",
        "data": names.iter().map(openai).collect::<Value>(),
        "models": names.iter().map(systemone).collect::<Value>(),
    }))
}
