//! Providers on the wire: a server that says what it is told to, and what the gateway makes of it.

#[path = "providers/anthropic.rs"]
mod anthropic;
#[path = "providers/embeddings.rs"]
mod embeddings;
#[path = "providers/fake.rs"]
mod fake;
#[path = "providers/gemini.rs"]
mod gemini;
#[path = "providers/images.rs"]
mod images;
#[path = "providers/lists.rs"]
mod lists;
#[path = "providers/replies.rs"]
mod replies;
#[path = "providers/requests.rs"]
mod requests;
#[path = "providers/transport.rs"]
mod transport;
#[path = "providers/wire.rs"]
mod wire;

use pg_categorize_core::choices::{Choice, Choices, Verdict};
use pg_categorize_gateway::plan::{Abilities, AnswerMode, Model, Provider, ProviderKind, Route};
use pg_categorize_gateway::provider::{Charge, Ended, Failure, FailureClass, Http, Item, prepare};
use pg_categorize_gateway::secret::Secret;
use serde_json::{Value, json};
use std::time::Duration;
use wire::{Act, http, server};

/// Longer than anything takes here.
const LONG: Duration = Duration::from_secs(20);

fn shop() -> Choices {
    let choice = |(id, label): (i32, &str)| Choice { id, label: label.into(), description: None };
    Choices::new([(10, "Toys"), (20, "Books"), (30, "Garden > Tools")].map(choice).to_vec())
}

fn many(count: i32) -> Choices {
    Choices::new((0..count).map(|id| Choice { id, label: format!("Label {id}"), description: None }).collect())
}

fn route(base_url: &str, kind: ProviderKind, mode: AnswerMode) -> Route {
    let abilities =
        Abilities { instruction_role: "system".into(), max_tokens_field: "max_tokens".into(), openai_extras: false };
    let provider = Provider {
        id: 1000,
        name: "p".into(),
        kind,
        base_url: base_url.into(),
        private_allowed: true,
        key: Some(Secret::new("sk-hidden".into())),
        abilities,
        requests_per_minute: None,
        tokens_per_minute: None,
    };
    let model = Model::new("gpt-6-luna", mode);
    Route::new(provider, model, None)
}

fn chat(base_url: &str) -> Route {
    route(base_url, ProviderKind::OpenAi, AnswerMode::JsonSchema)
}

const ITEMS: [Item<'static>; 2] = [Item::text(1, "LEGO police station"), Item::text(2, "SQL for \"all\"")];

fn body(route: &Route, choices: &Choices, items: &[Item<'_>]) -> Value {
    serde_json::from_str(prepare(route, choices, items).unwrap().body()).unwrap()
}

fn chat_reply(content: &str) -> Value {
    json!({
        "id": "chatcmpl-a1", "object": "chat.completion", "model": "gpt-6-luna-2026-09-30",
        "choices": [{ "index": 0, "message": { "role": "assistant", "content": content, "refusal": null },
            "logprobs": null, "finish_reason": "stop" }],
        "usage": { "prompt_tokens": 1310, "completion_tokens": 7, "total_tokens": 1317,
            "prompt_tokens_details": { "cached_tokens": 1024, "cache_write_tokens": 0 } },
    })
}

async fn send(route: &Route, items: &[Item<'_>], time_limit: Duration) -> Ended {
    send_of(route, &shop(), items, time_limit).await
}

async fn send_of(route: &Route, choices: &Choices, items: &[Item<'_>], time_limit: Duration) -> Ended {
    Http::new().send(route, choices, &prepare(route, choices, items).unwrap(), time_limit).await
}

/// What becomes of a chat request to a server that does this.
async fn chat_with(act: Act) -> Ended {
    let (url, _sight) = server(act).await;
    send(&chat(&url), &ITEMS, LONG).await
}

fn verdicts(ended: &Ended) -> Vec<(u32, Verdict, f32)> {
    ended.result.as_ref().unwrap().iter().map(|answer| (answer.id, answer.verdict, answer.confidence)).collect()
}

fn failure(ended: Ended) -> (FailureClass, Charge, String) {
    let Failure { class, charge, detail, .. } = ended.result.unwrap_err();
    (class, charge, detail)
}

/// What becomes of these items at a server that says this.
async fn said(route: &Route, items: &[Item<'_>], reply: &Value) -> Ended {
    let (url, _sight) = server(Act::Say(http(200, "", &reply.to_string()))).await;
    let mut provider = route.provider.clone();
    provider.base_url = url;
    let rationale = route.rationale;
    let route = Route { rationale, ..Route::new(provider, route.model.clone(), None) };
    send(&route, items, LONG).await
}

/// What becomes of a request to a server that refuses it.
async fn refused(route: &Route, status: u16, headers: &str, body: &Value) -> Failure {
    let (url, _sight) = server(Act::Say(http(status, headers, &body.to_string()))).await;
    let mut provider = route.provider.clone();
    provider.base_url = url;
    send(&Route::new(provider, route.model.clone(), None), &ITEMS[..1], LONG).await.result.unwrap_err()
}
