//! The least that a call can take: a client that keeps its connection and asks the same of the same model.

use crate::data::product;
use pg_categorize_core::choices::{Choice, Choices};
use pg_categorize_core::prompt::user_data;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

/// A client without a database.
pub struct Direct {
    runtime: Runtime,
    client: reqwest::Client,
    url: String,
    choices: Choices,
}

impl Direct {
    /// A client of the server at this base, of these categories.
    pub fn new(base: &str, paths: Vec<String>) -> Self {
        let choice = |(at, label): (usize, String)| Choice { id: at as i32, label, description: None };
        Self {
            runtime: Builder::new_current_thread().enable_all().build().expect("a runtime"),
            client: reqwest::Client::builder().no_proxy().build().expect("a client"),
            url: format!("{base}/chat/completions"),
            choices: Choices::new(paths.into_iter().enumerate().map(choice).collect()),
        }
    }

    /// Asks for the category of a product; how long it took from the title to the category.
    ///
    /// # Panics
    /// Where the answer is another.
    pub fn ask(&self, number: usize) -> Duration {
        let product = product(number as u64);
        let start = Instant::now();
        let reply = self.runtime.block_on(async {
            let request = self.client.post(&self.url).header(CONTENT_TYPE, "application/json");
            request.body(self.body(&product.title)).send().await?.error_for_status()?.bytes().await
        });
        let reply = reply.unwrap_or_else(|e| panic!("a direct request: {e}"));
        let category = category(&reply).unwrap_or_else(|| panic!("a reply: {}", String::from_utf8_lossy(&reply)));
        let time = start.elapsed();
        assert_eq!(category, product.category, "a direct request was answered otherwise");
        time
    }

    /// What the gateway sends, too.
    pub fn body(&self, title: &str) -> String {
        let prompt = self.choices.prompt();
        let text = |json: &str| serde_json::from_str::<Value>(json).expect("it is written as JSON");
        let cached = json!([{
            "type": "text",
            "text": text(&prompt.items.json),
            "prompt_cache_breakpoint": {"mode": "explicit"},
        }]);
        json!({
            "model": "gpt-6-luna",
            "messages": [
                {"role": "developer", "content": cached},
                {"role": "user", "content": user_data([(1, title)])},
            ],
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "categories", "strict": true, "schema": text(&prompt.schema)},
            },
            "max_completion_tokens": 200,
            "reasoning_effort": "none",
        })
        .to_string()
    }
}

fn category(reply: &[u8]) -> Option<String> {
    let reply: Value = serde_json::from_slice(reply).ok()?;
    let content: Value = serde_json::from_str(reply["choices"][0]["message"]["content"].as_str()?).ok()?;
    content["items"][0]["category"].as_str().map(str::to_owned)
}
