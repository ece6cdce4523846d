//! Batch APIs: their courses in virtual time, what goes wrong with them, and what they cost.

mod common;

use common::{LABELS, Peer, TITLES, chat, config};
use pg_categorize_fake_llm::{BatchConfig, Batches, Config, Fault, Step};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};

const DAY: Duration = Duration::from_secs(86_400);
const BOUNDARY: &str = "the-end-of-a-part";

async fn peer(batches: BatchConfig) -> Peer {
    // 2026-11-22T00:00:00Z.
    let stands_at = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_305_600));
    Peer::new(Config { batches, stands_at, ..config() }).await
}

impl Peer {
    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> (u16, Value) {
        let request = self.client.request(method, format!("{}{path}", self.server.url())).bearer_auth("key");
        let request = request.header("anthropic-version", "2023-06-01");
        let request = if let Some(body) = body { request.json(body) } else { request };
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    async fn get(&self, path: &str) -> Value {
        let (status, body) = self.call(Method::GET, path, None).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    async fn upload(&self, name: &str, lines: &str) -> (u16, Value) {
        let body = format!(
            "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--{BOUNDARY}\r\n\
             content-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\ncontent-type: application/octet-stream\
             \r\n\r\n{lines}\r\n--{BOUNDARY}--\r\n"
        );
        let request = self.client.post(format!("{}/v1/files", self.server.url())).bearer_auth("key");
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        let response = request.header("content-type", kind).body(body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// The batch of a file with these lines.
    async fn openai(&self, lines: &str) -> Value {
        let (status, file) = self.upload("in.jsonl", lines).await;
        assert_eq!(status, 200, "{file}");
        let create = json!({
            "input_file_id": file["id"], "endpoint": "/v1/chat/completions", "completion_window": "24h",
            "metadata": {"job": "42"},
        });
        let (status, batch) = self.call(Method::POST, "/v1/batches", Some(&create)).await;
        assert_eq!((status, &batch["status"]), (200, &json!("validating")), "{batch}");
        batch
    }

    /// The lines of a file.
    async fn lines(&self, path: &str) -> Vec<Value> {
        let (status, text) = self.call(Method::GET, path, None).await;
        assert_eq!(status, 200, "{path}: {text}");
        // A single line is JSON as a whole.
        let Value::String(text) = text else { return vec![text] };
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn batches(&self) -> Batches {
        self.server.account().batches
    }
}

fn line(id: &str, title: &str) -> String {
    json!({"custom_id": id, "method": "POST", "url": "/v1/chat/completions", "body": chat(&[title])}).to_string()
}

fn lines(count: usize) -> String {
    (0..count).map(|at| line(&format!("r{at}"), TITLES[at % 3]) + "\n").collect()
}

#[tokio::test]
async fn a_batch_takes_its_course_and_costs_half() {
    let peer = peer(BatchConfig::default()).await;
    let batch = peer.openai(&lines(30)).await;
    let path = format!("/v1/batches/{}", batch["id"].as_str().unwrap());
    assert_eq!(peer.batches().charged_lines, 0, "nothing is charged before it is done");
    peer.server.advance(Duration::from_secs(300));
    let running = peer.get(&path).await;
    assert_eq!((&running["status"], &running["request_counts"]["total"]), (&json!("in_progress"), &json!(30)));
    assert_eq!((&running["output_file_id"], &running["metadata"]["job"]), (&Value::Null, &json!("42")));
    peer.server.advance(Duration::from_secs(7200));
    let done = peer.get(&path).await;
    assert_eq!((&done["status"], &done["request_counts"]["completed"]), (&json!("completed"), &json!(30)));
    assert_eq!(done["error_file_id"], Value::Null);
    let results = peer.lines(&format!("/v1/files/{}/content", done["output_file_id"].as_str().unwrap())).await;
    let ids: Vec<_> = results.iter().map(|line| line["custom_id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 30);
    assert!(ids.windows(2).any(|pair| pair[0] > pair[1]), "they come in no order");
    for line in &results {
        let at: usize = line["custom_id"].as_str().unwrap()[1..].parse().unwrap();
        let content = line["response"]["body"]["choices"][0]["message"]["content"].as_str().unwrap();
        assert!(content.contains(LABELS[at % 3]), "{content}");
    }
    let live = peer.reply(&[TITLES[0]]).await;
    let account = peer.server.account();
    assert_eq!((account.batches.charged_lines, account.batches.completed), (30, 1));
    assert_eq!(account.payments_for(TITLES[0]).paid, 11, "batches and live requests are counted together");
    let of = |line: &Value| {
        let usage = &line["response"]["body"]["usage"];
        let tokens = |name: &str| usage[name].as_i64().unwrap();
        (tokens("prompt_tokens") * 100 + tokens("completion_tokens") * 500) / 2
            + (tokens("prompt_tokens") * 100 + tokens("completion_tokens") * 500) % 2
    };
    assert_eq!(account.batches.charged_nanousd, results.iter().map(of).sum::<i64>());
    assert!(account.batches.live_nanousd >= 2 * account.batches.charged_nanousd - 30);
    assert!(account.charged_nanousd > 0 && live["usage"]["prompt_tokens"].as_i64().unwrap() > 0);
}

#[tokio::test]
async fn what_is_wrong_with_a_file_is_said_after_the_batch_was_accepted() {
    let other = line("b", "x").replace("gpt-6-luna", "gpt-6-sol");
    for (input, code) in [
        (String::new() + "\n", "empty_file"),
        (lines(1) + "{\"custom_id\":", "invalid_json_line"),
        (line("a", "x") + "\n" + &line("a", "y"), "duplicate_custom_id"),
        (line("a", "x").replace("/v1/chat/completions", "/v1/embeddings"), "url_mismatch"),
        (line("a", "x") + "\n" + &other, "model_mismatch"),
        (lines(11), "too_many_tasks"),
        (line("a", &"x".repeat(40_000)), "token_limit_exceeded"),
    ] {
        let limits =
            BatchConfig { most_requests: Some(10), most_enqueued_tokens: Some(9000), ..BatchConfig::default() };
        let peer = peer(limits).await;
        let id = peer.openai(&input).await["id"].as_str().unwrap().to_owned();
        peer.server.advance(Duration::from_secs(60));
        let failed = peer.get(&format!("/v1/batches/{id}")).await;
        assert_eq!((&failed["status"], &failed["errors"]["data"][0]["code"]), (&json!("failed"), &json!(code)));
        assert_eq!((peer.batches().failed, peer.batches().charged_lines), (1, 0));
    }
    let (status, body) = peer(BatchConfig::default()).await.upload("in.txt", "{}").await;
    assert_eq!((status, body["error"]["param"].as_str()), (400, Some("file")));
}

#[tokio::test]
async fn a_batch_that_expires_or_is_cancelled_has_partial_results() {
    for cancelled in [false, true] {
        let peer = peer(BatchConfig { expired: if cancelled { 0.0 } else { 1.0 }, ..BatchConfig::default() }).await;
        let batch = peer.openai(&lines(60)).await;
        let path = format!("/v1/batches/{}", batch["id"].as_str().unwrap());
        if cancelled {
            peer.server.advance(Duration::from_secs(400));
            let (status, batch) = peer.call(Method::POST, &format!("{path}/cancel"), None).await;
            assert_eq!((status, &batch["status"]), (200, &json!("cancelling")));
        }
        peer.server.advance(DAY);
        let ended = peer.get(&path).await;
        assert_eq!(ended["status"], if cancelled { "cancelled" } else { "expired" });
        let content = |id: &Value| format!("/v1/files/{}/content", id.as_str().unwrap());
        let done = peer.lines(&content(&ended["output_file_id"])).await;
        let errors = peer.lines(&content(&ended["error_file_id"])).await;
        assert_eq!(done.len() + errors.len(), 60);
        assert!(!done.is_empty() && errors.iter().all(|line| line["response"].is_null()));
        let code = if cancelled { "batch_cancelled" } else { "batch_expired" };
        assert!(errors.iter().all(|line| line["error"]["code"] == code), "{errors:?}");
        assert_eq!(peer.batches().charged_lines, done.len() as u64, "what was not run is not charged");
    }
}

#[tokio::test]
async fn lines_go_wrong_as_they_were_told_to() {
    let faults = BatchConfig { errored: 0.2, missing: 0.2, duplicated: 0.2, foreign: 1.0, ..BatchConfig::default() };
    let peer = peer(faults).await;
    let batch = peer.openai(&lines(200)).await;
    peer.server.advance(DAY);
    let ended = peer.get(&format!("/v1/batches/{}", batch["id"].as_str().unwrap())).await;
    let content = |id: &Value| format!("/v1/files/{}/content", id.as_str().unwrap());
    let done = peer.lines(&content(&ended["output_file_id"])).await;
    let errors = peer.lines(&content(&ended["error_file_id"])).await;
    let id = |line: &Value| line["custom_id"].as_str().unwrap().to_owned();
    let mine: Vec<_> = done.iter().map(id).filter(|id| id.starts_with('r')).collect();
    let distinct: std::collections::BTreeSet<_> = mine.iter().collect();
    let account = peer.batches();
    assert_eq!(done.len() - mine.len(), 2, "somebody else's");
    assert!(mine.len() > distinct.len() && account.lost_lines > 10, "{account:?}");
    assert_eq!(account.charged_lines, distinct.len() as u64 + account.lost_lines);
    assert!(errors.len() > 10 && errors.iter().all(|line| line["response"]["status_code"] == 400));
    assert_eq!(peer.server.account().answers_lost, account.lost_lines);
}

#[tokio::test]
async fn a_create_whose_reply_is_lost_happened() {
    let peer = peer(BatchConfig { listing_lag_s: 30, ..BatchConfig::default() }).await;
    let requests = json!({"requests": [{"custom_id": "a", "params": {
        "model": "claude-haiku-5-5", "max_tokens": 100, "messages": [{"role": "user", "content": TITLES[0]}],
    }}]});
    for fault in [Fault::Reset, Fault::CutBody, Fault::ServerError] {
        peer.server.set_faults(pg_categorize_fake_llm::Faults::script([Step::of_api("anthropic_batch_create", fault)]));
        let request =
            peer.post("/v1/messages/batches", &requests).header("anthropic-version", "2023-06-01").send().await;
        let whole = match request {
            Ok(response) => response.text().await.is_ok(),
            Err(_) => false,
        };
        assert_eq!(whole, fault == Fault::ServerError, "{fault:?}");
    }
    let list = peer.get("/v1/messages/batches?limit=1").await;
    assert_eq!((list["data"].as_array().unwrap().len(), peer.batches().created), (0, 2), "not listed yet");
    peer.server.advance(Duration::from_secs(30));
    let first = peer.get("/v1/messages/batches?limit=1").await;
    assert_eq!(first["has_more"], true);
    let second = peer.get(&format!("/v1/messages/batches?after_id={}", first["last_id"].as_str().unwrap())).await;
    assert_eq!((second["data"].as_array().unwrap().len(), &second["has_more"]), (1, &json!(false)));
    let id = first["last_id"].as_str().unwrap();
    let (early, _) = peer.call(Method::GET, &format!("/v1/messages/batches/{id}/results"), None).await;
    assert_eq!(early, 400);
    peer.server.advance(DAY);
    let results = peer.lines(&format!("/v1/messages/batches/{id}/results")).await;
    assert_eq!((&results[0]["result"]["type"], results.len()), (&json!("succeeded"), 1));
}

#[tokio::test]
async fn batches_of_another_key_are_not_there() {
    let peer = peer(BatchConfig::default()).await;
    let batch = peer.openai(&lines(1)).await;
    let url = format!("{}/v1/batches/{}", peer.server.url(), batch["id"].as_str().unwrap());
    let other = peer.client.get(url).bearer_auth("other").send().await.unwrap();
    assert_eq!(other.status(), 404);
    let told: Value = peer
        .client
        .post(format!("{}/_fake/advance", peer.server.url()))
        .json(&json!({"by_s": 86_400}))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!((told["now"].as_str(), peer.batches().completed), (Some("2026-11-23T00:00:00Z"), 1));
}
