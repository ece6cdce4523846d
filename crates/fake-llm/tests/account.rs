//! The account: what it counts, and that it counts before the client knows.

mod common;

use common::{Peer, TITLES, chat, config};
use pg_categorize_fake_llm::{Account, Config, FakeLlm, Fault, Faults, Latency, Model, Payments, Step, Tokens};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

/// Waits until the account is so; the test fails by its own bound where it never is.
async fn until(peer: &Peer, is: impl Fn(&Account) -> bool) -> Account {
    for _ in 0..500 {
        let account = peer.server.account();
        if is(&account) {
            return account;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("never: {:?}", peer.server.account());
}

#[tokio::test]
async fn a_request_costs_its_tokens_rounded_up_once() {
    let model = Model { input: 333_333, output: 7, ..Model::default() };
    let models = BTreeMap::from([("gpt-6-luna".to_owned(), model)]);
    let peer = Peer::new(Config { models, ..config() }).await;
    let reply = peer.reply(&TITLES).await;
    let (input, output) = (&reply["usage"]["prompt_tokens"], &reply["usage"]["completion_tokens"]);
    let (input, output) = (input.as_u64().unwrap(), output.as_u64().unwrap());
    let body = chat(&TITLES);
    let text = |at: usize| body["messages"][at]["content"].as_str().unwrap().len() as u64;
    let schema = body["response_format"]["json_schema"]["schema"].to_string().len() as u64;
    assert_eq!(input, (text(0) + text(1) + schema).div_ceil(4));
    assert_eq!(output, (reply["choices"][0]["message"]["content"].as_str().unwrap().len() as u64).div_ceil(4));
    let account = peer.server.account();
    assert_eq!(account.charged_nanousd, (input as i64 * 333_333 + output as i64 * 7 + 999_999) / 1_000_000);
    assert_eq!(account.tokens, Tokens { input, output, ..Tokens::default() });
    let request = &account.list[0];
    assert_eq!((request.number, request.status, request.delivered, request.items.len()), (1, 200, true, 3));
    assert_eq!((request.charged_nanousd, request.model.as_str()), (Some(account.charged_nanousd), "gpt-6-luna"));
}

#[tokio::test]
async fn second_payments_are_explained_by_what_was_lost_or_spoiled() {
    let peer = Peer::with([Step::next(Fault::Reset), Step::of_title("hose", Fault::WrongLabel)]).await;
    assert!(peer.chat(&TITLES[..2]).await.is_err());
    for titles in [&TITLES[..2], &TITLES[2..], &TITLES[2..]] {
        peer.reply(titles).await;
    }
    let account = peer.server.account();
    assert_eq!((account.answers_paid, account.titles_paid, account.second_payments), (6, 3, 3));
    assert_eq!((account.answers_lost, account.answers_spoiled, account.unexplained_payments), (2, 1, 0));
    assert_eq!(account.payments_for(TITLES[2]), Payments { paid: 2, lost: 0, spoiled: 1 });
    assert_eq!(account.payments_for("never asked"), Payments::default());
    peer.reply(&TITLES[..1]).await;
    let account = peer.server.account();
    assert_eq!((account.second_payments, account.unexplained_payments), (4, 1));
    assert_eq!(account.titles_by_payments(), BTreeMap::from([(2, 2), (3, 1)]));
}

#[tokio::test]
async fn who_comes_too_early_is_seen() {
    let step = Step::next(Fault::RateLimit).retry_after_ms(3_600_000);
    let config = Config { faults: Faults::script([step]), notice: Duration::ZERO, ..config() };
    let peer = Peer::new(config).await;
    assert_eq!(peer.chat(&TITLES[..2]).await.unwrap().status(), 429);
    let early = || (peer.server.account().too_early, peer.server.account().too_early_by_model);
    peer.reply(&TITLES[2..]).await;
    assert_eq!(early(), (0, 1), "another title, the same model and key");
    let url = format!("{}/v1/chat/completions", peer.server.url());
    let other = peer.client.post(url).bearer_auth("other").json(&chat(&TITLES[..1]));
    assert_eq!(other.send().await.unwrap().status(), 200);
    let mut body = chat(&TITLES[..1]);
    body["model"] = json!("gpt-6-sol");
    assert_eq!(peer.post("/v1/chat/completions", &body).send().await.unwrap().status(), 200);
    assert_eq!(early(), (0, 1), "another key and another model have delays of their own");
    peer.reply(&TITLES[..1]).await;
    assert_eq!(early(), (1, 2));
    peer.reply(&TITLES[..1]).await;
    assert_eq!(early(), (1, 3), "a title is put off once");
}

#[tokio::test]
async fn a_delay_that_was_kept_is_no_offence() {
    let step = Step::next(Fault::RateLimit).retry_after_ms(30);
    let peer = Peer::new(Config { faults: Faults::script([step]), notice: Duration::ZERO, ..config() }).await;
    assert_eq!(peer.chat(&TITLES).await.unwrap().status(), 429);
    tokio::time::sleep(Duration::from_millis(35)).await;
    peer.reply(&TITLES).await;
    assert_eq!((peer.server.account().too_early, peer.server.account().too_early_by_model), (0, 0));
}

#[tokio::test]
async fn limits_are_announced_and_kept() {
    let peer = Peer::new(Config { requests_per_minute: Some(2), tokens_per_minute: Some(1_000_000), ..config() }).await;
    let mut remaining = Vec::new();
    for _ in 0..3 {
        let response = peer.chat(&TITLES).await.unwrap();
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(
            (header("x-ratelimit-limit-requests"), header("x-ratelimit-limit-tokens")),
            ("2".into(), "1000000".into())
        );
        assert!(header("x-ratelimit-reset-requests").ends_with('s'));
        remaining.push((response.status().as_u16(), header("x-ratelimit-remaining-requests")));
        let delay = response.headers().get("retry-after-ms").map(|ms| ms.to_str().unwrap().parse::<u64>().unwrap());
        assert_eq!(delay.is_some_and(|ms| (1..=30_000).contains(&ms)), response.status() == 429);
    }
    assert_eq!(remaining, [(200, "1".into()), (200, "0".into()), (429, "0".into())]);
    let account = peer.server.account();
    assert_eq!((account.over_limit, account.charged_requests), (1, 2));
}

#[tokio::test]
async fn tokens_have_limits_too() {
    let peer = Peer::new(Config { tokens_per_minute: Some(300), ..config() }).await;
    let mut body = chat(&TITLES);
    body["max_completion_tokens"] = json!(120);
    let ask = async || peer.post("/v1/chat/completions", &body).send().await.unwrap().status().as_u16();
    assert_eq!((ask().await, ask().await), (200, 429), "the input and the most of the output, twice");
    let peer = Peer::new(Config { max_input_tokens: Some(50), ..config() }).await;
    let response = peer.chat(&TITLES).await.unwrap();
    assert_eq!(response.status(), 400);
    assert_eq!(response.json::<Value>().await.unwrap()["error"]["code"], "context_length_exceeded");
}

#[tokio::test]
async fn a_client_that_leaves_has_paid() {
    let peer = Peer::new(Config { latency: Latency::Fixed(HOUR), ..config() }).await;
    let request = peer.post("/v1/chat/completions", &chat(&TITLES)).send();
    let leaving = async {
        until(&peer, |account| account.in_flight == 1).await;
    };
    tokio::select! { _ = request => panic!("after an hour only"), () = leaving => {} }
    let account = until(&peer, |account| account.in_flight == 0).await;
    assert_eq!((account.lost_requests, account.answers_lost, account.max_in_flight), (1, 3, 1));
    assert_eq!(account.overlapping, 0);
}

#[tokio::test]
async fn two_requests_for_a_title_at_once_are_seen() {
    let latency = Latency::Fixed(Duration::from_millis(300));
    let peer = Peer::new(Config { latency, ..config() }).await;
    tokio::join!(peer.reply(&TITLES[..2]), peer.reply(&TITLES[2..]));
    assert_eq!((peer.server.account().overlapping, peer.server.account().max_in_flight), (0, 2));
    tokio::join!(peer.reply(&TITLES[..2]), peer.reply(&TITLES[1..]));
    assert_eq!(peer.server.account().overlapping, 1);
}

#[tokio::test]
async fn totals_are_kept_without_the_requests() {
    let peer = Peer::new(Config { keep_requests: false, ..config() }).await;
    peer.reply(&TITLES).await;
    let account = peer.server.account();
    assert_eq!((account.list.len(), account.answers_paid, account.payments_for(TITLES[0]).paid), (0, 3, 1));
    let told: Value = reqwest::get(format!("{}/_fake/account", peer.server.url())).await.unwrap().json().await.unwrap();
    assert_eq!(
        (&told["answers_paid"], &told["titles_by_payments"], told.get("list")),
        (&json!(3), &json!({"1": 3}), None)
    );
}

#[tokio::test]
async fn a_wrong_key_is_refused_before_anything_else() {
    let peer = Peer::new(Config { key: Some("right".to_owned()), ..config() }).await;
    let response = peer.post("/v1/chat/completions", &json!({})).send().await.unwrap();
    assert_eq!(response.status(), 401);
    let url = format!("{}/v1/chat/completions", peer.server.url());
    let right = peer.client.post(url).bearer_auth("right").json(&chat(&TITLES)).send().await.unwrap();
    assert_eq!(right.status(), 200);
}

#[tokio::test]
async fn faults_are_set_while_it_runs() {
    let peer = Peer::with([]).await;
    let url = format!("{}/_fake/faults", peer.server.url());
    let set = async |faults: Value| peer.client.post(&url).json(&faults).send().await.unwrap().status().as_u16();
    assert_eq!(set(json!({"script": [{"fault": "conflict", "title": "LEGO", "times": 1}]})).await, 200);
    assert_eq!(peer.chat(&TITLES).await.unwrap().status(), 409);
    assert_eq!(peer.chat(&TITLES).await.unwrap().status(), 200);
    assert_eq!(set(json!({"random": {"no_such_fault": 1}})).await, 422);
}

#[test]
fn a_server_in_a_thread_stops_with_all_its_connections() {
    let faults = Faults::script([Step::next(Fault::Hang)]);
    let mut server = FakeLlm::spawn(Config { faults, ..config() });
    let url = server.url();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.post(format!("{url}/v1/chat/completions")).json(&chat(&TITLES));
    let hanging = runtime.spawn(request.send());
    runtime.block_on(async {
        while server.account().in_flight == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    server.stop();
    assert!(runtime.block_on(hanging).unwrap().is_err(), "the connection is closed");
    let again = reqwest::get(format!("{url}/health"));
    assert!(runtime.block_on(again).unwrap_err().is_connect(), "nobody listens");
    assert_eq!(server.account().lost_requests, 1);
}
