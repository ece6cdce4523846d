//! Pictures, as each API carries them; the oracle knows them by the digest of their bytes.

mod common;

use common::{LABELS, Peer, chat, items};
use pg_categorize_fake_llm::{Config, IMAGE_TOKENS};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;

/// "abc" in base64, and its digest (FIPS 180-4, examples).
const IMAGE: &str = "YWJj";
const NAME: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

async fn peer() -> Peer {
    let labels = HashMap::from([(NAME.to_owned(), "Garden".to_owned())]);
    Peer::new(Config { labels: Arc::new(labels), ..Config::default() }).await
}

async fn reply(peer: &Peer, path: &str, body: &Value) -> Value {
    let request = peer.post(path, body).header("anthropic-version", "2023-06-01").header("x-goog-api-key", "key");
    let response = request.send().await.unwrap();
    let status = response.status();
    let reply: Value = response.json().await.unwrap();
    assert_eq!(status, 200, "{reply}");
    reply
}

fn schema() -> Value {
    chat(&[])["response_format"]["json_schema"]["schema"].clone()
}

/// Requests about these texts and the picture, by path.
fn requests(text: &str) -> Vec<(&'static str, Value)> {
    let url = format!("data:image/png;base64,{IMAGE}");
    let mut talk = chat(&[]);
    talk["messages"][1]["content"] =
        json!([{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": url}}]);
    let choices = LABELS.map(|label| json!({"value": label}));
    let source = json!({"type": "base64", "media_type": "image/png", "data": IMAGE});
    let parts = json!([{"text": text}, {"inlineData": {"mimeType": "image/png", "data": IMAGE}}]);
    let criteria = json!({"Toys": "", "Books": "", "Garden": ""});
    vec![
        ("/v1/chat/completions", talk),
        (
            "/v1/messages",
            json!({
                "model": "claude-haiku-4-5", "max_tokens": 500,
                "messages": [{"role": "user", "content": [{"type": "text", "text": text}, {"type": "image", "source": source}]}],
                "output_config": {"format": {"type": "json_schema", "schema": schema()}},
            }),
        ),
        (
            "/v1beta/models/gemini-2.5-flash-lite:generateContent",
            json!({
                "contents": [{"role": "user", "parts": parts}],
                "generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": schema()},
            }),
        ),
        (
            "/v1beta/decisions",
            json!({
                "model": "models/gemini-decision-1", "input": parts,
                "questions": {"item_1": {"type": "choice", "instructions": "Which?", "criteria": criteria}},
            }),
        ),
        (
            "/v1/decisions",
            json!({
                "model": "gpt-6-luna",
                "input": [{"role": "user", "content": [{"type": "input_text", "text": text}, {"type": "input_image", "image_url": url}]}],
                "questions": [{"type": "choice", "instructions": "Which?", "choices": choices}],
            }),
        ),
    ]
}

#[tokio::test]
async fn a_picture_has_its_label_wherever_it_is_sent() {
    let peer = peer().await;
    for text in [items(&["a photo"]), items(&[""]), String::new()] {
        for (path, body) in requests(&text) {
            // Two ways to Gemini and OpenAI on one path are told apart by the header of the key.
            let reply = match path {
                "/v1/decisions" => peer.post(path, &body).send().await.unwrap().json().await.unwrap(),
                _ => reply(&peer, path, &body).await,
            };
            assert!(reply.to_string().contains("Garden"), "{path}: {reply}");
            let choices = [&reply["answers"]["item_1"]["choice"], &reply["answers"][0]["choice"]];
            assert!(!path.ends_with("decisions") || choices.contains(&&json!("Garden")), "{path}: {reply}");
            let request = peer.server.account().list.pop().unwrap();
            assert_eq!(request.items, [NAME], "{path}");
            assert!(request.tokens.all_input() >= IMAGE_TOKENS, "{path}");
        }
    }
    assert_eq!(peer.server.account().payments_for(NAME).paid, 15);
}

#[tokio::test]
async fn what_is_no_picture_is_refused() {
    let peer = peer().await;
    for (path, body) in requests("x") {
        let wrong: Value = serde_json::from_str(&body.to_string().replace(IMAGE, "?")).unwrap();
        let key = if path == "/v1/decisions" { "x-other" } else { "x-goog-api-key" };
        let request = peer.post(path, &wrong).header("anthropic-version", "2023-06-01").header(key, "key");
        assert_eq!(request.send().await.unwrap().status(), 400, "{path}");
    }
    assert_eq!(peer.server.account().charged_requests, 0);
}
