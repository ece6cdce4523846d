//! Each fault, as a client sees it and as the account books it.

mod common;

use common::{Peer, TITLES, categories, chat, config, items, right};
use pg_categorize_fake_llm::{Config, Fault, Faults, RetryAfter, Step};
use serde_json::{Value, json};
use std::error::Error;
use std::io::ErrorKind;
use std::time::{Duration, SystemTime};

#[tokio::test]
async fn errors_are_native_and_free() {
    let expected = [
        (Fault::RateLimit, 429, "rate_limit_error", json!("rate_limit_exceeded")),
        (Fault::SlowDown, 429, "rate_limit_error", json!("slow_down")),
        (Fault::Quota, 429, "insufficient_quota", json!("insufficient_quota")),
        (Fault::Unauthorized, 401, "invalid_request_error", json!("invalid_api_key")),
        (Fault::Forbidden, 403, "invalid_request_error", Value::Null),
        (Fault::ModelNotFound, 404, "invalid_request_error", json!("model_not_found")),
        (Fault::RequestTimeout, 408, "server_error", Value::Null),
        (Fault::Conflict, 409, "invalid_request_error", Value::Null),
        (Fault::ServerError, 500, "server_error", Value::Null),
        (Fault::Overloaded, 503, "service_unavailable_error", json!("server_is_overloaded")),
        (Fault::Loading, 503, "unavailable_error", json!(503)),
        (Fault::ContextLengthExceeded, 400, "invalid_request_error", json!("context_length_exceeded")),
    ];
    let peer = Peer::with(expected.iter().map(|(fault, ..)| Step::next(*fault))).await;
    for (fault, status, kind, code) in expected {
        let response = peer.chat(&TITLES).await.unwrap();
        assert_eq!(response.status(), status, "{fault:?}");
        let delay = response.headers().contains_key("retry-after");
        assert_eq!(delay, matches!(fault, Fault::RateLimit | Fault::SlowDown), "{fault:?}");
        let body: Value = response.json().await.unwrap();
        assert_eq!((&body["error"]["type"], &body["error"]["code"]), (&json!(kind), &code), "{fault:?}");
        assert!(body["error"]["message"].is_string() && body["error"].get("param").is_some());
        let account = peer.server.account();
        assert_eq!((account.charged_requests, account.faults[&fault]), (0, 1), "{fault:?}");
    }
    assert_eq!(categories(&peer.reply(&TITLES).await), right());
    assert_eq!(peer.server.account().charged_requests, 1);
}

#[tokio::test]
async fn errors_of_systemone_are_native() {
    let expected = [
        (Fault::RateLimit, 429, "rate_limit_error"),
        (Fault::Unauthorized, 401, "authentication_error"),
        (Fault::ModelNotFound, 404, "not_found"),
        (Fault::ServerError, 500, "internal_error"),
        (Fault::ContextLengthExceeded, 400, "api_usage_error"),
    ];
    let peer = Peer::with(expected.iter().map(|(fault, ..)| Step::next(*fault))).await;
    let question = json!({"type": "choice", "instructions": "Which?", "criteria": {"Toys": null, "Books": null}});
    let body = json!({"model": "jev-latest", "state": {"title": TITLES[0]}, "questions": {"category": question}});
    for (fault, status, kind) in expected {
        let response = peer.post("/v1/systemone", &body).send().await.unwrap();
        assert_eq!(response.status(), status, "{fault:?}");
        assert_eq!(response.json::<Value>().await.unwrap()["detail"]["error_type"], kind, "{fault:?}");
    }
}

#[tokio::test]
async fn a_delay_is_told_in_three_ways() {
    for (form, names) in [
        (RetryAfter::Both, &["retry-after-ms", "retry-after"][..]),
        (RetryAfter::Seconds, &["retry-after"]),
        (RetryAfter::Date, &["retry-after"]),
    ] {
        let script = vec![Step::next(Fault::RateLimit).retry_after_ms(1500)];
        let faults = Faults { script, retry_after: form, ..Faults::default() };
        let peer = Peer::new(Config { faults, ..config() }).await;
        let response = peer.chat(&TITLES).await.unwrap();
        let told: Vec<_> = names.iter().map(|name| response.headers()[*name].to_str().unwrap()).collect();
        match form {
            RetryAfter::Both => assert_eq!(told, ["1500", "2"]),
            RetryAfter::Seconds => assert_eq!(told, ["2"]),
            RetryAfter::Date => {
                let date = httpdate::parse_http_date(told[0]).unwrap();
                assert!(date > SystemTime::now() && date < SystemTime::now() + Duration::from_secs(3));
            }
        }
        assert_eq!(response.headers().contains_key("retry-after-ms"), form == RetryAfter::Both);
    }
}

#[tokio::test]
async fn broken_replies_are_charged_and_lost() {
    let peer = Peer::with([]).await;
    let set = |fault| peer.server.set_faults(Faults { slow_ms: 50, ..Faults::script([Step::next(fault)]) });
    let lost = || peer.server.account().lost_requests;

    set(Fault::Reset);
    let error = peer.chat(&TITLES).await.unwrap_err();
    let mut kinds = Vec::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        kinds.extend(error.downcast_ref::<std::io::Error>().map(std::io::Error::kind));
        cause = error.source();
    }
    assert_eq!((kinds, lost()), (vec![ErrorKind::ConnectionReset], 1), "{error:?}");

    set(Fault::CutBody);
    let mut response = peer.chat(&TITLES).await.unwrap();
    let (total, first) = (response.content_length().unwrap(), response.chunk().await.unwrap().unwrap());
    assert_eq!(first.len() as u64, total / 2);
    assert!(!response.chunk().await.unwrap_err().is_timeout(), "closed, not silent");
    assert_eq!(lost(), 2);

    set(Fault::Hang);
    let short = peer.post("/v1/chat/completions", &chat(&TITLES)).timeout(Duration::from_millis(200));
    assert!(short.send().await.unwrap_err().is_timeout());
    assert_eq!(lost(), 3);

    set(Fault::HugeBody);
    let mut response = peer.chat(&TITLES).await.unwrap();
    let mut bytes = 0;
    while bytes < 1 << 20 {
        bytes += response.chunk().await.unwrap().expect("no end").len();
    }
    assert_eq!((response.status().as_u16(), lost()), (200, 4));
    drop(response);

    set(Fault::Html);
    let response = peer.chat(&TITLES).await.unwrap();
    assert_eq!(
        (response.status().as_u16(), response.headers()["content-type"].to_str().unwrap()),
        (200, "text/html; charset=utf-8")
    );
    assert!(response.text().await.unwrap().starts_with("<!DOCTYPE html>"));

    set(Fault::BrokenJson);
    let text = peer.chat(&TITLES).await.unwrap().text().await.unwrap();
    assert!(text.starts_with('{') && serde_json::from_str::<Value>(&text).is_err());
    let account = peer.server.account();
    assert_eq!((account.lost_requests, account.answers_lost, account.charged_requests), (6, 18, 6));
    assert_eq!(account.lost_nanousd, account.charged_nanousd);

    set(Fault::SlowBody);
    let mut response = peer.chat(&TITLES).await.unwrap();
    let mut body = Vec::new();
    let mut pieces = 0;
    while let Some(piece) = response.chunk().await.unwrap() {
        pieces += 1;
        body.extend_from_slice(&piece);
    }
    assert!(pieces > 1);
    assert_eq!(categories(&serde_json::from_slice(&body).unwrap()), right());
    let account = peer.server.account();
    assert_eq!((account.lost_requests, account.charged_requests), (6, 7));
}

#[tokio::test]
async fn what_is_lost_may_be_free() {
    let faults = Faults::script([Step::next(Fault::CutBody), Step::next(Fault::Reset)]);
    let peer = Peer::new(Config { charge_lost: false, faults, ..config() }).await;
    assert!(peer.chat(&TITLES).await.unwrap().bytes().await.is_err());
    assert!(peer.chat(&TITLES).await.is_err());
    assert_eq!(peer.server.account().charged_requests, 0);
    peer.reply(&TITLES).await;
    assert_eq!(peer.server.account().charged_requests, 1);
}

#[tokio::test]
async fn a_redirect_tells_who_follows() {
    let peer = Peer::with([Step::next(Fault::Redirect).times(2)]).await;
    let response = peer.chat(&TITLES).await.unwrap();
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    assert_eq!((response.status().as_u16(), location.contains("localhost")), (302, true));
    assert_eq!(peer.server.account().redirects_followed, 0);
    let naive = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/v1/chat/completions", peer.server.url());
    naive.post(url).json(&chat(&TITLES)).send().await.unwrap();
    let account = peer.server.account();
    assert_eq!((account.redirects_followed, account.charged_requests), (1, 0));
}

#[tokio::test]
async fn answers_are_spoiled_as_told() {
    let peer = Peer::with([]).await;
    let spoilt = async |fault| {
        let before = peer.server.account().answers_spoiled;
        peer.server.set_faults(Faults::script([Step::of_title("Peace", fault)]));
        let reply = peer.reply(&TITLES).await;
        (reply, peer.server.account().answers_spoiled - before)
    };
    let (reply, spoiled) = spoilt(Fault::WrongLabel).await;
    let answers = categories(&reply);
    assert!(answers[0] == right()[0] && !common::LABELS.contains(&answers[1].1.as_str()) && answers[2] == right()[2]);
    assert_eq!(spoiled, 1);

    let (reply, spoiled) = spoilt(Fault::WrongCase).await;
    let answers = categories(&reply);
    assert!(answers.iter().zip(right()).all(|(a, b)| a.1 != b.1 && a.1.eq_ignore_ascii_case(&b.1)), "{answers:?}");
    assert_eq!(spoiled, 0);

    let (reply, spoiled) = spoilt(Fault::MissingItem).await;
    assert_eq!((categories(&reply), spoiled), (vec![right()[0].clone(), right()[2].clone()], 1));

    let (reply, spoiled) = spoilt(Fault::ShuffledItems).await;
    let mut answers = categories(&reply);
    assert_ne!(answers, right());
    answers.sort();
    assert_eq!((answers, spoiled), (right(), 0));

    let (reply, spoiled) = spoilt(Fault::DuplicateItem).await;
    let answers = categories(&reply);
    assert_eq!((answers[..3].to_vec(), answers[3].0, spoiled), (right(), 2, 1));
    assert_ne!(answers[3].1, answers[1].1);

    let (reply, spoiled) = spoilt(Fault::Refusal).await;
    let message = &reply["choices"][0]["message"];
    assert!(message["content"].is_null() && message["refusal"].is_string());
    assert_eq!(spoiled, 3);

    let (reply, spoiled) = spoilt(Fault::Length).await;
    assert_eq!((&reply["choices"][0]["finish_reason"], spoiled), (&json!("length"), 3));

    let (reply, spoiled) = spoilt(Fault::BrokenContent).await;
    let content = reply["choices"][0]["message"]["content"].as_str().unwrap();
    assert_eq!((serde_json::from_str::<Value>(content).is_err(), spoiled), (true, 3));

    let (reply, _) = spoilt(Fault::NoUsage).await;
    assert!(reply.get("usage").is_none() && categories(&reply) == right());

    let before = peer.server.account().charged_nanousd;
    let (reply, _) = spoilt(Fault::UsageAbove).await;
    assert!(reply["usage"]["prompt_tokens"].as_u64().unwrap() > 1_000_000);
    assert!(peer.server.account().charged_nanousd - before > 100_000_000);
}

#[tokio::test]
async fn decisions_are_spoiled_too() {
    let peer = Peer::with([]).await;
    let choice = |value: &str| json!({"value": value});
    let question = |at| json!({"type": "choice", "name": format!("item_{at}"), "instructions": "Which?", "choices": common::LABELS.map(choice)});
    let body = json!({
        "model": "gpt-6-luna",
        "input": [{"type": "message", "role": "user", "content": items(&TITLES)}],
        "questions": [question(1), question(2), question(3)],
    });
    let ask = async |fault| -> Vec<Value> {
        peer.server.set_faults(Faults::script([Step::of_title("Peace", fault)]));
        let reply: Value = peer.post("/v1/decisions", &body).send().await.unwrap().json().await.unwrap();
        assert_eq!(reply["usage"]["output_tokens"], 0);
        reply["answers"].as_array().unwrap().clone()
    };
    let names = |answers: &[Value]| answers.iter().map(|a| a["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let right = ask(Fault::None).await;
    assert_eq!(right.iter().map(|answer| &answer["choice"]).collect::<Vec<_>>(), common::LABELS);
    assert_eq!(names(&ask(Fault::MissingItem).await), ["item_1", "item_3"]);
    assert_eq!(names(&ask(Fault::ShuffledItems).await), ["item_2", "item_3", "item_1"]);
    assert_eq!(ask(Fault::Refusal).await[1], json!({"type": "refusal", "name": "item_2"}));
    assert!(!common::LABELS.contains(&ask(Fault::WrongLabel).await[1]["choice"].as_str().unwrap()));
    let twice = ask(Fault::DuplicateItem).await;
    assert_eq!((names(&twice)[3].as_str(), twice[3]["choice"] == twice[1]["choice"]), ("item_2", false));
    assert_eq!(peer.server.account().answers_spoiled, 4);
}

#[tokio::test]
async fn a_script_counts_and_looks_at_titles() {
    let peer = Peer::with([
        Step::of_request(3, Fault::ServerError),
        Step::of_title("hose", Fault::Conflict).times(2),
        Step::next(Fault::None),
        Step::next(Fault::Overloaded),
    ])
    .await;
    let mut seen = Vec::new();
    for titles in [&TITLES[..1], &TITLES[2..], &TITLES[2..], &TITLES[..], &TITLES[..1], &TITLES[..1]] {
        seen.push(peer.chat(titles).await.unwrap().status().as_u16());
    }
    // The first step is for the third request, so that the second one of the hose is the fourth.
    assert_eq!(seen, [200, 409, 500, 409, 503, 200]);
}

#[tokio::test]
async fn chance_keeps_its_rates_and_repeats() {
    let rates = [(Fault::RateLimit, 0.2), (Fault::ServerError, 0.1)];
    let run = async |seed| {
        let peer = Peer::new(Config { seed, faults: Faults::random(rates), ..config() }).await;
        for _ in 0..1000 {
            peer.chat(&TITLES[..1]).await.unwrap().bytes().await.unwrap();
        }
        peer.server.account().faults
    };
    let (one, again, other) = (run(1).await, run(1).await, run(2).await);
    assert_eq!(one, again);
    assert_ne!(one, other);
    assert!(one[&Fault::RateLimit].abs_diff(200) < 50 && one[&Fault::ServerError].abs_diff(100) < 40, "{one:?}");
}
