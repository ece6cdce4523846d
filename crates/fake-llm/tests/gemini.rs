//! Gemini: contents, decisions, errors, keys.

mod common;

use common::{LABELS, Peer, TITLES, chat, config, items};
use pg_categorize_fake_llm::{Config, Fault, Faults, Step};
use reqwest::Response;
use serde_json::{Value, json};

const LITE: &str = "gemini-2.5-flash-lite";

fn contents(titles: &[&str]) -> Value {
    let schema = chat(&[])["response_format"]["json_schema"]["schema"].clone();
    json!({
        "systemInstruction": {"parts": [{"text": "Assign."}]},
        "contents": [{"role": "user", "parts": [{"text": items(titles)}]}],
        "generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": schema},
    })
}

async fn call(peer: &Peer, path: &str, body: &Value) -> Response {
    let url = format!("{}{path}", peer.server.url());
    peer.client.post(url).header("x-goog-api-key", "key").json(body).send().await.unwrap()
}

async fn generate(peer: &Peer, model: &str, body: &Value) -> (u16, Value) {
    let response = call(peer, &format!("/v1beta/models/{model}:generateContent"), body).await;
    (response.status().as_u16(), response.json().await.unwrap())
}

fn text(reply: &Value) -> &str {
    let parts = reply["candidates"][0]["content"]["parts"].as_array().unwrap();
    parts.iter().find(|part| part["thought"] != true).unwrap()["text"].as_str().unwrap()
}

fn categories(reply: &Value) -> Vec<String> {
    let answer: Value = serde_json::from_str(text(reply)).unwrap();
    answer["items"].as_array().unwrap().iter().map(|item| item["category"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_pack_is_answered_by_either_schema_and_charged() {
    let peer = Peer::new(config()).await;
    let mut body = contents(&TITLES);
    let (status, reply) = generate(&peer, LITE, &body).await;
    assert_eq!((status, categories(&reply)), (200, LABELS.map(str::to_owned).to_vec()));
    assert_eq!(reply["candidates"][0]["finishReason"], "STOP");
    let of = |name: &str| reply["usageMetadata"][name].as_i64().unwrap();
    assert_eq!(of("thoughtsTokenCount"), 0);
    assert_eq!(peer.server.account().charged_nanousd, of("promptTokenCount") * 100 + of("candidatesTokenCount") * 500);
    let config = &mut body["generationConfig"];
    let schema = config["responseJsonSchema"].take().to_string();
    let upper = ["object", "array", "string", "integer", "number"];
    let schema = upper.iter().fold(schema, |all, kind| {
        all.replace(&format!("\"type\":\"{kind}\""), &format!("\"type\":\"{}\"", kind.to_uppercase()))
    });
    config.as_object_mut().unwrap().remove("responseJsonSchema");
    config["responseSchema"] = serde_json::from_str(&schema).unwrap();
    assert_eq!(categories(&generate(&peer, LITE, &body).await.1), LABELS);
    let bare = json!({
        "contents": [{"parts": [{"text": TITLES[1]}]}],
        "generation_config": {"response_mime_type": "text/x.enum", "response_schema": {"type": "STRING", "enum": LABELS}},
    });
    assert_eq!(text(&generate(&peer, LITE, &bare).await.1), "Books");
    assert_eq!(peer.server.account().list[2].api, "gemini_generate");
}

#[tokio::test]
async fn thoughts_are_output_and_may_eat_all_of_it() {
    let peer = Peer::new(config()).await;
    let mut body = contents(&TITLES);
    body["generationConfig"]["thinkingConfig"] = json!({"includeThoughts": true});
    let (_, reply) = generate(&peer, "gemini-3.8-flash", &body).await;
    assert_eq!(reply["candidates"][0]["content"]["parts"][0]["thought"], true);
    assert_eq!(categories(&reply), LABELS);
    let usage = reply["usageMetadata"].clone();
    let (thoughts, written) =
        (usage["thoughtsTokenCount"].as_u64().unwrap(), usage["candidatesTokenCount"].as_u64().unwrap());
    assert!(thoughts > 0);
    assert_eq!(peer.server.account().tokens.output, thoughts + written);
    body["generationConfig"]["maxOutputTokens"] = json!(thoughts);
    let (_, reply) = generate(&peer, "gemini-3.8-flash", &body).await;
    assert_eq!(reply["candidates"][0]["finishReason"], "MAX_TOKENS");
    assert_eq!(reply["usageMetadata"]["candidatesTokenCount"], 0);
    for (model, thinking, status) in [
        ("gemini-2.5-flash", json!({"thinkingBudget": 0}), 200),
        ("gemini-2.5-pro", json!({"thinkingBudget": 0}), 400),
        ("gemini-2.5-flash", json!({"thinkingLevel": "LOW"}), 400),
        ("gemini-3.8-flash", json!({"thinkingLevel": "low"}), 200),
        ("gemini-3.8-flash", json!({"thinkingLevel": "most"}), 400),
        ("gemini-3.8-flash", json!({"thinkingLevel": "LOW", "thinkingBudget": 1}), 400),
    ] {
        let mut body = contents(&TITLES);
        body["generationConfig"]["thinkingConfig"] = thinking.clone();
        assert_eq!(generate(&peer, model, &body).await.0, status, "{model} {thinking}");
    }
}

#[tokio::test]
async fn a_long_prefix_is_cached_of_its_own_accord() {
    let peer = Peer::new(config()).await;
    let mut body = contents(&TITLES);
    body["systemInstruction"]["parts"][0]["text"] = json!("x".repeat(5000));
    let cached = async || generate(&peer, LITE, &body).await.1["usageMetadata"]["cachedContentTokenCount"].as_u64();
    let (first, second) = (cached().await, cached().await);
    assert!(first == Some(0) && second > Some(1250), "{first:?} {second:?}");
    assert_eq!(peer.server.account().tokens.cache_write, 0, "writing is free");
}

#[tokio::test]
async fn what_gemini_refuses_is_refused() {
    let peer = Peer::new(config()).await;
    let changes: [&dyn Fn(&mut Value); 7] = [
        &|body| body["invented"] = json!(1),
        &|body| body["generationConfig"]["invented"] = json!(1),
        &|body| body["generationConfig"]["responseLogprobs"] = json!(true),
        &|body| body["generationConfig"]["responseSchema"] = json!({"type": "OBJECT"}),
        &|body| body["generationConfig"]["responseMimeType"] = json!("text/plain"),
        &|body| body["contents"] = json!([]),
        &|body| body["contents"][0]["role"] = json!("system"),
    ];
    for change in changes {
        let mut body = contents(&TITLES);
        change(&mut body);
        let (status, reply) = generate(&peer, LITE, &body).await;
        assert_eq!((status, &reply["error"]["status"]), (400, &json!("INVALID_ARGUMENT")), "{body}");
    }
    assert_eq!(call(&peer, "/v1beta/models/x:noSuchMethod", &json!({})).await.status(), 404);
    assert_eq!(peer.server.account().charged_requests, 0);
}

#[tokio::test]
async fn decisions_are_at_both_versions() {
    let peer = Peer::new(config()).await;
    let criteria = json!({"Toys": "to play", "Books": "", "Garden": ""});
    let question = json!({"type": "choice", "instructions": "Which?", "criteria": criteria});
    let body = json!({
        "model": "models/gemini-decision-1", "input": items(&TITLES),
        "questions": {"item_1": question, "item_2": question, "item_3": question, "gift": {"type": "noul", "instructions": "?"}},
    });
    for path in ["/v1/decisions", "/v1beta/decisions"] {
        let reply: Value = call(&peer, path, &body).await.json().await.unwrap();
        let choices = [1, 2, 3].map(|at| reply["answers"][format!("item_{at}")]["choice"].as_str().unwrap());
        assert_eq!(choices, LABELS);
        assert!((0.01..=0.99).contains(&reply["answers"]["gift"]["noul"].as_f64().unwrap()));
        assert_eq!(reply["usage"]["total_output_tokens"], 0);
    }
    assert_eq!(peer.server.account().list[0].model, "gemini-decision-1");
    for (fault, status, code) in [
        (Fault::RateLimit, 429, "resource_exhausted"),
        (Fault::ContextLengthExceeded, 400, "invalid_request"),
        (Fault::Overloaded, 503, "unavailable"),
    ] {
        peer.server.set_faults(Faults::script([Step::next(fault)]));
        let response = call(&peer, "/v1beta/decisions", &body).await;
        assert_eq!(response.status(), status);
        assert_eq!(response.json::<Value>().await.unwrap()["error"]["code"], code);
    }
    peer.server.set_faults(Faults::script([Step::next(Fault::Refusal)]));
    let blocked: Value = call(&peer, "/v1beta/decisions", &body).await.json().await.unwrap();
    assert!(blocked["prompt_feedback"]["block_reason"].is_string() && blocked.get("answers").is_none());
    let wrong = json!({"model": "m", "input": "x", "questions": {"a": {"type": "choice", "criteria": {"one": ""}}}});
    assert_eq!(call(&peer, "/v1beta/decisions", &wrong).await.status(), 400);
}

#[tokio::test]
async fn errors_are_those_of_google() {
    let expected = [
        (Fault::RateLimit, 429, "RESOURCE_EXHAUSTED"),
        (Fault::Quota, 429, "RESOURCE_EXHAUSTED"),
        (Fault::Unauthorized, 400, "INVALID_ARGUMENT"),
        (Fault::Forbidden, 403, "PERMISSION_DENIED"),
        (Fault::ModelNotFound, 404, "NOT_FOUND"),
        (Fault::RequestTimeout, 504, "DEADLINE_EXCEEDED"),
        (Fault::ServerError, 500, "INTERNAL"),
        (Fault::Overloaded, 503, "UNAVAILABLE"),
        (Fault::ContextLengthExceeded, 400, "INVALID_ARGUMENT"),
    ];
    let script = expected.iter().map(|(fault, ..)| Step::next(*fault).retry_after_ms(1500));
    let peer = Peer::new(Config { faults: Faults::script(script), ..config() }).await;
    for (fault, code, status) in expected {
        let response = call(&peer, &format!("/v1beta/models/{LITE}:generateContent"), &contents(&TITLES)).await;
        assert_eq!(response.status(), code, "{fault:?}");
        assert!(!response.headers().contains_key("retry-after"), "the delay is in the body");
        let body: Value = response.json().await.unwrap();
        assert_eq!((&body["error"]["code"], &body["error"]["status"]), (&json!(code), &json!(status)), "{fault:?}");
        let details = body["error"]["details"].to_string();
        assert_eq!(details.contains(r#""retryDelay":"1.5s""#), fault == Fault::RateLimit, "{details}");
        assert_eq!(details.contains("PerMinute"), fault == Fault::RateLimit);
        assert_eq!(details.contains("PerDay"), fault == Fault::Quota);
        assert_eq!(details.contains("API_KEY_INVALID"), fault == Fault::Unauthorized);
    }
    assert_eq!(peer.server.account().charged_requests, 0);
    peer.server.set_faults(Faults::script([Step::next(Fault::Refusal)]));
    let (status, reply) = generate(&peer, LITE, &contents(&TITLES)).await;
    assert_eq!((status, &reply["promptFeedback"]["blockReason"]), (200, &json!("SAFETY")));
    assert!(reply.get("candidates").is_none() && reply["usageMetadata"]["candidatesTokenCount"] == 0);
}

#[tokio::test]
async fn a_key_in_the_address_works_and_is_a_leak() {
    let peer = Peer::new(Config { key: Some("right".to_owned()), ..config() }).await;
    let url = format!("{}/v1beta/models/{LITE}:generateContent", peer.server.url());
    let post =
        async |url: String| peer.client.post(url).json(&contents(&TITLES)).send().await.unwrap().status().as_u16();
    assert_eq!((post(format!("{url}?key=right")).await, peer.server.account().keys_leaked), (200, 1));
    assert_eq!((post(format!("{url}?alt=json&key=wrong")).await, peer.server.account().keys_leaked), (400, 2));
    assert_eq!((post(url).await, peer.server.account().keys_leaked), (400, 2));
}

#[tokio::test]
async fn tokens_are_counted_for_nothing() {
    let peer = Peer::new(config()).await;
    let body = json!({"contents": [{"parts": [{"text": "x".repeat(40)}]}]});
    let path = format!("/v1beta/models/{LITE}:countTokens");
    assert_eq!(call(&peer, &path, &body).await.json::<Value>().await.unwrap(), json!({"totalTokens": 10}));
    let whole = json!({"generateContentRequest": body});
    assert_eq!(call(&peer, &path, &whole).await.json::<Value>().await.unwrap(), json!({"totalTokens": 10}));
    assert_eq!(peer.server.account().charged_requests, 0);
}
