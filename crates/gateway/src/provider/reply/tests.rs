//! Replies of any form: nothing that a provider says can panic, or answer what was not asked.

use super::*;
use crate::plan::{Abilities, AnswerMode, Model, Provider, ProviderKind};
use pg_categorize_core::choices::{Choice, Verdict};
use proptest::prelude::*;
use reqwest::header::HeaderMap;
use serde_json::json;

const CONTENT: &str =
    r#"{"items":[{"id":1,"rationale":"r","category":"Toys","confidence":0.9},{"id":2,"category":"Books"}]}"#;

fn shop() -> Choices {
    let labels = ["Toys", "Books"].into_iter().enumerate();
    Choices::new(labels.map(|(i, label)| Choice { id: i as i32, label: label.into(), description: None }).collect())
}

fn route(kind: ProviderKind, mode: AnswerMode) -> Route {
    let abilities =
        Abilities { instruction_role: "system".into(), max_tokens_field: "max_tokens".into(), openai_extras: false };
    let provider = Provider {
        id: 1,
        name: "p".into(),
        kind,
        base_url: "https://example.com".into(),
        private_allowed: false,
        key: None,
        abilities,
        requests_per_minute: None,
        tokens_per_minute: None,
    };
    Route { rationale: true, ..Route::new(provider, Model::new("m", mode), None) }
}

/// A good reply, or a fault, of each API.
fn samples() -> Vec<(ProviderKind, AnswerMode, Value)> {
    use AnswerMode::{Decision, JsonSchema, Text};
    use ProviderKind::{Anthropic, Gemini, OpenAi, SystemOne};
    let answer = json!({ "type": "choice", "name": "item_1", "choice": "Toys", "confidence": 0.9,
        "probabilities": [{ "value": "Toys", "probability": 0.9 }, { "value": "Books", "probability": 0.1 }] });
    let members = json!({ "type": "choice", "choice": "Toys", "confidence": 0.9, "probabilities": { "Toys": 0.9 } });
    let token = json!({ "token": CONTENT, "logprob": -0.1, "bytes": CONTENT.as_bytes(),
        "top_logprobs": [{ "token": "x", "logprob": -1, "bytes": [120] }] });
    let chat = json!({
        "choices": [{ "message": { "content": CONTENT, "refusal": null }, "logprobs": { "content": [token] },
            "finish_reason": "stop" }],
        "usage": { "prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15,
            "prompt_tokens_details": { "cached_tokens": 1, "cache_write_tokens": 2 } } });
    let message = json!({
        "content": [{ "type": "thinking", "thinking": "?" }, { "type": "text", "text": CONTENT }],
        "stop_reason": "end_turn",
        "usage": { "input_tokens": 10, "cache_read_input_tokens": 1, "cache_creation_input_tokens": 7,
            "cache_creation": { "ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4 }, "output_tokens": 5 } });
    let generation = json!({
        "candidates": [{ "content": { "parts": [{ "text": CONTENT, "thought": false }] }, "finishReason": "STOP" }],
        "promptFeedback": { "blockReason": "SAFETY" },
        "usageMetadata": { "promptTokenCount": 10, "cachedContentTokenCount": 2, "candidatesTokenCount": 5,
            "thoughtsTokenCount": 1, "totalTokenCount": 16 } });
    let fault = json!({ "error": { "code": 429, "type": "rate_limit_error", "message": "m", "status": "RESOURCE_EXHAUSTED",
        "details": [{ "@type": "google.rpc.QuotaFailure", "violations": [{ "quotaId": "PerDay" }], "reason": "R" },
            { "@type": "google.rpc.RetryInfo", "retryDelay": "3s" }] } });
    let decisions = json!({ "answers": { "item_1": members, "category": members },
        "prompt_feedback": { "block_reason": "SAFETY" },
        "usage": { "total_input_tokens": 10, "total_cached_tokens": 2, "total_output_tokens": 1, "total_tokens": 11,
            "input_tokens": 10, "output_tokens": 1 } });
    vec![
        (OpenAi, JsonSchema, chat),
        (OpenAi, Decision, json!({ "answers": [answer], "usage": { "input_tokens": 9, "output_tokens": 0 } })),
        (Anthropic, JsonSchema, message),
        (Gemini, JsonSchema, generation.clone()),
        (Gemini, Text, generation),
        (Gemini, Decision, decisions.clone()),
        (SystemOne, Decision, decisions),
        (Anthropic, Text, fault.clone()),
        (Gemini, JsonSchema, fault),
    ]
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        Just(Value::from(CONTENT)),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::hash_map("[a-z_]{1,12}", inner, 0..4).prop_map(|of| of.into_iter().collect()),
        ]
    })
}

/// Puts `with` in the place that these numbers lead to.
fn changed(value: &mut Value, way: &[usize], with: Value) {
    let inner = match (way, &mut *value) {
        ([at, ..], Value::Array(list)) if !list.is_empty() => {
            let at = at % list.len();
            list.get_mut(at)
        }
        ([at, ..], Value::Object(members)) if !members.is_empty() => {
            let at = at % members.len();
            members.values_mut().nth(at)
        }
        _ => None,
    };
    match inner {
        Some(inner) => changed(inner, &way[1..], with),
        None => *value = with,
    }
}

fn check(kind: ProviderKind, mode: AnswerMode, status: u16, body: &Value) -> bool {
    let route = route(kind, mode);
    let reply = Reply { status, headers: HeaderMap::new(), body: Ok(body.to_string().into_bytes()) };
    let (result, _) = read(&route, &shop(), &[1, 2], &reply);
    let right = |answer: &ItemAnswer| {
        let sum: f32 = answer.alternatives.iter().map(|(_, probability)| probability).sum();
        [1, 2].contains(&answer.id) && (0.0..=1.0).contains(&answer.confidence) && sum <= 1.001
    };
    result.map_or(true, |answers| answers.iter().all(right))
}

#[test]
fn the_samples_are_read_as_they_are_meant() {
    for (kind, mode, body) in samples() {
        let reply = Reply { status: 200, headers: HeaderMap::new(), body: Ok(body.to_string().into_bytes()) };
        let (result, usage) = read(&route(kind, mode), &shop(), &[1], &reply);
        if body.get("error").is_none() {
            assert_eq!(result.unwrap()[0].verdict, Verdict::Category(0), "{body}");
            assert!(usage.is_some(), "{body}");
        } else {
            assert!(result.is_err() && usage.is_none(), "{body}");
        }
    }
}

proptest! {
    #[test]
    fn no_reply_makes_it_panic(
        sample in 0_usize..9, ways in proptest::collection::vec((proptest::collection::vec(0_usize..8, 0..8), any_json()), 0..4),
        status in prop_oneof![Just(200_u16), 200_u16..600],
    ) {
        let (kind, mode, mut body) = samples().swap_remove(sample);
        for (way, with) in ways {
            changed(&mut body, &way, with);
        }
        prop_assert!(check(kind, mode, status, &body), "{body}");
    }

    #[test]
    fn no_json_makes_it_panic(body in any_json(), status in 100_u16..700) {
        for (kind, mode, _) in samples() {
            prop_assert!(check(kind, mode, status, &body), "{body}");
        }
    }
}
