//! Images, reasons and log-probabilities: what is asked for beside the category, and what it costs.

use super::{ITEMS, body, chat, chat_reply, route, said, shop};
use pg_categorize_core::confidence::Source;
use pg_categorize_core::prompt::IMAGE;
use pg_categorize_gateway::plan::{AnswerMode, ProviderKind, Route};
use pg_categorize_gateway::provider::{Image, Item, pack_limit, prepare};
use serde_json::{Value, json};

const KINDS: [(ProviderKind, AnswerMode); 4] = [
    (ProviderKind::OpenAi, AnswerMode::JsonSchema),
    (ProviderKind::OpenAi, AnswerMode::Decision),
    (ProviderKind::Anthropic, AnswerMode::JsonSchema),
    (ProviderKind::Gemini, AnswerMode::JsonSchema),
];

fn png(bytes: usize) -> Image {
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    png.resize(bytes, 7);
    Image::new(&png).unwrap()
}

fn seeing(kind: ProviderKind, mode: AnswerMode) -> Route {
    let mut route = route("https://example.com/v1", kind, mode);
    route.model.image_tokens = Some(2000);
    route
}

#[test]
fn an_image_is_sent_as_each_provider_takes_it() {
    let image = png(20);
    let item = [Item { id: 1, text: "LEGO", image: Some(&image) }];
    let base64 = image.base64();
    assert_eq!(base64, "iVBORw0KGgoHBwcHBwcHBwcHBwc=");
    let url = format!("data:image/png;base64,{base64}");
    let pointers = ["/messages/1/content/2", "/input/1/content/2", "/messages/0/content/0", "/contents/0/parts/0"];
    let images = [
        json!({ "type": "image_url", "image_url": { "url": url, "detail": "low" } }),
        json!({ "type": "input_image", "image_url": url, "detail": "low" }),
        json!({ "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": base64 } }),
        json!({ "inlineData": { "mimeType": "image/png", "data": base64 } }),
    ];
    for ((kind, mode), (pointer, expected)) in KINDS.into_iter().zip(pointers.into_iter().zip(images)) {
        let route = seeing(kind, mode);
        let sent = body(&route, &shop(), &item);
        assert_eq!(sent.pointer(pointer), Some(&expected), "{sent}");
        let text = sent.to_string();
        assert!(text.contains(IMAGE), "{text}");
        // The instruction is that of texts alone: it stays in the provider's cache.
        let plain = body(&route, &shop(), &[Item::text(1, "LEGO")]);
        for constant in ["/messages/0/content", "/system", "/systemInstruction", "/input/0"] {
            if constant != "/messages/0/content" || kind == ProviderKind::OpenAi {
                assert_eq!(sent.pointer(constant), plain.pointer(constant), "{constant}");
            }
        }
        assert!(!plain.to_string().contains(IMAGE));
        let resolution = |sent: &Value| sent.pointer("/generationConfig/mediaResolution").cloned();
        let medium = (kind == ProviderKind::Gemini).then(|| json!("MEDIA_RESOLUTION_MEDIUM"));
        assert_eq!((resolution(&sent), resolution(&plain)), (medium, None));
    }
}

#[test]
fn an_image_counts_for_its_tokens_and_not_for_its_bytes() {
    for (kind, mode) in KINDS {
        let route = seeing(kind, mode);
        let bound = |image: &Image| {
            let prepared = prepare(&route, &shop(), &[Item { id: 1, text: "LEGO", image: Some(image) }]).unwrap();
            assert!(prepared.body_bytes() as u64 > image.base64().len() as u64);
            prepared.input_bound()
        };
        let plain = prepare(&route, &shop(), &[Item::text(1, "LEGO")]).unwrap().input_bound();
        let small = bound(&png(20));
        assert_eq!(small, bound(&png(3_000_000)));
        assert!(small > plain + 2000 && small < plain + 2000 + 1000, "{small} {plain}");
        // A long image is no long text.
        let mut narrow = seeing(kind, mode);
        narrow.model.max_input_tokens = Some(10_000);
        assert!(prepare(&narrow, &shop(), &[Item { id: 1, text: "", image: Some(&png(3_000_000)) }]).is_ok());
    }
}

#[test]
fn an_image_goes_alone_and_only_where_it_is_taken() {
    let image = png(20);
    let with = Item { id: 2, text: "x", image: Some(&image) };
    let reason = |route: &Route, items: &[Item<'_>]| prepare(route, &shop(), items).unwrap_err().reason.as_str();
    for (kind, mode) in KINDS {
        let mut route = seeing(kind, mode);
        assert_eq!(reason(&route, &[ITEMS[0], with]), "input_too_large");
        route.model.image_tokens = None;
        assert_eq!(reason(&route, &[with]), "no_provider");
        assert!(prepare(&route, &shop(), &ITEMS[..1]).is_ok());
    }
    for kind in [ProviderKind::Gemini, ProviderKind::SystemOne] {
        assert_eq!(reason(&seeing(kind, AnswerMode::Decision), &[with]), "no_provider");
    }
    let gif = Image::new(b"GIF89a").unwrap();
    let gif = [Item { id: 1, text: "x", image: Some(&gif) }];
    assert_eq!(reason(&seeing(ProviderKind::Gemini, AnswerMode::JsonSchema), &gif), "provider_error");
    assert!(prepare(&seeing(ProviderKind::Anthropic, AnswerMode::JsonSchema), &shop(), &gif).is_ok());
    assert_eq!(Image::new(b"%PDF-1.7"), None);
}

#[test]
fn who_is_asked_why_is_asked_for_more_and_may_write_more() {
    for (kind, schema) in [
        (ProviderKind::OpenAi, "/response_format/json_schema/schema"),
        (ProviderKind::Anthropic, "/output_config/format/schema"),
        (ProviderKind::Gemini, "/generationConfig/responseJsonSchema"),
    ] {
        let plain = route("https://example.com/v1", kind, AnswerMode::JsonSchema);
        let why = Route { rationale: true, ..route("https://example.com/v1", kind, AnswerMode::JsonSchema) };
        let required = |route: &Route| {
            let body = body(route, &shop(), &ITEMS);
            body.pointer(&format!("{schema}/properties/items/items/required")).unwrap().as_array().unwrap().len()
        };
        assert_eq!((required(&plain), required(&why)), (3, 4));
        let bound = |route: &Route| prepare(route, &shop(), &ITEMS).unwrap().output_bound();
        assert_eq!(bound(&why), bound(&plain) + 2 * 200);
    }
    let mut why = Route { rationale: true, ..chat("https://example.com/v1") };
    why.model.max_output_tokens = Some(600);
    assert_eq!(pack_limit(&why, &shop()), 2);
    assert!(prepare(&why, &shop(), &ITEMS).is_ok());
}

#[tokio::test]
async fn a_reason_is_kept_where_it_was_asked_for() {
    let content = r#"{"items":[{"id":1,"rationale":"Bricks\nare toys.","category":"Toys","confidence":0.9}]}"#;
    for rationale in [false, true] {
        let route = Route { rationale, ..chat("") };
        let answers = said(&route, &ITEMS[..1], &chat_reply(content)).await.result.unwrap();
        assert_eq!(answers[0].rationale.as_deref(), rationale.then_some("Bricks are toys."));
    }
}

#[tokio::test]
async fn tokens_tell_how_sure_an_answer_is() {
    let mut route = chat("");
    route.model.log_probabilities = true;
    let sent = body(&Route::new(chat("https://example.com").provider, route.model.clone(), None), &shop(), &ITEMS);
    assert_eq!((&sent["logprobs"], &sent["top_logprobs"]), (&json!(true), &json!(5)));
    let one = |text: &str, p: f64| json!({ "token": text, "logprob": p.ln(), "bytes": text.as_bytes() });
    let token = |text: &str, p: f64, other: &str, q: f64| {
        let mut token = one(text, p);
        token["top_logprobs"] = json!([one(text, p), one(other, q)]);
        token
    };
    let tokens = [
        token("{\"items\":[{\"id\":1,\"category\":\"", 1.0, "[", 0.0),
        token("Toys", 0.6, "Books", 0.2),
        token("\",\"confidence\":0.99}]}", 1.0, "x", 0.0),
    ];
    let text: String = tokens.iter().map(|token| token["token"].as_str().unwrap()).collect();
    let mut reply = chat_reply(&text);
    reply["choices"][0]["logprobs"] = json!({ "content": tokens, "refusal": null });
    let answer = &said(&route, &ITEMS[..1], &reply).await.result.unwrap()[0];
    assert!((answer.confidence - 0.75).abs() < 1e-5, "{answer:?}");
    assert_eq!((answer.source, answer.alternatives.len()), (Source::LogProbabilities, 2));
    // What a server does not tell is as sure as its model says.
    let answer = &said(&route, &ITEMS[..1], &chat_reply(&text)).await.result.unwrap()[0];
    assert_eq!((answer.source, answer.confidence), (Source::SelfReported, 0.99));

    let limit = pack_limit(&route, &shop());
    assert!((10..200).contains(&limit), "{limit}");
    route.provider.base_url = "https://example.com".into();
    route.model.reasoning_effort = Some("low".into());
    assert_eq!(body(&route, &shop(), &ITEMS).get("logprobs"), None);
    route.model.reasoning_effort = Some("none".into());
    assert!(body(&route, &shop(), &ITEMS).get("logprobs").is_some());
    route.model.mode = AnswerMode::Text;
    assert_eq!(body(&route, &shop(), &ITEMS[..1]).get("logprobs").map(Value::is_null), None);
}
