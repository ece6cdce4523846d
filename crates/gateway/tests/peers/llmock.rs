//! llmock: a provider that fails by order, and a judge of how its clients bear that.

use super::office::{Books, Office};
use super::{peer, peers, route, say, shop};
use pg_categorize_core::cascade::Reason;
use pg_categorize_core::frame::Reply;
use pg_categorize_gateway::plan::{AnswerMode, Plan, ProviderKind};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const PATIENT: Duration = Duration::from_secs(60);

fn office(url: &str, kind: ProviderKind, pack_size: usize) -> Office {
    let (path, model) = match kind {
        ProviderKind::Anthropic => ("/anthropic", "claude-haiku-4-5"),
        ProviderKind::Gemini => ("/gemini/v1beta", "gemini-2.5-flash-lite"),
        _ => ("/v1", "gpt-4o-mini"),
    };
    let route = route(&format!("{url}{path}"), kind, AnswerMode::JsonSchema, model);
    let pack_wait = Duration::from_millis(50);
    Office::open(Plan { pack_size, pack_wait, in_flight: 8, ..Plan::new(shop(), vec![Arc::new(route)]) })
}

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|i| format!("title {i}")).collect()
}

fn answered(replies: &[Reply]) -> usize {
    replies.iter().filter(|reply| matches!(reply, Reply::Answered(_))).count()
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

/// Forgets what was, and fails from now on as told.
fn fails(url: &str, behaviors: &[Value]) {
    run(async {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let post = |path: &str, body: String| client.post(format!("{url}/_llmock/{path}")).body(body).send();
        assert!(post("reset", String::new()).await.expect("llmock").status().is_success());
        if !behaviors.is_empty() {
            let status =
                post("scenario", json!({ "behaviors": behaviors }).to_string()).await.expect("llmock").status();
            assert!(status.is_success(), "{status}");
        }
    });
}

/// What llmock holds against us: the codes of its errors, and its report.
fn verdict(url: &str) -> (Value, String) {
    run(async {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let get = async |path: &str| {
            let reply = client.get(format!("{url}/_llmock/verdict{path}")).send().await.expect("llmock");
            reply.text().await.expect("a verdict")
        };
        (serde_json::from_str(&get("").await).expect("JSON"), get("?format=text").await)
    })
}

/// One scenario: these failures, then as many titles.
fn scenario(url: &str, kind: ProviderKind, behaviors: &[Value], titles: usize) -> (Vec<Reply>, Books, Value) {
    // It heeds no schema of Anthropic's, and is told what to say.
    let label = json!({ "type": "reply", "text": r#"{"category":"Toys"}"#, "times": null });
    let replies = (kind == ProviderKind::Anthropic).then_some(label);
    fails(url, &behaviors.iter().cloned().chain(replies).collect::<Vec<_>>());
    let office = office(url, kind, 1);
    let replies = office.ask(&numbered(titles), PATIENT);
    let books = office.close();
    let (verdict, text) = verdict(url);
    say(text.lines().next().unwrap_or_default());
    assert_eq!(verdict["errors"], 0, "{text}");
    (replies, books, verdict)
}

fn fail(status: u16, times: u16, more: Value) -> Value {
    let mut fail = json!({ "type": "fail", "status": status, "times": times });
    fail.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    fail
}

/// One test, as there is one server with one journal.
#[test]
fn llmock_finds_nothing_wrong_with_the_gateway() {
    let Some(url) = peer("PEER_LLMOCK") else { return };
    openai_is_asked_with_patience(&url);
    for kind in [ProviderKind::Anthropic, ProviderKind::Gemini] {
        natives_are_asked_with_patience(&url, kind);
    }
    fails(&url, &[]);
    run(super::batches::take_their_course(&url));
}

fn openai_is_asked_with_patience(url: &str) {
    let openai = ProviderKind::OpenAi;

    // Its answers have one item, whatever was asked: the others are asked again, alone.
    fails(url, &[]);
    let pack = office(url, openai, 5);
    assert_eq!(answered(&pack.ask(&numbered(10), PATIENT)), 10);
    let books = pack.close();
    assert_eq!((books.attempts, books.settled, books.stored), (2 + 8, 10, 10), "{books:?}");

    // What passes is asked again, and not before it may be.
    for behaviors in [
        vec![fail(429, 2, json!({ "retry_after": 1.5 }))],
        vec![
            fail(429, 1, json!({ "retry_after": 0.4 })),
            fail(500, 1, json!({})),
            fail(503, 1, json!({ "retry_after": 2 })),
        ],
        vec![fail(408, 1, json!({})), fail(409, 1, json!({})), fail(502, 1, json!({}))],
    ] {
        let (replies, books, verdict) = scenario(url, openai, &behaviors, 6);
        assert_eq!(answered(&replies), 6, "{replies:?}");
        assert_eq!(verdict["faults_injected"], behaviors.iter().filter_map(|fail| fail["times"].as_u64()).sum::<u64>());
        assert_eq!((books.settled, books.stored), (6, 6), "{books:?}");
    }

    // What does not pass is not.
    for (failure, attempts) in [
        (fail(400, 1, json!({})), 1),
        (fail(401, 1, json!({})), 1),
        (fail(404, 1, json!({ "code": "model_not_found" })), 1),
        (fail(429, 1, json!({ "code": "insufficient_quota", "retry_after": 0.1 })), 1),
    ] {
        let (replies, books, verdict) = scenario(url, openai, std::slice::from_ref(&failure), 1);
        assert!(
            matches!(&replies[..], [Reply::Unanswered { reason: Reason::ProviderError, .. }]),
            "{failure}: {replies:?}"
        );
        assert_eq!((&verdict["attempts"], books.released), (&json!(attempts), 1), "{failure}: {books:?}");
    }

    // A stranger's overflow is told by its message or code.
    let long =
        json!({ "code": "context_length_exceeded", "message": "This model's maximum context length is 10 tokens." });
    let (replies, ..) = scenario(url, openai, &[fail(400, 1, long)], 1);
    assert!(matches!(&replies[..], [Reply::Unanswered { reason: Reason::InputTooLarge, .. }]), "{replies:?}");
}

/// The bodies are those of the provider itself, with its own statuses.
fn natives_are_asked_with_patience(url: &str, kind: ProviderKind) {
    let overloaded = if kind == ProviderKind::Anthropic { 500 } else { 503 };
    for behaviors in [
        vec![fail(429, 2, json!({ "retry_after": 1.5 }))],
        vec![fail(500, 1, json!({})), fail(overloaded, 1, json!({ "retry_after": 2 })), fail(504, 1, json!({}))],
    ] {
        let (replies, books, verdict) = scenario(url, kind, &behaviors, 6);
        assert_eq!(answered(&replies), 6, "{kind:?}: {replies:?}");
        let faults: u64 = behaviors.iter().filter_map(|fail| fail["times"].as_u64()).sum();
        assert_eq!(verdict["faults_injected"], faults, "{kind:?}");
        assert_eq!((books.settled, books.stored), (6, 6), "{kind:?}: {books:?}");
    }
    for status in [400, 401, 403, 404] {
        let (replies, books, verdict) = scenario(url, kind, &[fail(status, 1, json!({}))], 1);
        let refused = matches!(&replies[..], [Reply::Unanswered { reason: Reason::ProviderError, .. }]);
        assert!(refused, "{kind:?} {status}: {replies:?}");
        assert_eq!((&verdict["attempts"], books.released), (&json!(1), 1), "{kind:?} {status}: {books:?}");
    }
    let (replies, ..) = scenario(url, kind, &[fail(413, 1, json!({}))], 1);
    assert!(matches!(&replies[..], [Reply::Unanswered { reason: Reason::InputTooLarge, .. }]), "{replies:?}");
}

#[test]
fn llmock_in_bad_weather_is_borne() {
    for (_, url) in peers("PEER_STORM") {
        let office = office(&url, ProviderKind::OpenAi, 1);
        let replies = office.ask(&numbered(60), PATIENT);
        let books = office.close();
        let (verdict, text) = verdict(&url);
        let reasons: Vec<&Reply> = replies.iter().filter(|reply| !matches!(reply, Reply::Answered(_))).collect();
        say(&format!(
            "{} of 60 answered in bad weather; {}",
            answered(&replies),
            text.lines().next().unwrap_or_default()
        ));
        assert_eq!(verdict["errors"], 0, "{text}");
        for reply in reasons {
            let Reply::Unanswered { reason, .. } = reply else { continue };
            let true_ones = [Reason::BreakerOpen, Reason::ProviderError, Reason::RateLimited, Reason::Timeout];
            assert!(true_ones.contains(reason), "{reply:?}");
        }
        assert_eq!((books.settled, books.stored), (answered(&replies), answered(&replies)), "{books:?}");
    }
}
