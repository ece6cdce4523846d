//! Vectors, as OpenAI and Gemini tell them.

mod common;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::{Peer, config};
use serde_json::{Value, json};

async fn ask(peer: &Peer, path: &str, body: &Value) -> (u16, Value) {
    let response = peer.post(path, body).header("x-goog-api-key", "key").send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

fn numbers(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap() as f32).collect()
}

fn dot(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(a, b)| a * b).sum()
}

#[tokio::test]
async fn openai_tells_numbers_or_base64() {
    let peer = Peer::new(config()).await;
    let mut body =
        json!({"model": "text-embedding-3-small", "input": ["red shoes", "Red shoe", "usb cable"], "dimensions": 256});
    let (_, reply) = ask(&peer, "/v1/embeddings", &body).await;
    let vectors: Vec<_> = (0..3).map(|at| numbers(&reply["data"][at]["embedding"])).collect();
    assert!(vectors.iter().all(|vector| vector.len() == 256 && (dot(vector, vector) - 1.0).abs() < 1e-4));
    assert!(dot(&vectors[0], &vectors[1]) > 0.6 && dot(&vectors[0], &vectors[2]) < 0.3);
    assert_eq!(reply["usage"]["total_tokens"], 7);
    body["encoding_format"] = json!("base64");
    let (_, reply) = ask(&peer, "/v1/embeddings", &body).await;
    let bytes = STANDARD.decode(reply["data"][2]["embedding"].as_str().unwrap()).unwrap();
    let read: Vec<_> = bytes.chunks(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect();
    assert_eq!(read, vectors[2]);
    let (_, reply) = ask(&peer, "/v1/embeddings", &json!({"model": "text-embedding-3-large", "input": "a"})).await;
    assert_eq!(numbers(&reply["data"][0]["embedding"]).len(), 3072);
    let account = peer.server.account();
    assert_eq!((account.texts_embedded, account.titles_paid, account.charged_requests), (7, 0, 3));
    assert_eq!((account.list[0].api, account.list[0].charged_nanousd), ("openai_embeddings", Some(700)));
}

#[tokio::test]
async fn openai_refuses_what_it_cannot_embed() {
    let peer = Peer::new(config()).await;
    let many: Vec<_> = (0..2049).map(|at| at.to_string()).collect();
    for wrong in [
        json!({"model": "m", "input": ""}),
        json!({"model": "m", "input": []}),
        json!({"model": "m", "input": many}),
        json!({"model": "m", "input": "x".repeat(40_000)}),
        json!({"model": "m", "input": "x", "dimensions": 0}),
        json!({"model": "text-embedding-ada-002", "input": "x", "dimensions": 5}),
        json!({"model": "m", "input": "x", "encoding_format": "text"}),
        json!({"model": "m", "input": "x", "invented": 1}),
    ] {
        let (status, reply) = ask(&peer, "/v1/embeddings", &wrong).await;
        assert_eq!((status, &reply["error"]["type"]), (400, &json!("invalid_request_error")), "{wrong}");
    }
}

#[tokio::test]
async fn gemini_embeds_one_or_several() {
    let peer = Peer::new(config()).await;
    let path = "/v1beta/models/gemini-embedding-001:embedContent";
    let request = |text: &str| json!({"model": "models/gemini-embedding-001", "content": {"parts": [{"text": text}]}, "outputDimensionality": 64});
    let (_, one) = ask(&peer, path, &request("red shoes")).await;
    let one = numbers(&one["embedding"]["values"]);
    assert!(one.len() == 64 && dot(&one, &one) < 0.5, "what is shortened is not of unit length");
    let several = json!({"requests": [request("usb cable"), request("red shoes")]});
    let (_, reply) = ask(&peer, "/v1/models/gemini-embedding-001:batchEmbedContents", &several).await;
    assert_eq!(numbers(&reply["embeddings"][1]["values"]), one);
    let (_, whole) = ask(&peer, path, &json!({"content": {"parts": [{"text": "x"}]}})).await;
    let whole = numbers(&whole["embedding"]["values"]);
    assert!(whole.len() == 3072 && (dot(&whole, &whole) - 1.0).abs() < 1e-4);
    for wrong in [request(""), json!({"model": "models/other", "content": {"parts": [{"text": "x"}]}}), json!({})] {
        assert_eq!(ask(&peer, path, &wrong).await.0, 400, "{wrong}");
    }
    assert_eq!(peer.server.account().texts_embedded, 4);
}
