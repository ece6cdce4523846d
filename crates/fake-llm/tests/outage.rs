//! A server that goes down and comes back, and limits and latencies of models and accounts.

mod common;

use common::{Peer, TITLES, chat, config};
use pg_categorize_fake_llm::{Config, FakeLlm, Latency, LimitScope, Model, Outage};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::error::Error;
use std::time::{Duration, Instant};

/// Whether any cause of this was of the socket, and which.
fn kind(error: &reqwest::Error) -> Option<std::io::ErrorKind> {
    let mut cause = error.source();
    let mut kind = None;
    while let Some(error) = cause {
        kind = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind).or(kind);
        cause = error.source();
    }
    kind
}

/// Asks until the answer is of this kind.
async fn until_refused(peer: &Peer) {
    for _ in 0..200 {
        if peer.chat(&TITLES).await.is_err_and(|error| error.is_connect()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it still listens");
}

#[tokio::test]
async fn it_is_reset_and_comes_back_with_its_account() {
    let peer = Peer::new(config()).await;
    peer.reply(&TITLES).await;
    peer.server.down(Outage::Reset);
    for _ in 0..3 {
        let error = peer.chat(&TITLES).await.unwrap_err();
        assert_eq!(kind(&error), Some(std::io::ErrorKind::ConnectionReset), "{error:?}");
    }
    assert_eq!(peer.server.account().requests, 1, "what came meanwhile is no request");
    assert!(peer.server.account().while_down >= 2, "the first one may have found its connection gone");
    peer.server.up().unwrap();
    peer.reply(&TITLES).await;
    assert_eq!(peer.server.account().charged_requests, 2);
}

#[tokio::test]
async fn it_refuses_and_comes_back_at_its_port() {
    let peer = Peer::new(config()).await;
    peer.reply(&TITLES).await;
    for _ in 0..3 {
        peer.server.down(Outage::Refuse);
        assert!(peer.chat(&TITLES).await.is_err(), "from the first moment on");
        until_refused(&peer).await;
        peer.server.up().unwrap();
        peer.reply(&TITLES).await;
        // At once down and up again: whether the listener was closed or not.
        peer.server.down(Outage::Refuse);
        peer.server.up().unwrap();
        peer.reply(&TITLES).await;
    }
    assert_eq!(peer.server.account().charged_requests, 7);
}

#[test]
fn what_is_being_answered_is_lost() {
    let latency = Latency::Fixed(Duration::from_secs(600));
    let server = FakeLlm::spawn(Config { latency, ..config() });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.post(format!("{}/v1/chat/completions", server.url())).json(&chat(&TITLES));
    let waiting = runtime.spawn(request.send());
    runtime.block_on(async {
        while server.account().in_flight == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        server.down(Outage::Refuse);
        let error = waiting.await.unwrap().unwrap_err();
        assert_eq!(kind(&error), Some(std::io::ErrorKind::ConnectionReset), "{error:?}");
        while server.account().in_flight > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert_eq!(server.account().lost_requests, 1);
}

#[tokio::test]
async fn it_is_controlled_from_outside() {
    let peer = Peer::new(config()).await;
    let control = async |path: &str, body: Value| peer.post(path, &body).send().await.unwrap().status().as_u16();
    assert_eq!(control("/_fake/down", json!({"how": "reset"})).await, 200);
    assert!(peer.chat(&TITLES).await.is_err());
    assert_eq!(control("/_fake/up", json!({})).await, 200);
    peer.reply(&TITLES).await;
    assert_eq!(control("/_fake/down", json!({"how": "refuse"})).await, 422, "nobody could tell it to be up again");
    peer.reply(&TITLES).await;
    assert_eq!(control("/_fake/down", json!({"how": "refuse", "for_ms": 200})).await, 200);
    assert!(peer.chat(&TITLES).await.is_err());
    let start = Instant::now();
    while peer.chat(&TITLES).await.is_err() {
        assert!(start.elapsed() < Duration::from_secs(10), "it never comes back");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(peer.server.account().charged_requests, 3);
}

#[tokio::test]
async fn limits_are_of_a_model_or_of_an_account() {
    for (limit_scope, last) in [(LimitScope::Model, 200), (LimitScope::Account, 429)] {
        let peer = Peer::new(Config { requests_per_minute: Some(1), limit_scope, ..config() }).await;
        assert_eq!(peer.chat(&TITLES).await.unwrap().status(), 200);
        let mut body = chat(&TITLES);
        body["model"] = json!("gpt-6-sol");
        assert_eq!(peer.post("/v1/chat/completions", &body).send().await.unwrap().status(), last);
        let text = json!({"contents": [{"parts": [{"text": "x"}]}]});
        let other = peer.post("/v1/models/gpt-6-luna:generateContent", &text).header("x-goog-api-key", "key");
        assert_eq!(other.send().await.unwrap().status(), 200, "another provider");
        let account = peer.server.account();
        assert_eq!(account.replies.get(&429).copied().unwrap_or(0), u64::from(last == 429));
    }
}

#[tokio::test]
async fn a_model_may_be_slower_than_others() {
    let slow: Model =
        serde_json::from_value(json!({"latency_ms": 150, "error_rate": 0.1, "confidence": "overconfident"})).unwrap();
    let peer = Peer::new(Config { models: BTreeMap::from([("gpt-6-sol".to_owned(), slow)]), ..config() }).await;
    let mut body = chat(&TITLES);
    body["model"] = json!("gpt-6-sol");
    let start = Instant::now();
    peer.post("/v1/chat/completions", &body).send().await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(150));
    assert!(serde_json::from_value::<Model>(json!({"invented": 1})).is_err());
}
