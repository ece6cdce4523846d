//! A client that does nothing by itself: no retries, no redirects.
#![allow(dead_code, reason = "each test program uses a part of this")]

use pg_categorize_fake_llm::{Config, FakeLlm, Faults, Step};
use reqwest::redirect::Policy;
use reqwest::{Client, Error, RequestBuilder, Response};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

pub const TITLES: [&str; 3] = ["LEGO police station", "War and Peace", "Garden hose"];
pub const LABELS: [&str; 3] = ["Toys", "Books", "Garden"];

pub struct Peer {
    pub server: FakeLlm,
    pub client: Client,
}

/// A server that knows [`TITLES`].
pub fn config() -> Config {
    let labels: HashMap<_, _> = TITLES.map(str::to_owned).into_iter().zip(LABELS.map(str::to_owned)).collect();
    Config { labels: Arc::new(labels), ..Config::default() }
}

impl Peer {
    pub async fn new(config: Config) -> Self {
        let client = Client::builder().redirect(Policy::none()).no_proxy().build().unwrap();
        Self { server: FakeLlm::start(config).await, client }
    }

    pub async fn with(steps: impl IntoIterator<Item = Step>) -> Self {
        Self::new(Config { faults: Faults::script(steps), ..config() }).await
    }

    pub fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        let url = format!("{}{path}", self.server.url());
        self.client.post(url).bearer_auth("key").timeout(Duration::from_secs(20)).json(body)
    }

    /// Sends a chat about these titles.
    pub async fn chat(&self, titles: &[&str]) -> Result<Response, Error> {
        self.post("/v1/chat/completions", &chat(titles)).send().await
    }

    /// The reply to a chat about these titles.
    pub async fn reply(&self, titles: &[&str]) -> Value {
        let response = self.chat(titles).await.unwrap();
        assert_eq!(response.status(), 200);
        response.json().await.unwrap()
    }
}

pub fn chat(titles: &[&str]) -> Value {
    let labels: Vec<_> = LABELS.iter().chain(&["none of these"]).collect();
    let item = json!({
        "type": "object", "additionalProperties": false, "required": ["id", "category", "confidence"],
        "properties": {
            "id": {"type": "integer"}, "category": {"type": "string", "enum": labels}, "confidence": {"type": "number"},
        },
    });
    let schema = json!({
        "type": "object", "additionalProperties": false, "required": ["items"],
        "properties": {"items": {"type": "array", "items": item}},
    });
    json!({
        "model": "gpt-6-luna",
        "messages": [{"role": "developer", "content": "Assign."}, {"role": "user", "content": items(titles)}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "a", "strict": true, "schema": schema}},
    })
}

pub fn items(titles: &[&str]) -> String {
    let item = |(at, title): (usize, &&str)| json!({"id": at + 1, "title": title});
    json!({"items": titles.iter().enumerate().map(item).collect::<Value>()}).to_string()
}

/// Ids and categories of a chat's reply.
pub fn categories(reply: &Value) -> Vec<(i64, String)> {
    let content = reply["choices"][0]["message"]["content"].as_str().expect("content");
    let content: Value = serde_json::from_str(content).expect("content is JSON");
    let item = |item: &Value| (item["id"].as_i64().unwrap(), item["category"].as_str().unwrap().to_owned());
    content["items"].as_array().unwrap().iter().map(item).collect()
}

pub fn right() -> Vec<(i64, String)> {
    (1..).zip(LABELS.map(str::to_owned)).collect()
}
