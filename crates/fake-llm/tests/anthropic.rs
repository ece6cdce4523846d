//! Messages of Anthropic: answers, the cache, what is refused, errors.

mod common;

use common::{Peer, TITLES, chat, config, items};
use pg_categorize_fake_llm::{Config, Fault, Faults, Step};
use reqwest::Response;
use serde_json::{Value, json};

fn messages(titles: &[&str]) -> Value {
    let schema = chat(&[])["response_format"]["json_schema"]["schema"].clone();
    json!({
        "model": "claude-haiku-5-5",
        "max_tokens": 1000,
        "system": "Assign.",
        "messages": [{"role": "user", "content": items(titles)}],
        "output_config": {"format": {"type": "json_schema", "schema": schema}},
    })
}

async fn send(peer: &Peer, body: &Value, version: &str) -> Response {
    let url = format!("{}/v1/messages", peer.server.url());
    let request = peer.client.post(url).header("x-api-key", "key").header("anthropic-version", version);
    request.json(body).send().await.unwrap()
}

async fn reply(peer: &Peer, body: &Value) -> Value {
    let response = send(peer, body, "2023-06-01").await;
    assert_eq!(response.status(), 200, "{body}");
    response.json().await.unwrap()
}

fn categories(reply: &Value) -> Vec<String> {
    let blocks = reply["content"].as_array().unwrap();
    let text = blocks.iter().find(|block| block["type"] == "text").unwrap()["text"].as_str().unwrap();
    let answer: Value = serde_json::from_str(text).unwrap();
    answer["items"].as_array().unwrap().iter().map(|item| item["category"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_pack_is_answered_and_charged() {
    let peer = Peer::new(config()).await;
    let mut body = messages(&TITLES);
    let said = reply(&peer, &body).await;
    assert_eq!(categories(&said), common::LABELS);
    assert_eq!((&said["stop_reason"], said["content"].as_array().unwrap().len()), (&json!("end_turn"), 1));
    let account = peer.server.account();
    let (input, output) = (&said["usage"]["input_tokens"], &said["usage"]["output_tokens"]);
    let (input, output) = (input.as_u64().unwrap(), output.as_u64().unwrap());
    assert_eq!(account.charged_nanousd as u64, input * 100 + output * 500);
    assert_eq!((account.list[0].api, account.list[0].model.as_str()), ("anthropic_messages", "claude-haiku-5-5"));
    body["model"] = json!("claude-sonnet-5-5");
    let thought = reply(&peer, &body).await;
    assert_eq!(thought["content"][0]["type"], "thinking");
    assert_eq!(categories(&thought), common::LABELS);
    let thinking = thought["usage"]["output_tokens_details"]["thinking_tokens"].as_u64().unwrap();
    assert_eq!(thought["usage"]["output_tokens"].as_u64(), Some(output + thinking));
    body["max_tokens"] = json!(thinking + 2);
    let cut = reply(&peer, &body).await;
    assert_eq!(
        (&cut["stop_reason"], cut["usage"]["output_tokens"].as_u64()),
        (&json!("max_tokens"), Some(thinking + 2))
    );
}

#[tokio::test]
async fn a_rationale_is_filled_in() {
    let peer = Peer::new(config()).await;
    let mut body = messages(&TITLES[..1]);
    let item = &mut body["output_config"]["format"]["schema"]["properties"]["items"]["items"];
    item["properties"]["rationale"] = json!({"type": "string"});
    item["required"] = json!(["id", "rationale", "category", "confidence"]);
    let said = reply(&peer, &body).await;
    let answer: Value = serde_json::from_str(said["content"][0]["text"].as_str().unwrap()).unwrap();
    assert!(answer["items"][0]["rationale"].as_str().unwrap().len() > 10);
}

#[tokio::test]
async fn prefixes_are_cached_from_the_length_of_the_model_on() {
    let peer = Peer::new(config()).await;
    let ask = async |model: &str, tokens: usize, ttl: &str, title: &str| {
        let mut body = messages(&[title]);
        body["model"] = json!(model);
        let control = json!({"type": "ephemeral", "ttl": ttl});
        body["system"] = json!([{"type": "text", "text": "x".repeat(4 * tokens), "cache_control": control}]);
        let usage = reply(&peer, &body).await["usage"].clone();
        let of = |name: &str| usage[name].as_u64().unwrap();
        let created = &usage["cache_creation"];
        (
            of("cache_read_input_tokens"),
            created["ephemeral_5m_input_tokens"].as_u64().unwrap(),
            created["ephemeral_1h_input_tokens"].as_u64().unwrap(),
            of("input_tokens"),
        )
    };
    let (read, written, long, rest) = ask("claude-haiku-5-5", 600, "5m", "a").await;
    assert!(read == 0 && written > 600 && long == 0 && rest < 100, "{written} {rest}");
    assert_eq!(ask("claude-haiku-5-5", 600, "5m", "b").await, (written, 0, 0, rest));
    assert_eq!(ask("claude-haiku-4-5", 600, "5m", "a").await.3, written + rest, "too short for this model");
    let (read, short, long, _) = ask("claude-sonnet-4-6", 1500, "1h", "a").await;
    assert!(read == 0 && short == 0 && long > 1500);
    let tokens = peer.server.account().tokens;
    assert_eq!((tokens.cached_input, tokens.cache_write, tokens.cache_write_long), (written, written, long));
    let request = &peer.server.account().list[3];
    let (output, input) = (request.tokens.output as i64, request.tokens.input as i64);
    assert_eq!(request.charged_nanousd, Some(long as i64 * 200 + input * 100 + output * 500));
}

#[tokio::test]
async fn a_tool_is_used_where_it_may_be_forced() {
    let peer = Peer::new(config()).await;
    let mut body = messages(&TITLES);
    body["tools"] = json!([{"name": "sort", "input_schema": body["output_config"]["format"]["schema"]}]);
    body["tool_choice"] = json!({"type": "tool", "name": "sort"});
    body.as_object_mut().unwrap().remove("output_config");
    let said = reply(&peer, &body).await;
    assert_eq!((&said["stop_reason"], &said["content"][0]["type"]), (&json!("tool_use"), &json!("tool_use")));
    assert_eq!(said["content"][0]["input"]["items"][1]["category"], "Books");
    for model in ["claude-sonnet-5-5", "claude-opus-5-5", "claude-fable-5-1", "claude-mythos-5-1"] {
        body["model"] = json!(model);
        assert_eq!(send(&peer, &body, "2023-06-01").await.status(), 400, "{model}");
    }
}

#[tokio::test]
async fn what_anthropic_refuses_is_refused() {
    let peer = Peer::new(config()).await;
    let refused = async |version: &str, change: &dyn Fn(&mut Value)| {
        let mut body = messages(&TITLES);
        change(&mut body);
        let response = send(&peer, &body, version).await;
        let status = response.status();
        let reply: Value = response.json().await.unwrap();
        assert_eq!((status.as_u16(), &reply["error"]["type"]), (400, &json!("invalid_request_error")), "{body}");
    };
    let (old, new) = ("2023-06-01", "2026-10-21");
    refused("2020-01-01", &|_| {}).await;
    refused(new, &|body| {
        body["model"] = json!("claude-haiku-4-5");
        body["temperature"] = json!(1);
    })
    .await;
    refused(old, &|body| body["temperature"] = json!(1)).await;
    refused(old, &|body| body["invented"] = json!(1)).await;
    refused(old, &|body| body["max_tokens"] = json!(0)).await;
    refused(old, &|body| body["messages"] = json!([])).await;
    refused(old, &|body| body["messages"][0]["role"] = json!("system")).await;
    refused(old, &|body| body["output_config"]["format"]["schema"]["additionalProperties"] = json!(true)).await;
    let url = format!("{}/v1/messages", peer.server.url());
    let nameless = peer.client.post(&url).json(&messages(&TITLES)).send().await.unwrap();
    assert_eq!(nameless.status(), 400, "without a version");
    let mut body = messages(&TITLES);
    body["model"] = json!("claude-haiku-4-5");
    body["temperature"] = json!(0);
    assert_eq!(send(&peer, &body, old).await.status(), 200);
    assert_eq!(peer.server.account().charged_requests, 1);
}

#[tokio::test]
async fn tokens_are_counted_for_nothing() {
    let peer = Peer::new(config()).await;
    let mut body = messages(&TITLES);
    let input = reply(&peer, &body).await["usage"]["input_tokens"].clone();
    body.as_object_mut().unwrap().remove("max_tokens");
    let request = peer.post("/v1/messages/count_tokens", &body).header("anthropic-version", "2023-06-01");
    assert_eq!(request.send().await.unwrap().json::<Value>().await.unwrap(), json!({"input_tokens": input}));
    assert_eq!((peer.server.account().charged_requests, peer.server.account().titles_paid), (1, 3));
}

#[tokio::test]
async fn errors_are_native() {
    let expected = [
        (Fault::RateLimit, 429, "rate_limit_error"),
        (Fault::Quota, 429, "rate_limit_error"),
        (Fault::Unauthorized, 401, "authentication_error"),
        (Fault::Forbidden, 403, "permission_error"),
        (Fault::ModelNotFound, 404, "not_found_error"),
        (Fault::RequestTimeout, 504, "timeout_error"),
        (Fault::Conflict, 409, "conflict_error"),
        (Fault::ServerError, 500, "api_error"),
        (Fault::Loading, 503, "api_error"),
        (Fault::Overloaded, 529, "overloaded_error"),
        (Fault::ContextLengthExceeded, 400, "invalid_request_error"),
    ];
    let peer = Peer::with(expected.iter().map(|(fault, ..)| Step::next(*fault))).await;
    for (fault, status, kind) in expected {
        let response = send(&peer, &messages(&TITLES), "2023-06-01").await;
        assert_eq!(response.status(), status, "{fault:?}");
        assert_eq!(response.headers().contains_key("retry-after"), fault == Fault::RateLimit, "{fault:?}");
        assert!(!response.headers().contains_key("retry-after-ms") && !response.headers().contains_key("x-request-id"));
        let id = response.headers()["request-id"].to_str().unwrap().to_owned();
        let body: Value = response.json().await.unwrap();
        assert_eq!(
            (&body["type"], &body["error"]["type"], &body["request_id"]),
            (&json!("error"), &json!(kind), &json!(id))
        );
        let code = &body["error"]["details"]["error_code"];
        assert_eq!(code == "enforced_spend_limit_reached", fault == Fault::Quota, "{fault:?}");
    }
    peer.server.set_faults(Faults::script([Step::next(Fault::Refusal)]));
    assert_eq!(reply(&peer, &messages(&TITLES)).await["stop_reason"], "refusal");
}

#[tokio::test]
async fn limits_are_announced_in_its_own_headers() {
    let peer = Peer::new(Config { requests_per_minute: Some(1), ..config() }).await;
    for status in [200, 429] {
        let response = send(&peer, &messages(&TITLES), "2023-06-01").await;
        assert_eq!(response.status(), status);
        let header = |name: &str| response.headers()[format!("anthropic-ratelimit-requests-{name}")].to_str().unwrap();
        assert_eq!((header("limit"), header("remaining")), ("1", "0"));
        assert!(header("reset").starts_with("20") && header("reset").ends_with('Z'), "{}", header("reset"));
        assert_eq!(response.headers().contains_key("retry-after"), status == 429);
    }
}
