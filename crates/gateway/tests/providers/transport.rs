//! Connections that end, never begin, or lead where they should not.

use super::wire::{Act, Seen, http, server};
use super::{ITEMS, LONG, chat, chat_reply, chat_with, failure, send, shop};
use pg_categorize_gateway::provider::{Charge, FailureClass, Http, prepare};
use pg_categorize_gateway::secret::Secret;
use std::time::Duration;
use tokio::net::TcpListener;

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
