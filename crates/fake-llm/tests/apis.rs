//! Answers in the forms of each API, from the oracle.

mod common;

use common::{LABELS, Peer, TITLES, categories, chat, config};
use pg_categorize_fake_llm::{Config, Model};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// A server that knows so many titles, all of them toys.
async fn toys(titles: usize, more: Config) -> Peer {
    let labels: HashMap<_, _> = (0..titles).map(|at| (format!("toy {at}"), LABELS[0].to_owned())).collect();
    Peer::new(Config { labels: Arc::new(labels), ..more }).await
}

async fn talk(peer: &Peer, instruction: &str, user: &str, more: Value) -> (u16, Value) {
    let mut body = json!({
        "model": "local",
        "messages": [{"role": "system", "content": instruction}, {"role": "user", "content": user}],
    });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let response = peer.post("/v1/chat/completions", &body).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

fn content(reply: &Value) -> &str {
    reply["choices"][0]["message"]["content"].as_str().expect("content")
}

#[tokio::test]
async fn errors_have_their_rate_and_are_those_that_the_oracle_tells() {
    let titles: Vec<_> = (0..1000).map(|at| format!("toy {at}")).collect();
    let titles: Vec<_> = titles.iter().map(String::as_str).collect();
    let better = Model { error_rate: Some(0.02), ..Model::default() };
    let models = BTreeMap::from([("gpt-6-sol".to_owned(), better)]);
    let peer = toys(1000, Config { error_rate: 0.1, models, ..Config::default() }).await;
    let wrong = async |model: &str| -> Vec<i64> {
        let mut body = chat(&titles);
        body["model"] = json!(model);
        let reply: Value = peer.post("/v1/chat/completions", &body).send().await.unwrap().json().await.unwrap();
        categories(&reply).into_iter().filter(|(_, label)| label != LABELS[0]).map(|(id, _)| id).collect()
    };
    let (cheap, again, strong) = (wrong("gpt-6-luna").await, wrong("gpt-6-luna").await, wrong("gpt-6-sol").await);
    assert_eq!(cheap, again);
    assert!(cheap.len().abs_diff(100) < 30 && strong.len().abs_diff(20) < 15, "{} and {}", cheap.len(), strong.len());
    let told = |model: &str| -> Vec<i64> {
        let oracle = peer.server.oracle();
        let offered = ["Toys", "Books", "Garden", "none of these"];
        let says = |title: &&str| oracle.says_of(model, title, &offered).unwrap().0;
        let wrong = titles.iter().enumerate().filter(|(_, title)| says(title) != LABELS[0]);
        wrong.map(|(at, _)| at as i64 + 1).collect()
    };
    assert_eq!((told("gpt-6-luna"), told("gpt-6-sol")), (cheap, strong));
}

#[tokio::test]
async fn an_answer_depends_on_its_text_only() {
    let peer = Peer::new(Config { error_rate: 0.5, seed: 3, ..config() }).await;
    let titles: Vec<_> = (0..50).map(|at| format!("unknown {at}")).collect();
    let titles: Vec<_> = titles.iter().map(String::as_str).collect();
    let together = categories(&peer.reply(&titles).await);
    let distinct: std::collections::HashSet<_> = together.iter().map(|(_, label)| label.as_str()).collect();
    assert!(distinct.len() == 3 && !distinct.contains("none of these"), "{distinct:?}");
    for (at, title) in titles.iter().enumerate().step_by(7) {
        assert_eq!(categories(&peer.reply(&[title]).await)[0].1, together[at].1);
    }
}

#[tokio::test]
async fn a_true_label_that_is_not_offered_is_none_of_these() {
    let labels = HashMap::from([("a poem".to_owned(), "Poetry".to_owned())]);
    let peer = Peer::new(Config { labels: Arc::new(labels), ..Config::default() }).await;
    assert_eq!(categories(&peer.reply(&["a poem"]).await)[0].1, "none of these");
}

#[tokio::test]
async fn a_chat_without_a_schema_reads_the_instruction() {
    let peer = Peer::new(config()).await;
    let instruction = "Choose.\nCategories:\n- Books: to read\n- Toys\n\nAnswer with a label.";
    let (_, reply) = talk(&peer, instruction, TITLES[0], json!({})).await;
    assert_eq!(content(&reply), "Toys");
    let (_, reply) = talk(&peer, instruction, &common::items(&TITLES[..1]), json!({})).await;
    assert_eq!(content(&reply), "Toys");
    let (_, reply) =
        talk(&peer, instruction, &common::items(&TITLES[..2]), json!({"response_format": {"type": "json_object"}}))
            .await;
    assert_eq!(categories(&reply), [(1, "Toys".to_owned()), (2, "Books".to_owned())]);
    assert_eq!(reply["choices"][0]["finish_reason"], "stop");
    let (_, reply) = talk(&peer, instruction, &common::items(&TITLES[..2]), json!({"max_tokens": 5})).await;
    assert_eq!((&reply["choices"][0]["finish_reason"], content(&reply).len()), (&json!("length"), 20));
    assert_eq!(reply["usage"]["completion_tokens"], 5);
    assert_eq!(peer.server.account().answers_spoiled, 0, "whoever allows too little has itself to blame");
}

#[tokio::test]
async fn the_log_probabilities_of_a_label_multiply_to_its_probability() {
    let labels = HashMap::from([("t".to_owned(), "Toys > Games".to_owned())]);
    let peer = Peer::new(Config { labels: Arc::new(labels), error_rate: 0.3, ..Config::default() }).await;
    let instruction = "Categories:\n- Toys\n- Toys > Games\n- Toys > Gardens\n- Books";
    let more = json!({"logprobs": true, "top_logprobs": 3, "response_format": {"type": "json_object"}});
    let (_, reply) = talk(&peer, instruction, "t", more).await;
    let tokens = reply["choices"][0]["logprobs"]["content"].as_array().unwrap();
    let written: String = tokens.iter().map(|token| token["token"].as_str().unwrap()).collect();
    assert_eq!(written, content(&reply));
    let answer: Value = serde_json::from_str(content(&reply)).unwrap();
    let sum: f64 = tokens.iter().map(|token| token["logprob"].as_f64().unwrap()).sum();
    let confidence = answer["confidence"].as_f64().unwrap().max(0.34);
    assert!((sum.exp() - confidence).abs() < 0.001 && confidence < 1.0, "{} and {confidence}", sum.exp());
    let first = tokens.iter().find(|token| token["token"] == "Toys").unwrap();
    let share: f64 =
        first["top_logprobs"].as_array().unwrap().iter().map(|t| t["logprob"].as_f64().unwrap().exp()).sum();
    assert!((share - 1.0).abs() < 1e-9);
}

#[tokio::test]
async fn a_marked_prefix_is_cached_for_its_model_key_and_schema() {
    let peer = Peer::new(config()).await;
    let part = json!({"type": "text", "text": "x".repeat(5000), "prompt_cache_breakpoint": {"mode": "explicit"}});
    let mut body = chat(&TITLES);
    body["messages"][0]["content"] = json!([part]);
    let ask = async |body: &Value| -> (u64, u64, u64) {
        let reply: Value = peer.post("/v1/chat/completions", body).send().await.unwrap().json().await.unwrap();
        let (usage, details) = (&reply["usage"], &reply["usage"]["prompt_tokens_details"]);
        let tokens = [&usage["prompt_tokens"], &details["cached_tokens"], &details["cache_write_tokens"]];
        let [all, read, written] = tokens.map(|tokens| tokens.as_u64().unwrap());
        (all, read, written)
    };
    let (all, read, written) = ask(&body).await;
    assert!(read == 0 && written > 1250 && written < all);
    assert_eq!(ask(&body).await, (all, written, 0));
    let account = peer.server.account();
    let (input, output) = (2 * (all - written), account.tokens.output);
    let cost = |tokens: u64, rate: u64| tokens * rate;
    let exact = cost(input, 100) + cost(written, 125) + cost(written, 10) + cost(output, 500);
    assert_eq!(account.charged_nanousd as u64, exact, "at these rates nothing is rounded");
    body["messages"][1]["content"] = json!("another title");
    assert_eq!(ask(&body).await.1, written);
    body["response_format"]["json_schema"]["schema"]["properties"]["items"]["items"]["properties"]["category"]["enum"] =
        json!(["Toys"]);
    assert_eq!(ask(&body).await.1, 0, "another schema");
    let short = json!([{"type": "text", "text": "short", "prompt_cache_breakpoint": {"mode": "explicit"}}]);
    body["messages"][0]["content"] = short;
    let (_, read, written) = ask(&body).await;
    assert_eq!((read, written), (0, 0));
}

#[tokio::test]
async fn what_openai_refuses_is_refused() {
    let peer = Peer::new(config()).await;
    let refused = async |change: &dyn Fn(&mut Value)| -> Value {
        let mut body = chat(&TITLES);
        change(&mut body);
        let response = peer.post("/v1/chat/completions", &body).send().await.unwrap();
        assert_eq!(response.status(), 400, "{body}");
        let reply: Value = response.json().await.unwrap();
        reply["error"]["param"].clone()
    };
    let schema = |body: &mut Value, key: &str, value: Value| {
        body["response_format"]["json_schema"]["schema"]["properties"]["items"]["items"][key] = value;
    };
    assert_eq!(refused(&|body| body["invented"] = json!(1)).await, "body");
    assert_eq!(refused(&|body| body["max_tokens"] = json!(1)).await, "max_tokens");
    assert_eq!(refused(&|body| body["logprobs"] = json!(true)).await, "logprobs");
    assert_eq!(refused(&|body| body["temperature"] = json!(0)).await, "temperature");
    assert_eq!(refused(&|body| schema(body, "required", json!(["id"]))).await, "response_format");
    assert_eq!(refused(&|body| schema(body, "additionalProperties", json!(true))).await, "response_format");
    let many: Vec<_> = (0..1001).map(|at| at.to_string()).collect();
    let category = json!({"type": "string", "enum": many});
    assert_eq!(
        refused(&|body| {
            schema(body, "properties", json!({"category": category}));
            schema(body, "required", json!(["category"]));
        })
        .await,
        "response_format"
    );
    assert_eq!(refused(&|body| body["messages"] = json!([])).await, "messages");
    let response = peer.post("/v1/chat/completions", &json!(null)).body("{").send().await.unwrap();
    assert_eq!(response.status(), 400);
    assert_eq!(peer.server.account().charged_requests, 0);
}

#[tokio::test]
async fn decisions_answer_in_order_with_probabilities() {
    let peer = Peer::new(Config { error_rate: 0.2, ..config() }).await;
    let choices = LABELS.map(|label| json!({"value": label, "description": "a label"}));
    let body = json!({
        "model": "gpt-6-luna",
        "input": "War and Peace",
        "questions": [
            {"type": "choice", "instructions": "Which?", "choices": choices},
            {"type": "predicate", "name": "long", "instructions": "Is it long?"},
            {"type": "score", "name": "age", "levels": [{"label": "child"}, {"label": "adult"}]},
        ],
    });
    let reply: Value = peer.post("/v1/decisions", &body).send().await.unwrap().json().await.unwrap();
    let kinds: Vec<_> = reply["answers"].as_array().unwrap().iter().map(|answer| &answer["type"]).collect();
    assert_eq!(kinds, ["choice", "predicate", "score"]);
    let answer = &reply["answers"][0];
    let of = |label: &Value| {
        let found = answer["probabilities"].as_array().unwrap().iter().find(|p| &p["value"] == label);
        found.unwrap()["probability"].as_f64().unwrap()
    };
    let best = of(&answer["choice"]);
    assert!(LABELS.iter().all(|label| of(&json!(label)) <= best));
    assert!((answer["confidence"].as_f64().unwrap() - (best - 1.0 / 3.0) * 1.5).abs() < 1e-9);
    assert!(answer["name"].is_null());
    let mut wrong = body.clone();
    wrong["questions"][0]["choices"] = json!([{"value": "one"}]);
    assert_eq!(peer.post("/v1/decisions", &wrong).send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn systemone_takes_its_title_from_the_state() {
    let peer = Peer::new(config()).await;
    let question = json!({"type": "choice", "instructions": "Which?", "criteria": {"Toys": null, "Books": "to read"}});
    let object = json!({"title": TITLES[1]});
    for state in [json!(TITLES[1]), object.clone(), json!(object.to_string())] {
        let body = json!({"model": "jev-latest", "state": state, "questions": {"category": question}});
        let reply: Value = peer.post("/v1/systemone", &body).send().await.unwrap().json().await.unwrap();
        assert_eq!(reply["answers"]["category"]["choice"], "Books", "{state}");
        assert_eq!(reply["answers"]["category"]["probabilities"], json!({"Toys": 0.0, "Books": 1.0}));
        assert_eq!(reply["usage"]["output_tokens"], 1);
    }
    assert_eq!(peer.server.account().payments_for(TITLES[1]).paid, 3);
    let wrong = json!({"model": "jev-latest", "state": "x", "questions": {"category": {"type": "choice"}}});
    let response = peer.post("/v1/systemone", &wrong).send().await.unwrap();
    assert_eq!(response.status(), 422);
    let place = response.json::<Value>().await.unwrap()["detail"][0]["loc"].clone();
    assert_eq!(place, json!(["body", "questions", "category", "criteria"]));
}
