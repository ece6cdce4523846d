use super::*;
use proptest::prelude::*;
use serde_json::json;

fn chat(more: &Value) -> Value {
    let mut body = json!({"messages": [{"role": "user", "content": "Say hi"}], "max_completion_tokens": 20});
    let Value::Object(more) = more else { panic!("no object") };
    body.as_object_mut().unwrap().extend(more.clone());
    body
}

#[test]
fn a_body_is_bound_by_its_bytes_and_by_what_it_allows() {
    let read = read("openai", &chat(&json!({"model": "gpt-x", "n": 3})), None).unwrap();
    assert_eq!((read.endpoint, read.model.as_str(), read.output_bound), (Endpoint::ChatCompletions, "gpt-x", 60));
    assert!(read.input_bound >= read.body.to_string().len() as u64);
}

#[test]
fn the_model_is_that_of_the_body_or_of_the_provider() {
    let of = |kind: &str, body: &Value| read(kind, body, Some("usual")).unwrap();
    assert_eq!(of("openai", &chat(&json!({}))).body["model"], "usual");
    assert_eq!(of("openai", &chat(&json!({"model": "other"}))).model, "other");
    let gemini = of(
        "gemini",
        &json!({"model": "models/g", "contents": [{"parts": [{"text": "hi"}]}],
                                      "generationConfig": {"maxOutputTokens": 5, "candidateCount": 2}}),
    );
    assert_eq!((gemini.model.as_str(), gemini.output_bound, gemini.body.get("model")), ("g", 10, None));
    assert!(read("openai", &chat(&json!({})), None).is_err());
}

#[test]
fn embeddings_write_nothing() {
    for (input, texts) in
        [(json!("one"), 1), (json!(["one", "two"]), 2), (json!([1, 2, 3]), 1), (json!([[1, 2], [3]]), 2)]
    {
        let read = read("openai", &json!({"model": "e", "input": input}), None).unwrap();
        assert_eq!((read.endpoint, read.output_bound, read.inputs), (Endpoint::Embeddings, 0, texts));
    }
    assert!(read("openai", &json!({"model": "e", "input": {"image": "x"}}), None).is_err());
}

#[test]
fn what_has_no_bound_is_refused_with_what_is_missing() {
    let refused = |kind: &str, body: Value| read(kind, &body, Some("m")).unwrap_err();
    let without = json!({"messages": [{"role": "user", "content": "hi"}]});
    assert_eq!(refused("openai", without.clone()).hint.unwrap(), "Add \"max_completion_tokens\".");
    assert_eq!(refused("anthropic", without).hint.unwrap(), "Add \"max_tokens\".");
    let gemini = json!({"contents": [{"parts": [{"text": "hi"}]}]});
    assert_eq!(refused("gemini", gemini).hint.unwrap(), "Add \"generationConfig.maxOutputTokens\".");
    for limit in [json!(0), json!(-1), json!(1.5), json!("20"), json!(null)] {
        refused("openai", chat(&json!({"max_completion_tokens": limit})));
    }
    refused("openai", chat(&json!({"n": 0})));
    refused("openai", chat(&json!({"max_completion_tokens": u64::MAX, "n": 2})));
    refused("systemone", chat(&json!({})));
    for body in [json!(null), json!([]), json!("text"), json!({}), json!({"model": "m", "max_tokens": 1})] {
        refused("anthropic", body);
    }
}

#[test]
fn what_is_charged_beyond_its_tokens_is_refused() {
    let refused = |kind: &str, body: Value| assert!(read(kind, &body, Some("m")).is_err(), "{body}");
    for more in [
        json!({"service_tier": "priority"}),
        json!({"web_search_options": {}}),
        json!({"modalities": ["audio"]}),
        json!({"stream": true}),
        json!({"tools": [{"type": "web_search"}]}),
        json!({"tools": {}}),
        json!({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://a/b"}}]}]}),
        json!({"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}]}),
        json!({"messages": [{"role": "assistant", "audio": {"id": "a"}}]}),
    ] {
        refused("openai", chat(&more));
    }
    let messages = |content: Value| json!({"messages": [{"role": "user", "content": content}], "max_tokens": 5});
    for content in [
        json!([{"type": "image", "source": {"type": "url", "url": "https://a/b"}}]),
        json!([{"type": "document", "source": {"type": "file", "file_id": "f"}}]),
        json!([{"type": "text", "text": "hi", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]),
        // In a result of a tool, too.
        json!([{"type": "tool_result", "tool_use_id": "t", "content": [{"type": "image", "source": {}}]}]),
    ] {
        refused("anthropic", messages(content));
    }
    let part = |part: Value| json!({"contents": [{"parts": [part]}], "generationConfig": {"maxOutputTokens": 5}});
    refused("gemini", part(json!({"fileData": {"fileUri": "u"}})));
    let speaking = json!({"maxOutputTokens": 5, "responseModalities": ["AUDIO"]});
    refused("gemini", json!({"contents": [{"parts": [{"text": "hi"}]}], "generationConfig": speaking}));
    refused("gemini", part(json!({"inlineData": {"data": "aGk="}})));
    refused(
        "gemini",
        json!({"contents": [], "generationConfig": {"maxOutputTokens": 5}, "tools": [{"googleSearch": {}}]}),
    );
}

#[test]
fn tools_of_the_caller_are_taken() {
    let tool = json!({"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}});
    let with = read("openai", &chat(&json!({"tools": [tool]})), Some("m")).unwrap();
    let call = json!([{"role": "assistant", "tool_calls": [{"id": "c", "type": "function",
                       "function": {"name": "f", "arguments": "{\"type\": \"image\"}"}}]}]);
    assert!(with.input_bound > TOOLS && read("openai", &chat(&json!({"messages": call})), Some("m")).is_ok());
}

#[test]
fn a_message_tells_no_text_of_the_body() {
    let error = read("openai", &chat(&json!({"my secret title": 1})), Some("m")).unwrap_err();
    assert!(!format!("{error:?}").contains("secret"));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z_]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        let key =
            prop_oneof![Just("messages"), Just("content"), Just("type"), Just("max_tokens"), Just("input"), Just("x")];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((key.prop_map(str::to_owned), inner), 0..4)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_is_passed_has_a_bound_or_is_refused(body in any_json(), kind in "openai|anthropic|gemini|systemone|") {
        if let Ok(read) = read(&kind, &body, Some("m")) {
            prop_assert!(read.input_bound >= read.body.to_string().len() as u64);
            prop_assert!(read.output_bound > 0 || read.endpoint == Endpoint::Embeddings);
        }
    }
}
