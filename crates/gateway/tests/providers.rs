//! Providers on the wire: a server that says what it is told to, and what the gateway makes of it.

#[path = "providers/fake.rs"]
mod fake;

use pg_categorize_core::choices::{Choice, Choices, Verdict};
use pg_categorize_core::price::Usage;
use pg_categorize_gateway::plan::{Abilities, AnswerMode, Model, Provider, ProviderKind, Route};
use pg_categorize_gateway::provider::{Charge, Ended, Failure, FailureClass, Http, Item, pack_limit, prepare};
use pg_categorize_gateway::secret::Secret;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Longer than anything takes here.
const LONG: Duration = Duration::from_secs(20);

fn shop() -> Choices {
    let choice = |(id, label): (i32, &str)| Choice { id, label: label.into(), description: None };
    Choices::new([(10, "Toys"), (20, "Books"), (30, "Garden > Tools")].map(choice).to_vec())
}

fn many(count: i32) -> Choices {
    Choices::new((0..count).map(|id| Choice { id, label: format!("Label {id}"), description: None }).collect())
}

fn route(base_url: &str, kind: ProviderKind, mode: AnswerMode) -> Route {
    let abilities =
        Abilities { instruction_role: "system".into(), max_tokens_field: "max_tokens".into(), openai_extras: false };
    let provider = Provider {
        id: 1000,
        name: "p".into(),
        kind,
        base_url: base_url.into(),
        private_allowed: true,
        key: Some(Secret::new("sk-hidden".into())),
        abilities,
        requests_per_minute: None,
        tokens_per_minute: None,
    };
    let model = Model::new("gpt-6-luna", mode);
    Route::new(provider, model, None)
}

fn chat(base_url: &str) -> Route {
    route(base_url, ProviderKind::OpenAi, AnswerMode::JsonSchema)
}

const ITEMS: [Item<'static>; 2] =
    [Item { id: 1, text: "LEGO police station", image: None }, Item { id: 2, text: "SQL for \"all\"", image: None }];

fn body(route: &Route, choices: &Choices, items: &[Item<'_>]) -> Value {
    serde_json::from_str(prepare(route, choices, items).unwrap().body()).unwrap()
}

/// What a server does once it has read a request.
#[derive(Clone)]
enum Act {
    /// Writes this, and waits for the next request.
    Say(Vec<u8>),
    /// Writes this, and closes.
    Cut(Vec<u8>),
    /// Writes the first, then the second for as long as somebody reads it.
    Endless(Vec<u8>, Vec<u8>),
    /// Closes so that the other side sees a reset.
    Reset,
}

/// What a server saw.
#[derive(Debug, PartialEq)]
enum Seen {
    Connection,
    Request(String),
    End,
}

async fn server(act: Act) -> (String, UnboundedReceiver<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (seen, sight) = unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            _ = seen.send(Seen::Connection);
            let (act, seen) = (act.clone(), seen.clone());
            tokio::spawn(async move {
                while let Some(request) = read_request(&mut stream).await {
                    _ = seen.send(Seen::Request(request));
                    match &act {
                        Act::Say(bytes) => stream.write_all(bytes).await.unwrap(),
                        Act::Cut(bytes) => return stream.write_all(bytes).await.unwrap(),
                        Act::Endless(head, chunk) => {
                            stream.write_all(head).await.unwrap();
                            while stream.write_all(chunk).await.is_ok() {}
                        }
                        Act::Reset => return stream.set_zero_linger().unwrap(),
                    }
                }
                _ = seen.send(Seen::End);
            });
        }
    });
    (url, sight)
}

/// One request as text, or `None` where the connection ends.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if body.len() >= length.unwrap_or(0) {
            return Some(text);
        }
    }
}

fn http(status: u16, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len()).into_bytes()
}

fn chat_reply(content: &str) -> Value {
    json!({
        "id": "chatcmpl-a1", "object": "chat.completion", "model": "gpt-6-luna-2026-09-30",
        "choices": [{ "index": 0, "message": { "role": "assistant", "content": content, "refusal": null },
            "logprobs": null, "finish_reason": "stop" }],
        "usage": { "prompt_tokens": 1310, "completion_tokens": 7, "total_tokens": 1317,
            "prompt_tokens_details": { "cached_tokens": 1024, "cache_write_tokens": 0 } },
    })
}

async fn send(route: &Route, items: &[Item<'_>], time_limit: Duration) -> Ended {
    let choices = shop();
    Http::new().send(route, &choices, &prepare(route, &choices, items).unwrap(), time_limit).await
}

/// What becomes of a chat request to a server that does this.
async fn chat_with(act: Act) -> Ended {
    let (url, _sight) = server(act).await;
    send(&chat(&url), &ITEMS, LONG).await
}

fn verdicts(ended: &Ended) -> Vec<(u32, Verdict, f32)> {
    ended.result.as_ref().unwrap().iter().map(|answer| (answer.id, answer.verdict, answer.confidence)).collect()
}

fn failure(ended: Ended) -> (FailureClass, Charge, String) {
    let Failure { class, charge, detail, .. } = ended.result.unwrap_err();
    (class, charge, detail)
}

#[test]
fn a_chat_request_has_only_what_its_route_asks_for() {
    let mut route = chat("https://example.com/v1");
    let plain = body(&route, &shop(), &ITEMS);
    let members: Vec<&String> = plain.as_object().unwrap().keys().collect();
    assert_eq!(members, ["max_tokens", "messages", "model", "response_format"]);
    let labels = json!(["Toys", "Books", "Garden > Tools", "none of these"]);
    let schema = &plain["response_format"]["json_schema"]["schema"];
    assert_eq!(schema["properties"]["items"]["items"]["properties"]["category"]["enum"], labels);
    assert_eq!(plain["messages"][0]["role"], "system");
    let data = r#"{"items":[{"id":1,"title":"LEGO police station"},{"id":2,"title":"SQL for \"all\""}]}"#;
    assert_eq!(plain["messages"][1]["content"], data);

    route.provider.abilities = Abilities {
        instruction_role: "developer".into(),
        max_tokens_field: "max_completion_tokens".into(),
        openai_extras: true,
    };
    route.model.reasoning_effort = Some("none".into());
    route.model.temperature = Some(0.2);
    route.model.cache_breakpoint = true;
    let full = body(&route, &shop(), &ITEMS[..1]);
    assert_eq!(full["store"], false);
    assert_eq!((&full["reasoning_effort"], &full["temperature"]), (&json!("none"), &json!(0.2)));
    assert_eq!(full["messages"][0]["role"], "developer");
    assert_eq!(full["messages"][0]["content"][0]["text"], plain["messages"][0]["content"]);
    assert_eq!(full["messages"][0]["content"][0]["prompt_cache_breakpoint"], json!({ "mode": "explicit" }));
    assert_eq!(full["prompt_cache_key"], body(&route, &shop(), &ITEMS[1..])["prompt_cache_key"]);
    assert_ne!(full["prompt_cache_key"], body(&route, &many(3), &ITEMS)["prompt_cache_key"]);
    assert_eq!(full["max_completion_tokens"], prepare(&route, &shop(), &ITEMS[..1]).unwrap().output_bound());
}

#[test]
fn bounds_and_packs_follow_the_limits_of_the_model() {
    let mut route = chat("https://example.com/v1");
    let reason = |route: &Route, choices: &Choices, items: &[Item<'_>]| {
        prepare(route, choices, items).err().map(|refusal| refusal.reason.as_str())
    };
    let prepared = prepare(&route, &shop(), &ITEMS).unwrap();
    let bytes = prepared.body_bytes() as u64;
    assert_eq!(prepared.input_bound(), bytes + 128);
    // The longest label is the 14 bytes of `Garden > Tools` in quotes.
    assert_eq!(prepared.output_bound(), 2 * (16 + 48) + 32);
    assert_eq!(pack_limit(&route, &shop()), usize::MAX);
    route.model.thinking_tokens = 1000;
    route.model.max_output_tokens = Some(1000 + 32 + 2 * 64);
    assert_eq!(pack_limit(&route, &shop()), 2);
    assert_eq!(prepare(&route, &shop(), &ITEMS).unwrap().output_bound(), 1160);
    let three = [ITEMS[0], ITEMS[1], Item { id: 3, text: "x", image: None }];
    assert_eq!(reason(&route, &shop(), &three), Some("input_too_large"));
    route.model.max_output_tokens = None;
    let longer = prepare(&route, &shop(), &ITEMS).unwrap().body_bytes() as u64;
    route.model.max_input_tokens = Some(longer / 8);
    assert_eq!(reason(&route, &shop(), &ITEMS), None);
    route.model.max_input_tokens = Some(longer / 8 - 1);
    assert_eq!(reason(&route, &shop(), &ITEMS), Some("input_too_large"));
    route.model.max_input_tokens = None;

    route.model.mode = AnswerMode::Text;
    assert_eq!(pack_limit(&route, &shop()), 1);
    route.model.mode = AnswerMode::Decision;
    assert_eq!(pack_limit(&route, &shop()), 400);
    assert!((1..400).contains(&pack_limit(&route, &many(254))));
    assert_eq!(reason(&route, &many(254), &ITEMS), None);
    assert_eq!(reason(&route, &many(255), &ITEMS), Some("provider_error"));
    for base_url in ["", "example.com", "ftp://example.com", "https://user:pass@example.com", "https://example.com?a=b"]
    {
        route.provider.base_url = base_url.into();
        assert_eq!(reason(&route, &shop(), &ITEMS), Some("provider_error"), "{base_url}");
    }
}

proptest! {
    /// A title is one string in the data, in all APIs, and changes nothing else of a request.
    #[test]
    fn a_title_changes_nothing_but_itself(title in any::<String>()) {
        for (kind, mode, pointer) in [
            (ProviderKind::OpenAi, AnswerMode::JsonSchema, "/messages/1/content"),
            (ProviderKind::OpenAi, AnswerMode::Text, "/messages/1/content"),
            (ProviderKind::OpenAi, AnswerMode::Decision, "/input/1/content"),
            (ProviderKind::SystemOne, AnswerMode::Decision, "/state"),
        ] {
            let route = route("https://example.com/v1", kind, mode);
            let of = |text| {
                let mut body = body(&route, &shop(), &[Item { id: 1, text, image: None }]);
                (body.pointer_mut(pointer).map(Value::take).unwrap(), body)
            };
            let ((data, rest), (_, usual)) = (of(&title), of("x"));
            prop_assert_eq!(rest, usual);
            let data = data.as_str().map_or(data.clone(), |text| serde_json::from_str(text).unwrap());
            let told = data.pointer("/items/0/title").unwrap_or(&data["title"]);
            prop_assert_eq!(told.as_str(), Some(title.as_str()));
        }
    }
}

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

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (elsewhere, mut sight) = server(Act::Say(http(200, "", "{}"))).await;
    let ended = chat_with(Act::Say(http(302, &format!("location: {elsewhere}/v1\r\n"), ""))).await;
    assert_eq!(failure(ended), (FailureClass::Stopped, Charge::Unknown, "http 302".into()));
    assert!(sight.try_recv().is_err());
}

#[tokio::test]
async fn a_connection_that_ends_early_leaves_its_attempt_in_doubt() {
    let whole = http(200, "", &chat_reply("{}").to_string());
    let half = whole[..whole.len() / 2].to_vec();
    for act in [Act::Reset, Act::Cut(Vec::new()), Act::Cut(half), Act::Cut(b"HTTP/1.1 2".to_vec())] {
        let ended = chat_with(act).await;
        assert_eq!(failure(ended), (FailureClass::Cut, Charge::Unknown, "connection cut".into()));
    }
    // Its status is known, and is unbilled.
    let limited = b"HTTP/1.1 429 X\r\nretry-after: 3\r\ncontent-length: 100\r\n\r\n{".to_vec();
    let failure = chat_with(Act::Cut(limited)).await.result.unwrap_err();
    assert_eq!((failure.class, failure.charge), (FailureClass::RateLimited, Charge::None));
    assert_eq!(failure.retry_after, Some(Duration::from_secs(3)));
}

#[tokio::test]
async fn a_request_whose_time_is_over_cannot_be_answered_any_more() {
    let begun = b"HTTP/1.1 200 X\r\ncontent-length: 100\r\n\r\n{".to_vec();
    for act in [Act::Say(Vec::new()), Act::Say(begun)] {
        let (url, mut sight) = server(act).await;
        let (route, choices, http) = (chat(&url), shop(), Http::new());
        let prepared = prepare(&route, &choices, &ITEMS).unwrap();
        let ended = http.send(&route, &choices, &prepared, Duration::from_millis(300)).await;
        assert_eq!(failure(ended), (FailureClass::TimedOut, Charge::Unknown, "timed out".into()));
        assert_eq!(sight.recv().await, Some(Seen::Connection));
        assert!(matches!(sight.recv().await, Some(Seen::Request(_))));
        // The client is still there; its connection is not.
        assert_eq!(tokio::time::timeout(LONG, sight.recv()).await.unwrap(), Some(Seen::End));
        drop(http);
    }
}

#[tokio::test]
async fn an_endless_reply_is_not_read_to_its_end() {
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000)).into_bytes();
    for head in ["HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n", "HTTP/1.1 200 X\r\n\r\n"] {
        let ended = chat_with(Act::Endless(head.into(), chunk.clone())).await;
        assert_eq!(failure(ended), (FailureClass::Unreadable, Charge::Unknown, "reply too long".into()));
    }
}

#[tokio::test]
async fn where_nothing_was_sent_nothing_can_be_charged() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    // Names under `.invalid` do not exist (RFC 6761).
    let (no_tls, _sight) = server(Act::Cut(b"HTTP/1.1 400 X\r\n\r\n".to_vec())).await;
    for base_url in [closed, "http://provider.invalid".into()] {
        let ended = send(&chat(&base_url), &ITEMS, LONG).await;
        assert_eq!(failure(ended), (FailureClass::NotSent, Charge::None, "no connection".into()), "{base_url}");
    }
    // Nobody shakes hands there: the time for a connection ends before the time for a reply.
    let ended = send(&chat(&no_tls.replace("http:", "https:")), &ITEMS, LONG).await;
    assert_eq!(failure(ended), (FailureClass::NotSent, Charge::None, "no connection in time".into()));
    let mut bad_key = chat("http://127.0.0.1:1");
    bad_key.provider.key = Some(Secret::new("two\nlines".into()));
    let ended = send(&bad_key, &ITEMS, LONG).await;
    assert_eq!(failure(ended), (FailureClass::Stopped, Charge::None, "the key is no header".into()));
}

#[tokio::test]
async fn nobody_is_led_into_the_own_network() {
    let (url, mut sight) = server(Act::Say(http(200, "", "{}"))).await;
    let port = url.rsplit(':').next().unwrap();
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "127.1"] {
        let mut route = chat(&format!("https://{host}:{port}/v1"));
        route.provider.private_allowed = false;
        let expected = (FailureClass::Stopped, Charge::None, "address not allowed".into());
        assert_eq!(failure(send(&route, &ITEMS, LONG).await), expected, "{host}");
    }
    let metadata = chat("http://169.254.169.254");
    assert_eq!(failure(send(&metadata, &ITEMS, LONG).await).0, FailureClass::Stopped);
    // A host of the internet is not spoken to in the clear.
    let mut clear = chat("http://192.0.2.1/v1");
    clear.provider.private_allowed = false;
    let expected = (FailureClass::Stopped, Charge::None, "the URL is not allowed".into());
    assert_eq!(failure(send(&clear, &ITEMS, Duration::from_secs(1)).await), expected);
    assert!(sight.try_recv().is_err());
}
