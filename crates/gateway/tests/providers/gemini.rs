//! Gemini, as its documentation shows it: generations and decisions.

use super::wire::{Act, Seen, http, server};
use super::{ITEMS, LONG, body, many, refused, route, said, send, shop, verdicts};
use pg_categorize_core::choices::Verdict;
use pg_categorize_core::price::Usage;
use pg_categorize_gateway::plan::{AnswerMode, ProviderKind, Route};
use pg_categorize_gateway::provider::FailureClass::{self, *};
use pg_categorize_gateway::provider::{Charge, pack_limit, prepare};
use serde_json::{Value, json};
use std::time::Duration;

fn generate(base_url: &str) -> Route {
    let mut route = route(base_url, ProviderKind::Gemini, AnswerMode::JsonSchema);
    route.model.name = "gemini-2.5-flash-lite".into();
    route
}

fn decide(base_url: &str) -> Route {
    let mut route = route(base_url, ProviderKind::Gemini, AnswerMode::Decision);
    route.model.name = "gemini-decision-1".into();
    route
}

fn reply(parts: Value, finish: &str) -> Value {
    json!({
        "candidates": [{ "content": { "role": "model", "parts": parts }, "finishReason": finish, "index": 0 }],
        "usageMetadata": { "promptTokenCount": 300, "cachedContentTokenCount": 100, "candidatesTokenCount": 8,
            "thoughtsTokenCount": 5, "totalTokenCount": 313 },
        "modelVersion": "gemini-2.5-flash-lite", "responseId": "abc",
    })
}

const ANSWER: &str =
    r#"{"items":[{"id":1,"category":"Toys","confidence":0.9},{"id":2,"category":"Books","confidence":0.8}]}"#;

#[test]
fn a_generation_has_only_what_its_route_asks_for() {
    let mut route = generate("https://example.com");
    let plain = body(&route, &shop(), &ITEMS);
    let members: Vec<&String> = plain.as_object().unwrap().keys().collect();
    assert_eq!(members, ["contents", "generationConfig", "systemInstruction"]);
    let config = plain["generationConfig"].as_object().unwrap();
    let members: Vec<&String> = config.keys().collect();
    assert_eq!(members, ["maxOutputTokens", "responseJsonSchema", "responseMimeType"]);
    let schema: Value = serde_json::from_str(&shop().prompt().schema).unwrap();
    assert_eq!((&config["responseJsonSchema"], &config["responseMimeType"]), (&schema, &json!("application/json")));
    let prepared = prepare(&route, &shop(), &ITEMS).unwrap();
    assert_eq!(config["maxOutputTokens"], prepared.output_bound());
    assert_eq!(prepared.input_bound(), prepared.body_bytes() as u64 + 128);
    for (effort, thinking) in [
        ("none", json!({ "thinkingBudget": 0 })),
        ("128", json!({ "thinkingBudget": 128 })),
        ("minimal", json!({ "thinkingLevel": "MINIMAL" })),
    ] {
        route.model.reasoning_effort = Some(effort.into());
        assert_eq!(body(&route, &shop(), &ITEMS)["generationConfig"]["thinkingConfig"], thinking);
    }
    route.model.thinking_tokens = 512;
    assert_eq!(prepare(&route, &shop(), &ITEMS).unwrap().output_bound(), prepared.output_bound() + 512);
    route.model.mode = AnswerMode::Text;
    assert_eq!(body(&route, &shop(), &ITEMS[..1])["generationConfig"].get("responseJsonSchema"), None);
}

#[tokio::test]
async fn a_generation_travels_as_documented() {
    let say = Act::Say(http(200, "", &reply(json!([{ "text": ANSWER }]), "STOP").to_string()));
    for (base, begin) in [
        ("", "POST /v1beta/models/gemini-2.5-flash-lite:generateContent HTTP/1.1\r\n"),
        ("/gemini/v1", "POST /gemini/v1/models/gemini-2.5-flash-lite:generateContent HTTP/1.1\r\n"),
    ] {
        let (url, mut sight) = server(say.clone()).await;
        let ended = send(&generate(&(url + base)), &ITEMS, LONG).await;
        assert_eq!(verdicts(&ended), [(1, Verdict::Category(10), 0.9), (2, Verdict::Category(20), 0.8)]);
        assert_eq!(ended.usage, Some(Usage { input: 200, cached_input: 100, output: 13, ..Usage::default() }));
        sight.recv().await;
        let Some(Seen::Request(request)) = sight.recv().await else { panic!("no request") };
        let (head, _) = request.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with(begin), "{head}");
        assert!(head.lines().any(|one| one.eq_ignore_ascii_case("x-goog-api-key: sk-hidden")), "{head}");
        // The URL is what logs show.
        assert!(!head.to_lowercase().contains("authorization") && !head.lines().next().unwrap().contains("hidden"));
    }
}

#[tokio::test]
async fn what_was_blocked_or_cut_is_no_answer() {
    let invalid = [(1, Verdict::Invalid, 0.0), (2, Verdict::Invalid, 0.0)];
    for finish in ["MAX_TOKENS", "SAFETY", "RECITATION", "PROHIBITED_CONTENT", "OTHER", "MALFORMED_RESPONSE"] {
        let ended = said(&generate(""), &ITEMS, &reply(json!([{ "text": ANSWER }]), finish)).await;
        assert_eq!(verdicts(&ended), invalid, "{finish}");
    }
    let blocked = json!({ "promptFeedback": { "blockReason": "SAFETY" },
        "usageMetadata": { "promptTokenCount": 300, "totalTokenCount": 300 } });
    let ended = said(&generate(""), &ITEMS, &blocked).await;
    assert_eq!((verdicts(&ended), ended.usage.unwrap().input), (invalid.to_vec(), 300));
    let thought = json!([{ "text": ANSWER, "thought": true }]);
    assert_eq!(verdicts(&said(&generate(""), &ITEMS, &reply(thought, "STOP")).await), []);
    let parts = json!([{ "text": "?", "thought": true }, { "text": &ANSWER[..20] }, { "text": &ANSWER[20..] }]);
    assert_eq!(verdicts(&said(&generate(""), &ITEMS, &reply(parts, "STOP")).await).len(), 2);
    for nothing in
        [json!({}), json!({ "candidates": [] }), json!({ "candidates": [1] }), json!({ "promptFeedback": {} })]
    {
        let failure = said(&generate(""), &ITEMS, &nothing).await.result.unwrap_err();
        assert_eq!((failure.class, failure.charge), (Unreadable, Charge::Unknown), "{nothing}");
    }
}

#[tokio::test]
async fn faults_are_taken_for_what_their_documentation_says() {
    let error = |code: u16, status: &str, message: &str, details: Value| json!({ "error": { "code": code, "message": message, "status": status, "details": details } });
    let plain = |code: u16, status: &str| error(code, status, "m", json!([]));
    let key = json!([{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID" }]);
    let key = error(400, "INVALID_ARGUMENT", "API key not valid.", key);
    let long = "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).";
    let cases: [(u16, Value, FailureClass, Charge, &str); 12] = [
        (400, plain(400, "INVALID_ARGUMENT"), Rejected, Charge::None, "http 400 INVALID_ARGUMENT"),
        (400, key, Stopped, Charge::None, "http 400 API_KEY_INVALID"),
        (400, plain(400, "FAILED_PRECONDITION"), Stopped, Charge::None, "http 400 FAILED_PRECONDITION"),
        (
            400,
            error(400, "INVALID_ARGUMENT", long, json!([])),
            ContextOverflow,
            Charge::None,
            "http 400 INVALID_ARGUMENT",
        ),
        (402, plain(402, "RESOURCE_EXHAUSTED"), Stopped, Charge::None, "http 402 RESOURCE_EXHAUSTED"),
        (403, plain(403, "PERMISSION_DENIED"), Stopped, Charge::None, "http 403 PERMISSION_DENIED"),
        (404, plain(404, "NOT_FOUND"), Stopped, Charge::None, "http 404 NOT_FOUND"),
        (429, json!([plain(429, "RESOURCE_EXHAUSTED")]), RateLimited, Charge::None, "http 429 RESOURCE_EXHAUSTED"),
        (499, plain(499, "CANCELLED"), ServerError, Charge::Unknown, "http 499"),
        // Only of its own host it is known that this is not charged.
        (500, plain(500, "INTERNAL"), ServerError, Charge::Unknown, "http 500"),
        (503, plain(503, "UNAVAILABLE"), ServerError, Charge::Unknown, "http 503"),
        (504, plain(504, "DEADLINE_EXCEEDED"), ServerError, Charge::Unknown, "http 504 DEADLINE_EXCEEDED"),
    ];
    for (status, body, class, charge, detail) in cases {
        let failure = refused(&generate(""), status, "", &body).await;
        assert_eq!((failure.class, failure.charge, failure.detail.as_str()), (class, charge, detail), "{body}");
    }
}

#[tokio::test]
async fn a_quota_is_waited_for_until_it_is_there_again() {
    let quota = |id: &str| {
        json!({ "error": { "code": 429, "status": "RESOURCE_EXHAUSTED", "message": "m", "details": [
            { "@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{ "quotaId": id }] },
            { "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "31s" }] } })
    };
    let minute = refused(&generate(""), 429, "", &quota("GenerateRequestsPerMinutePerProjectPerModel-FreeTier")).await;
    assert_eq!((minute.class, minute.retry_after), (RateLimited, Some(Duration::from_secs(31))));
    let day = refused(&generate(""), 429, "", &quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier")).await;
    assert_eq!(day.class, RateLimited);
    assert!(day.retry_after.unwrap() <= Duration::from_secs(25 * 3600), "{day:?}");
    assert_ne!(day.retry_after, minute.retry_after);
}

#[tokio::test]
async fn decisions_come_with_probabilities() {
    let answer = |choice: &str, probability: f64| {
        json!({ "type": "choice", "choice": choice, "confidence": 0.95,
            "probabilities": { choice: probability, "Garden > Tools": 0.01 } })
    };
    let reply = json!({ "answers": { "item_2": answer("Books", 0.9), "item_1": answer("Toys", 0.97), "item_3": 5 },
        "usage": { "total_input_tokens": 40, "total_cached_tokens": 0, "total_output_tokens": 0, "total_tokens": 40 } });
    let (url, mut sight) = server(Act::Say(http(200, "", &reply.to_string()))).await;
    let ended = send(&decide(&(url + "/v1beta")), &ITEMS, LONG).await;
    assert_eq!(verdicts(&ended), [(1, Verdict::Category(10), 0.97), (2, Verdict::Category(20), 0.9)]);
    assert_eq!(ended.usage, Some(Usage { input: 40, ..Usage::default() }));
    sight.recv().await;
    let Some(Seen::Request(request)) = sight.recv().await else { panic!("no request") };
    assert!(request.starts_with("POST /v1beta/decisions "), "{request}");
    let sent: Value = serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(sent["model"], "models/gemini-decision-1");
    let criteria = sent["questions"]["item_2"]["criteria"].as_object().unwrap();
    assert_eq!(criteria.len(), 4);
    assert!(criteria.values().all(Value::is_string), "{criteria:?}");

    let blocked = json!({ "prompt_feedback": { "block_reason": "SAFETY" } });
    assert_eq!(verdicts(&said(&decide(""), &ITEMS[..1], &blocked).await), [(1, Verdict::Invalid, 0.0)]);
    let missing = json!({ "answers": { "item_2": answer("Books", 0.9) } });
    assert_eq!(verdicts(&said(&decide(""), &ITEMS, &missing).await), [(2, Verdict::Category(20), 0.9)]);
    assert_eq!(said(&decide(""), &ITEMS, &json!({})).await.result.unwrap_err().class, Unreadable);

    assert_eq!(pack_limit(&decide(""), &shop()), 1000);
    assert!((1..1000).contains(&pack_limit(&decide(""), &many(254))));
    let route = decide("https://example.com");
    assert_eq!(prepare(&route, &many(255), &ITEMS).unwrap_err().reason.as_str(), "provider_error");
    let error = json!({ "error": { "code": "invalid_request", "message": "m" } });
    assert_eq!(refused(&decide(""), 400, "", &error).await.class, Rejected);
}
