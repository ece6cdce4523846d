//! Embeddings: what is sent, and which vectors are taken.

use super::wire::{Act, Seen, http, server};
use super::{LONG, route};
use pg_categorize_core::price::Usage;
use pg_categorize_gateway::embeddings::{Embedded, pack_limit, prepare};
use pg_categorize_gateway::plan::{AnswerMode, ProviderKind, Route};
use pg_categorize_gateway::provider::{Charge, FailureClass, Http};
use serde_json::{Value, json};

const TEXTS: [&str; 2] = ["red shoes", "usb \"cable\""];

fn openai(base_url: &str) -> Route {
    let mut route = route(base_url, ProviderKind::OpenAi, AnswerMode::JsonSchema);
    route.model.name = "text-embedding-3-small".into();
    route
}

fn gemini(base_url: &str) -> Route {
    let mut route = route(base_url, ProviderKind::Gemini, AnswerMode::JsonSchema);
    route.model.name = "gemini-embedding-001".into();
    route
}

fn body(route: &Route, dimensions: Option<usize>) -> Value {
    serde_json::from_str(prepare(route, &TEXTS, dimensions).unwrap().body()).unwrap()
}

/// What becomes of two texts at a server that says this, and the request that it saw.
async fn said(of: impl Fn(&str) -> Route, dimensions: Option<usize>, status: u16, reply: &Value) -> (Embedded, String) {
    let (url, mut sight) = server(Act::Say(http(status, "", &reply.to_string()))).await;
    let route = of(&url);
    let prepared = prepare(&route, &TEXTS, dimensions).unwrap();
    let embedded = Http::new().embed(&route, &prepared, LONG).await;
    sight.recv().await;
    let Some(Seen::Request(request)) = sight.recv().await else { panic!("no request") };
    (embedded, request)
}

#[test]
fn a_request_has_its_texts_and_what_was_asked_for() {
    let mut route = openai("https://example.com/v1");
    assert_eq!(body(&route, None), json!({ "model": "text-embedding-3-small", "input": TEXTS }));
    route.provider.abilities.openai_extras = true;
    let full = body(&route, Some(256));
    assert_eq!((&full["dimensions"], &full["encoding_format"]), (&json!(256), &json!("base64")));
    let prepared = prepare(&route, &TEXTS, None).unwrap();
    assert_eq!(prepared.input_bound(), prepared.body().len() as u64 + 32);

    let request = body(&gemini("https://example.com"), Some(256))["requests"][1].take();
    let expected = json!({ "model": "models/gemini-embedding-001", "outputDimensionality": 256,
        "content": { "parts": [{ "text": "usb \"cable\"" }] } });
    assert_eq!(request, expected);
}

#[test]
fn what_cannot_be_embedded_is_not_sent() {
    let reason = |route: &Route, texts: &[&str]| prepare(route, texts, None).unwrap_err().reason.as_str();
    let mut route = openai("https://example.com/v1");
    for empty in [&[][..], &["a", " \n"]] {
        assert_eq!(reason(&route, empty), "empty_input");
    }
    assert_eq!((pack_limit(&route), pack_limit(&gemini(""))), (2048, 100));
    assert_eq!(reason(&route, &vec!["a"; 2049]), "input_too_large");
    assert!(prepare(&route, &vec!["a"; 2048], None).is_ok());
    assert_eq!(reason(&gemini("https://example.com"), &vec!["a"; 101]), "input_too_large");
    route.model.max_input_tokens = Some(8191);
    assert_eq!(reason(&route, &[&"a".repeat(8 * 8192)]), "input_too_large");
    assert!(prepare(&route, &[&"a".repeat(8 * 8191)], None).is_ok());
    route.provider.base_url = "none".into();
    assert_eq!(reason(&route, &TEXTS), "provider_error");
    for kind in [ProviderKind::Anthropic, ProviderKind::SystemOne] {
        assert_eq!(reason(&super::route("https://example.com", kind, AnswerMode::Text), &TEXTS), "no_provider");
    }
}

#[tokio::test]
async fn vectors_come_in_the_order_of_their_texts() {
    let numbers = json!({ "object": "list", "data": [
        { "object": "embedding", "index": 1, "embedding": [0.5, 0.25] },
        { "object": "embedding", "index": 0, "embedding": "AACAPwAAAMA=" },
    ], "usage": { "prompt_tokens": 6, "total_tokens": 6 } });
    let (embedded, request) = said(|url| openai(&format!("{url}/v1")), None, 200, &numbers).await;
    assert_eq!(embedded.result.unwrap(), [[1.0, -2.0], [0.5, 0.25]]);
    assert_eq!(embedded.usage, Some(Usage { input: 6, ..Usage::default() }));
    assert!(request.starts_with("POST /v1/embeddings ") && request.contains("Bearer sk-hidden"), "{request}");
    let bare = json!({ "data": [{ "embedding": [1, 0] }, { "embedding": [0, 1] }] });
    assert_eq!(said(openai, Some(2), 200, &bare).await.0.result.unwrap(), [[1.0, 0.0], [0.0, 1.0]]);

    let values = json!({ "embeddings": [{ "values": [1, 0] }, { "values": [0, 1] }] });
    let (embedded, request) = said(gemini, None, 200, &values).await;
    assert_eq!(embedded.result.unwrap(), [[1.0, 0.0], [0.0, 1.0]]);
    assert!(request.starts_with("POST /v1beta/models/gemini-embedding-001:batchEmbedContents "), "{request}");
    // It does not say what it read: that counts as the most.
    let most = prepare(&gemini("https://example.com"), &TEXTS, None).unwrap().input_bound();
    assert_eq!(embedded.usage, Some(Usage { input: most, ..Usage::default() }));
    let told = json!({ "embeddings": values["embeddings"], "usageMetadata": { "promptTokenCount": 7 } });
    assert_eq!(said(gemini, None, 200, &told).await.0.usage.unwrap().input, 7);
}

#[tokio::test]
async fn vectors_that_cannot_be_used_are_none() {
    let data = |data: Value| json!({ "data": data, "usage": { "prompt_tokens": 6 } });
    let one = |index: u64, vector: Value| json!({ "index": index, "embedding": vector });
    for reply in [
        data(json!([one(0, json!([1.0]))])),
        data(json!([one(0, json!([1.0])), one(0, json!([1.0]))])),
        data(json!([one(0, json!([1.0])), one(2, json!([1.0]))])),
        data(json!([one(0, json!([1.0])), one(1, json!([1.0, 2.0]))])),
        data(json!([one(0, json!([1.0])), one(1, json!([0.0]))])),
        data(json!([one(0, json!([1.0])), one(1, json!([1e300]))])),
        data(json!([one(0, json!([1.0])), one(1, json!([65_536.0]))])),
        data(json!([one(0, json!([1.0])), one(1, json!([null]))])),
        data(json!([one(0, json!([1.0])), one(1, json!("AAA="))])),
        data(json!([one(0, json!([])), one(1, json!([]))])),
        data(json!([{ "index": -1, "embedding": [1] }, one(1, json!([1.0]))])),
        data(json!({})),
        json!([]),
    ] {
        let (embedded, _) = said(openai, None, 200, &reply).await;
        let failure = embedded.result.unwrap_err();
        assert_eq!((failure.class, failure.charge), (FailureClass::Unreadable, Charge::Unknown), "{reply}");
    }
    for reply in [json!({ "embeddings": [{ "values": [1] }] }), json!({ "embeddings": [{}, { "values": [1] }] })] {
        let (embedded, _) = said(gemini, None, 200, &reply).await;
        assert_eq!((embedded.result.unwrap_err().class, embedded.usage), (FailureClass::Unreadable, None), "{reply}");
    }
    let short = data(json!([one(0, json!([1.0])), one(1, json!([1.0]))]));
    // Whether they are as long as was asked for, who asked for them looks.
    assert_eq!(said(openai, Some(2), 200, &short).await.0.result, Ok(vec![vec![1.0]; 2]));
}

#[tokio::test]
async fn faults_are_those_of_every_request() {
    let limited = json!({ "error": { "type": "rate_limit_error", "code": "rate_limit_exceeded" } });
    let failure = said(openai, None, 429, &limited).await.0.result.unwrap_err();
    assert_eq!((failure.class, failure.charge), (FailureClass::RateLimited, Charge::None));
    let failure = said(gemini, None, 500, &json!({})).await.0.result.unwrap_err();
    assert_eq!((failure.class, failure.charge), (FailureClass::ServerError, Charge::Unknown));
}
