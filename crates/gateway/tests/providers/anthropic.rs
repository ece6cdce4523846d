//! Messages of Anthropic, as its documentation shows them.

use super::wire::{Act, Seen, http, server};
use super::{ITEMS, LONG, body, refused, route, said, send, shop, verdicts};
use pg_categorize_core::choices::Verdict;
use pg_categorize_core::price::Usage;
use pg_categorize_gateway::plan::{AnswerMode, ProviderKind, Route};
use pg_categorize_gateway::provider::FailureClass::{self, *};
use pg_categorize_gateway::provider::{Charge, pack_limit, prepare};
use serde_json::{Value, json};
use std::time::Duration;

fn messages(base_url: &str) -> Route {
    let mut route = route(base_url, ProviderKind::Anthropic, AnswerMode::JsonSchema);
    route.model.name = "claude-haiku-5-5".into();
    route
}

fn reply(content: Value, stop_reason: &str) -> Value {
    json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-haiku-5-5", "content": content,
        "stop_reason": stop_reason, "stop_sequence": null,
        "usage": { "input_tokens": 20, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 1500,
            "cache_creation": { "ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0 },
            "output_tokens": 9, "output_tokens_details": { "thinking_tokens": 0 }, "service_tier": "standard" },
    })
}

const ANSWER: &str =
    r#"{"items":[{"id":1,"category":"toys","confidence":0.9},{"id":2,"category":"Books","confidence":0.8}]}"#;

#[test]
fn a_message_has_only_what_every_model_takes() {
    let mut route = messages("https://example.com");
    // Models refuse it, or ignore it: it is not sent, whatever the settings say.
    route.model.temperature = Some(0.0);
    let plain = body(&route, &shop(), &ITEMS);
    let members: Vec<&String> = plain.as_object().unwrap().keys().collect();
    assert_eq!(members, ["max_tokens", "messages", "model", "output_config", "system"]);
    let members: Vec<&String> = plain["output_config"].as_object().unwrap().keys().collect();
    assert_eq!(members, ["format"]);
    assert_eq!(plain["output_config"]["format"]["type"], "json_schema");
    let schema: Value = serde_json::from_str(&shop().prompt().schema).unwrap();
    assert_eq!(plain["output_config"]["format"]["schema"], schema);
    assert_eq!(plain["system"][0].as_object().unwrap().len(), 2);
    let prepared = prepare(&route, &shop(), &ITEMS).unwrap();
    assert_eq!(plain["max_tokens"], prepared.output_bound());
    // The instruction that the API adds is counted, too.
    assert_eq!(prepared.input_bound(), prepared.body_bytes() as u64 + 128 + 1024);

    route.model.cache_breakpoint = true;
    let cached = body(&route, &shop(), &ITEMS);
    assert_eq!(cached["system"][0]["cache_control"], json!({ "type": "ephemeral" }));
    route.model.reasoning_effort = Some("low".into());
    let low = body(&route, &shop(), &ITEMS);
    assert_eq!((&low["output_config"]["effort"], &low["thinking"]), (&json!("low"), &json!(null)));
    route.model.reasoning_effort = Some("none".into());
    let none = body(&route, &shop(), &ITEMS);
    assert_eq!((&none["output_config"]["effort"], &none["thinking"]["type"]), (&json!(null), &json!("disabled")));
}

#[test]
fn a_label_alone_needs_no_format() {
    let mut route = messages("https://example.com/v1");
    route.model.mode = AnswerMode::Text;
    let plain = body(&route, &shop(), &ITEMS[..1]);
    assert_eq!(plain.get("output_config"), None);
    let prepared = prepare(&route, &shop(), &ITEMS[..1]).unwrap();
    assert_eq!((prepared.input_bound(), pack_limit(&route, &shop())), (prepared.body_bytes() as u64 + 128, 1));
    route.model.mode = AnswerMode::Decision;
    let refusal = prepare(&route, &shop(), &ITEMS[..1]).unwrap_err();
    assert_eq!(refusal.reason.as_str(), "provider_error");
}

#[test]
fn thoughts_are_within_the_bound() {
    let mut route = messages("https://example.com");
    let without = prepare(&route, &shop(), &ITEMS).unwrap().output_bound();
    route.model.thinking_tokens = 1024;
    assert_eq!(prepare(&route, &shop(), &ITEMS).unwrap().output_bound(), without + 1024);
    route.model.max_output_tokens = Some(without + 1023);
    assert_eq!(prepare(&route, &shop(), &ITEMS).unwrap_err().reason.as_str(), "input_too_large");
    assert_eq!(pack_limit(&route, &shop()), 1);
}

#[tokio::test]
async fn a_message_travels_with_its_own_headers() {
    let limits = "anthropic-ratelimit-requests-limit: 50\r\nanthropic-ratelimit-tokens-limit: 40000\r\n";
    let say = Act::Say(http(200, limits, &reply(json!([{ "type": "text", "text": ANSWER }]), "end_turn").to_string()));
    for version in ["", "/v1"] {
        let (url, mut sight) = server(say.clone()).await;
        let ended = send(&messages(&(url + version)), &ITEMS, LONG).await;
        assert_eq!(verdicts(&ended), [(1, Verdict::Category(10), 0.9), (2, Verdict::Category(20), 0.8)]);
        let usage = Usage { input: 20, cached_input: 1500, output: 9, ..Usage::default() };
        assert_eq!(ended.usage, Some(usage));
        assert_eq!((ended.limits.requests_limit, ended.limits.tokens_limit), (Some(50), Some(40_000)));
        sight.recv().await;
        let Some(Seen::Request(request)) = sight.recv().await else { panic!("no request") };
        let (head, _) = request.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST /v1/messages HTTP/1.1\r\n"), "{head}");
        let has = |line: &str| head.lines().any(|one| one.eq_ignore_ascii_case(line));
        assert!(has("x-api-key: sk-hidden") && has("anthropic-version: 2023-06-01"), "{head}");
        assert!(!head.to_lowercase().contains("authorization"), "{head}");
    }
}

#[tokio::test]
async fn what_was_not_finished_is_no_answer() {
    let text = json!([{ "type": "text", "text": ANSWER }]);
    let (invalid, missing) = ([(1, Verdict::Invalid, 0.0), (2, Verdict::Invalid, 0.0)], []);
    for stop in ["max_tokens", "refusal", "model_context_window_exceeded", "pause_turn", "tool_use", "news"] {
        assert_eq!(verdicts(&said(&messages(""), &ITEMS, &reply(text.clone(), stop)).await), invalid, "{stop}");
    }
    let thought = json!([{ "type": "thinking", "thinking": ANSWER, "signature": "s" }]);
    assert_eq!(verdicts(&said(&messages(""), &ITEMS, &reply(thought, "end_turn")).await), missing);
    let both = json!([{ "type": "thinking", "thinking": "Books?" }, { "type": "text", "text": ANSWER }]);
    assert_eq!(verdicts(&said(&messages(""), &ITEMS, &reply(both, "end_turn")).await).len(), 2);
    // What was said in vain is paid.
    assert!(said(&messages(""), &ITEMS, &reply(json!([]), "refusal")).await.usage.is_some());
}

#[tokio::test]
async fn faults_are_taken_for_what_their_documentation_says() {
    let error = |kind: &str, message: &str, details: Value| json!({ "type": "error", "error": { "type": kind, "message": message, "details": details }, "request_id": "req_1" });
    let plain = |kind: &str| error(kind, "m", Value::Null);
    let spent = error("rate_limit_error", "m", json!({ "error_code": "enforced_spend_limit_reached" }));
    let own_limit = error("invalid_request_error", "You have reached your specified API usage limits.", Value::Null);
    let poor = error("invalid_request_error", "Your credit balance is too low to access the API.", Value::Null);
    let long = error("invalid_request_error", "prompt is too long: 1200000 tokens > 1000000 maximum", Value::Null);
    let complex = error("invalid_request_error", "Schema is too complex for compilation.", Value::Null);
    let cases: [(u16, Value, FailureClass, Charge, &str); 18] = [
        (400, plain("invalid_request_error"), Rejected, Charge::None, "http 400"),
        (400, complex, Rejected, Charge::None, "http 400"),
        (400, own_limit, Stopped, Charge::None, "http 400"),
        (400, poor, Stopped, Charge::None, "http 400"),
        (400, long, ContextOverflow, Charge::None, "http 400"),
        (401, plain("authentication_error"), Stopped, Charge::None, "http 401 authentication_error"),
        (402, plain("billing_error"), Stopped, Charge::None, "http 402 billing_error"),
        (403, plain("permission_error"), Stopped, Charge::None, "http 403 permission_error"),
        (404, plain("not_found_error"), Stopped, Charge::None, "http 404 not_found_error"),
        (409, plain("conflict_error"), ServerError, Charge::None, "http 409"),
        (413, plain("request_too_large"), ContextOverflow, Charge::None, "http 413 request_too_large"),
        (413, json!("<html>"), ContextOverflow, Charge::None, "http 413"),
        (429, plain("rate_limit_error"), RateLimited, Charge::None, "http 429 rate_limit_error"),
        (429, spent, Stopped, Charge::None, "http 429 enforced_spend_limit_reached"),
        (500, plain("api_error"), ServerError, Charge::Unknown, "http 500 api_error"),
        (504, plain("timeout_error"), ServerError, Charge::Unknown, "http 504 timeout_error"),
        (529, plain("overloaded_error"), Overloaded, Charge::Unknown, "http 529 overloaded_error"),
        (503, plain("overloaded_error"), Overloaded, Charge::Unknown, "http 503 overloaded_error"),
    ];
    for (status, body, class, charge, detail) in cases {
        let failure = refused(&messages(""), status, "", &body).await;
        assert_eq!((failure.class, failure.charge, failure.detail.as_str()), (class, charge, detail), "{body}");
    }
    let limited = refused(&messages(""), 429, "retry-after: 7\r\n", &plain("rate_limit_error")).await;
    assert_eq!(limited.retry_after, Some(Duration::from_secs(7)));
}
