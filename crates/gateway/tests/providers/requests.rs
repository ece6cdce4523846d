//! What is sent, and what it can cost at most.

use super::{ITEMS, body, chat, many, route, shop};
use pg_categorize_core::choices::Choices;
use pg_categorize_gateway::plan::{Abilities, AnswerMode, ProviderKind, Route};
use pg_categorize_gateway::provider::{Item, pack_limit, prepare};
use proptest::prelude::*;
use serde_json::{Value, json};

#[test]
fn a_chat_request_has_only_what_its_route_asks_for() {
    let mut route = chat("https://example.com/v1");
    let plain = body(&route, &shop(), &ITEMS);
    let members: Vec<&String> = plain.as_object().unwrap().keys().collect();
    assert_eq!(members, ["max_tokens", "messages", "model", "response_format"]);
    let labels = json!(["Toys", "Books", "Garden > Tools", "none of these"]);
    let schema = &plain["response_format"]["json_schema"]["schema"];
    assert_eq!(schema["properties"]["items"]["items"]["properties"]["category"]["enum"], labels);
    assert_eq!(plain["messages"][0]["role"], "system");
    let data = r#"{"items":[{"id":1,"title":"LEGO police station"},{"id":2,"title":"SQL for \"all\""}]}"#;
    assert_eq!(plain["messages"][1]["content"], data);

    route.provider.abilities = Abilities {
        instruction_role: "developer".into(),
        max_tokens_field: "max_completion_tokens".into(),
        openai_extras: true,
    };
    route.model.reasoning_effort = Some("none".into());
    route.model.temperature = Some(0.2);
    route.model.cache_breakpoint = true;
    let full = body(&route, &shop(), &ITEMS[..1]);
    assert_eq!(full["store"], false);
    assert_eq!((&full["reasoning_effort"], &full["temperature"]), (&json!("none"), &json!(0.2)));
    assert_eq!(full["messages"][0]["role"], "developer");
    assert_eq!(full["messages"][0]["content"][0]["text"], plain["messages"][0]["content"]);
    assert_eq!(full["messages"][0]["content"][0]["prompt_cache_breakpoint"], json!({ "mode": "explicit" }));
    assert_eq!(full["prompt_cache_key"], body(&route, &shop(), &ITEMS[1..])["prompt_cache_key"]);
    assert_ne!(full["prompt_cache_key"], body(&route, &many(3), &ITEMS)["prompt_cache_key"]);
    assert_eq!(full["max_completion_tokens"], prepare(&route, &shop(), &ITEMS[..1]).unwrap().output_bound());
}

#[test]
fn bounds_and_packs_follow_the_limits_of_the_model() {
    let mut route = chat("https://example.com/v1");
    let reason = |route: &Route, choices: &Choices, items: &[Item<'_>]| {
        prepare(route, choices, items).err().map(|refusal| refusal.reason.as_str())
    };
    let prepared = prepare(&route, &shop(), &ITEMS).unwrap();
    let bytes = prepared.body_bytes() as u64;
    assert_eq!(prepared.input_bound(), bytes + 128);
    // The longest label is the 14 bytes of `Garden > Tools` in quotes.
    assert_eq!(prepared.output_bound(), 2 * (16 + 48) + 32);
    assert_eq!(pack_limit(&route, &shop()), usize::MAX);
    route.model.thinking_tokens = 1000;
    route.model.max_output_tokens = Some(1000 + 32 + 2 * 64);
    assert_eq!(pack_limit(&route, &shop()), 2);
    assert_eq!(prepare(&route, &shop(), &ITEMS).unwrap().output_bound(), 1160);
    let three = [ITEMS[0], ITEMS[1], Item::text(3, "x")];
    assert_eq!(reason(&route, &shop(), &three), Some("input_too_large"));
    route.model.max_output_tokens = None;
    let longer = prepare(&route, &shop(), &ITEMS).unwrap().body_bytes() as u64;
    route.model.max_input_tokens = Some(longer / 8);
    assert_eq!(reason(&route, &shop(), &ITEMS), None);
    route.model.max_input_tokens = Some(longer / 8 - 1);
    assert_eq!(reason(&route, &shop(), &ITEMS), Some("input_too_large"));
    route.model.max_input_tokens = None;

    route.model.mode = AnswerMode::Text;
    assert_eq!(pack_limit(&route, &shop()), 1);
    route.model.mode = AnswerMode::Decision;
    assert_eq!(pack_limit(&route, &shop()), 400);
    assert!((1..400).contains(&pack_limit(&route, &many(254))));
    assert_eq!(reason(&route, &many(254), &ITEMS), None);
    assert_eq!(reason(&route, &many(255), &ITEMS), Some("provider_error"));
    for base_url in ["", "example.com", "ftp://example.com", "https://user:pass@example.com", "https://example.com?a=b"]
    {
        route.provider.base_url = base_url.into();
        assert_eq!(reason(&route, &shop(), &ITEMS), Some("provider_error"), "{base_url}");
    }
}

proptest! {
    /// A title is one string in the data, in all APIs, and changes nothing else of a request.
    #[test]
    fn a_title_changes_nothing_but_itself(title in any::<String>()) {
        for (kind, mode, pointer) in [
            (ProviderKind::OpenAi, AnswerMode::JsonSchema, "/messages/1/content"),
            (ProviderKind::OpenAi, AnswerMode::Text, "/messages/1/content"),
            (ProviderKind::OpenAi, AnswerMode::Decision, "/input/1/content"),
            (ProviderKind::Anthropic, AnswerMode::JsonSchema, "/messages/0/content"),
            (ProviderKind::Anthropic, AnswerMode::Text, "/messages/0/content"),
            (ProviderKind::Gemini, AnswerMode::JsonSchema, "/contents/0/parts/0/text"),
            (ProviderKind::Gemini, AnswerMode::Text, "/contents/0/parts/0/text"),
            (ProviderKind::Gemini, AnswerMode::Decision, "/input"),
            (ProviderKind::SystemOne, AnswerMode::Decision, "/state"),
        ] {
            let route = route("https://example.com/v1", kind, mode);
            let of = |text| {
                let mut body = body(&route, &shop(), &[Item::text(1, text)]);
                (body.pointer_mut(pointer).map(Value::take).unwrap(), body)
            };
            let ((data, rest), (_, usual)) = (of(&title), of("x"));
            prop_assert_eq!(rest, usual);
            let data = data.as_str().map_or(data.clone(), |text| serde_json::from_str(text).unwrap());
            let told = data.pointer("/items/0/title").unwrap_or(&data["title"]);
            prop_assert_eq!(told.as_str(), Some(title.as_str()));
        }
    }
}
