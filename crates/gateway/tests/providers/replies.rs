//! What replies of OpenAI and of decision servers mean.

use super::wire::{Act, Seen, http, server};
use super::{ITEMS, LONG, chat, chat_reply, chat_with, failure, route, send, shop, verdicts};
use pg_categorize_core::choices::Verdict;
use pg_categorize_core::price::Usage;
use pg_categorize_gateway::plan::{AnswerMode, ProviderKind};
use pg_categorize_gateway::provider::{Charge, FailureClass, Http, prepare};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn a_request_and_its_reply_travel_as_documented() {
    let content =
        r#"{"items":[{"id":2,"category":"Books","confidence":0.8},{"id":1,"category":"toys","confidence":0.9}]}"#;
    let limits = "x-ratelimit-limit-requests: 500\r\nx-ratelimit-reset-tokens: 6m0s\r\n";
    let (url, mut sight) = server(Act::Say(http(200, limits, &chat_reply(content).to_string()))).await;
    let (route, choices, http) = (chat(&(url + "/v1")), shop(), Http::new());
    let prepared = prepare(&route, &choices, &ITEMS).unwrap();
    for _ in 0..2 {
        let ended = http.send(&route, &choices, &prepared, LONG).await;
        assert_eq!(verdicts(&ended), [(1, Verdict::Category(10), 0.9), (2, Verdict::Category(20), 0.8)]);
        assert_eq!(ended.usage, Some(Usage { input: 286, cached_input: 1024, output: 7, ..Usage::default() }));
        assert_eq!(ended.limits.requests_limit, Some(500));
        assert_eq!(ended.limits.tokens_reset, Some(Duration::from_secs(360)));
    }
    // Two requests over one connection.
    assert_eq!(sight.recv().await, Some(Seen::Connection));
    for _ in 0..2 {
        let Some(Seen::Request(request)) = sight.recv().await else { panic!("a second connection") };
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"), "{head}");
        let has = |line: &str| head.lines().any(|one| one.eq_ignore_ascii_case(line));
        assert!(has("authorization: Bearer sk-hidden") && has("content-type: application/json"), "{head}");
        assert!(has(concat!("user-agent: pg_categorize/", env!("CARGO_PKG_VERSION"))), "{head}");
        assert!(!head.to_lowercase().contains("accept-encoding"), "{head}");
        assert_eq!(body, prepared.body());
        assert!(!body.contains("sk-hidden") && !format!("{prepared:?}{route:?}{http:?}").contains("sk-hidden"));
    }
}

#[tokio::test]
async fn decisions_come_with_probabilities() {
    let answer = |name: Value| {
        json!({ "type": "choice", "name": name, "choice": "Toys", "confidence": 0.96, "probabilities":
            [{ "value": "Toys", "probability": 0.98 }, { "value": "Books", "probability": 0.02 }] })
    };
    let refusal = json!({ "type": "refusal", "name": "item_1" });
    let usage = json!({ "input_tokens": 88, "input_tokens_details": { "cached_tokens": 0, "cache_write_tokens": 0 },
        "output_tokens": 0, "total_tokens": 88 });
    let toys = |id| (id, Verdict::Category(10), 0.98);
    for (answers, expected) in [
        (json!([answer(json!("item_2")), refusal]), vec![(1, Verdict::Invalid, 0.0), toys(2)]),
        (json!([answer(json!(null)), answer(json!(null))]), vec![toys(1), toys(2)]),
        // Without names and of another number, nobody knows what they answer.
        (json!([answer(json!(null))]), vec![]),
        (json!([answer(json!("item_1")), answer(json!("item_3"))]), vec![toys(1)]),
        (json!([answer(json!("item_1")), answer(json!("item_1")), refusal]), vec![(1, Verdict::Invalid, 0.0)]),
    ] {
        let reply = json!({ "model": "gpt-6-luna", "answers": answers, "usage": usage });
        let (url, mut sight) = server(Act::Say(http(200, "", &reply.to_string()))).await;
        let ended = send(&route(&url, ProviderKind::OpenAi, AnswerMode::Decision), &ITEMS, LONG).await;
        assert_eq!(verdicts(&ended), expected);
        assert_eq!(ended.usage, Some(Usage { input: 88, ..Usage::default() }));
        sight.recv().await;
        assert!(matches!(sight.recv().await, Some(Seen::Request(request)) if request.starts_with("POST /decisions ")));
    }
}

#[tokio::test]
async fn decision_servers_come_with_probabilities() {
    let answer = json!({ "type": "choice", "choice": "Toys", "probabilities": { "Toys": 0.97, "Books": 0.03 },
        "confidence": 0.94 });
    let reply = json!({ "model": "jev-1.14.0", "answers": { "category": answer },
        "usage": { "input_tokens": 90, "output_tokens": 3 } });
    for version in ["", "/v1"] {
        let (url, mut sight) = server(Act::Say(http(200, "", &reply.to_string()))).await;
        let route = route(&(url + version), ProviderKind::SystemOne, AnswerMode::Decision);
        let ended = send(&route, &ITEMS[..1], LONG).await;
        assert_eq!(verdicts(&ended), [(1, Verdict::Category(10), 0.97)]);
        assert_eq!(ended.result.unwrap()[0].alternatives, [(10, 0.97), (20, 0.03)]);
        assert_eq!(ended.usage, Some(Usage { input: 90, output: 3, ..Usage::default() }));
        sight.recv().await;
        assert!(matches!(sight.recv().await, Some(Seen::Request(one)) if one.starts_with("POST /v1/systemone ")));
    }
}

#[tokio::test]
async fn a_reply_without_a_usable_answer_is_no_failure_of_the_provider() {
    let mut refusal = chat_reply("");
    refusal["choices"][0]["message"] = json!({ "role": "assistant", "content": null, "refusal": "I cannot." });
    let mut cut = chat_reply(r#"{"items":[{"id":1,"category":"Toys","confidence":0.9}]}"#);
    cut["choices"][0]["finish_reason"] = json!("length");
    let invalid = [(1, Verdict::Invalid, 0.0), (2, Verdict::Invalid, 0.0)];
    for (reply, expected) in [
        (refusal, &invalid[..]),
        (cut, &invalid),
        (chat_reply("Sorry, {\"items\": ["), &[]),
        (chat_reply(r#"{"items":[{"id":2,"category":"Fraud","confidence":1}]}"#), &[(2, Verdict::Invalid, 1.0)]),
    ] {
        let ended = chat_with(Act::Say(http(200, "", &reply.to_string()))).await;
        assert_eq!(verdicts(&ended), expected, "{reply}");
        assert!(ended.usage.is_some());
    }
    let mut unpaid = chat_reply(r#"{"items":[]}"#);
    unpaid["usage"] = json!(null);
    assert_eq!(chat_with(Act::Say(http(200, "", &unpaid.to_string()))).await.usage, None);
}

#[tokio::test]
async fn what_is_no_reply_leaves_its_attempt_in_doubt() {
    for body in ["<html>", "", "{", "[]", "null", "{}", r#"{"choices":[]}"#, r#"{"choices":[{"message":1}]}"#] {
        let (class, charge, _) = failure(chat_with(Act::Say(http(200, "", body))).await);
        assert_eq!((class, charge), (FailureClass::Unreadable, Charge::Unknown), "{body}");
    }
    let late = http(200, "", r#"{"error":{"code":429,"message":"m"}}"#);
    let (class, charge, _) = failure(chat_with(Act::Say(late)).await);
    assert_eq!((class, charge), (FailureClass::RateLimited, Charge::Unknown));
    // A failure that says what it cost can be settled.
    let paid = http(500, "", &chat_reply("").to_string());
    let ended = chat_with(Act::Say(paid)).await;
    assert_eq!(ended.usage.unwrap().output, 7);
    assert_eq!(failure(ended).0, FailureClass::ServerError);
}
