//! Error replies as providers write them.

use super::*;
use crate::plan::{Abilities, AnswerMode, Model, Provider, ProviderKind};
use FailureClass::*;

fn route(base_url: &str) -> Route {
    let provider = Provider {
        id: 1,
        name: "p".into(),
        kind: ProviderKind::OpenAi,
        base_url: base_url.into(),
        private_allowed: false,
        key: None,
        abilities: Abilities {
            instruction_role: "developer".into(),
            max_tokens_field: "max_completion_tokens".into(),
            openai_extras: true,
        },
        requests_per_minute: None,
        tokens_per_minute: None,
    };
    Route::new(provider, Model::new("m", AnswerMode::JsonSchema), None)
}

fn of(status: u16, body: &str, headers: &[(&'static str, &str)]) -> Failure {
    let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
    failure(&route("https://api.openai.com/v1"), status, &headers, serde_json::from_str(body).ok().as_ref())
}

#[test]
fn errors_are_told_apart_as_their_providers_mean_them() {
    let quota = r#"{"error":{"message":"You exceeded your quota","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#;
    let context = r#"{"error":{"message":"too long","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#;
    let vllm = r#"{"object":"error","message":"This model's maximum context length is 4096 tokens.","type":"BadRequestError","code":400}"#;
    let llama = r#"{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error"}}"#;
    let loading = r#"{"error":{"message":"Loading model","type":"unavailable_error","code":503}}"#;
    let overloaded =
        r#"{"error":{"message":"x","type":"service_unavailable_error","param":null,"code":"server_is_overloaded"}}"#;
    let validation = r#"{"detail":[{"loc":["body","questions"],"msg":"Field required","type":"missing"}]}"#;
    let typesafe = r#"{"detail":{"error_type":"rate_limit_error","message":"slow"}}"#;
    for (status, body, class, charge, detail) in [
        (
            429,
            r#"{"error":{"message":"m","type":"rate_limit_error","param":null,"code":"rate_limit_exceeded"}}"#,
            RateLimited,
            Charge::None,
            "http 429 rate_limit_exceeded",
        ),
        (429, typesafe, RateLimited, Charge::None, "http 429 rate_limit_error"),
        (429, "<html>", RateLimited, Charge::None, "http 429"),
        (429, quota, Stopped, Charge::None, "http 429 insufficient_quota"),
        (
            400,
            r#"{"error":{"message":"m","type":"budget_exceeded","code":"400"}}"#,
            Stopped,
            Charge::None,
            "http 400 budget_exceeded",
        ),
        (
            401,
            r#"{"error":{"message":"key sk-1","type":"invalid_request_error","code":"invalid_api_key"}}"#,
            Stopped,
            Charge::None,
            "http 401 invalid_api_key",
        ),
        (402, "", Stopped, Charge::None, "http 402"),
        (403, "", Stopped, Charge::None, "http 403"),
        (404, r#"{"detail":"Not Found"}"#, Stopped, Charge::None, "http 404"),
        (400, context, ContextOverflow, Charge::None, "http 400 context_length_exceeded"),
        (400, vllm, ContextOverflow, Charge::None, "http 400"),
        (400, llama, ContextOverflow, Charge::None, "http 400 exceed_context_size_error"),
        (413, "", ContextOverflow, Charge::None, "http 413"),
        (400, r#"{"error":{"code":"unsupported_value"}}"#, Rejected, Charge::None, "http 400 unsupported_value"),
        (400, r#"{"error":{"code":"content_filter"}}"#, Rejected, Charge::Unknown, "http 400 content_filter"),
        (422, validation, Rejected, Charge::None, "http 422"),
        (408, "", ServerError, Charge::Unknown, "http 408"),
        (409, "", ServerError, Charge::None, "http 409"),
        (500, "{", ServerError, Charge::Unknown, "http 500"),
        (503, loading, ServerError, Charge::Unknown, "http 503"),
        (503, overloaded, Overloaded, Charge::Unknown, "http 503 server_is_overloaded"),
        (529, "", Overloaded, Charge::Unknown, "http 529"),
        (302, "", Stopped, Charge::Unknown, "http 302"),
    ] {
        let failure = of(status, body, &[]);
        assert_eq!(
            (failure.class, failure.charge, failure.detail.as_str()),
            (class, charge, detail),
            "{status} {body}"
        );
    }
}

#[test]
fn a_header_overrides_what_the_status_says_of_trying_again() {
    assert_eq!(of(500, "", &[("x-should-retry", "false")]).class, Rejected);
    assert_eq!(of(429, "", &[("x-should-retry", "false")]).class, Rejected);
    assert_eq!(of(400, "", &[("x-should-retry", "true")]).class, ServerError);
    let quota = r#"{"error":{"code":"insufficient_quota"}}"#;
    assert_eq!(of(429, quota, &[("x-should-retry", "true")]).class, Stopped);
    assert_eq!(of(413, "", &[("x-should-retry", "true")]).class, ContextOverflow);
}

#[test]
fn azure_charges_what_it_processed() {
    let azure = route("https://shop.openai.azure.com/openai/v1");
    let charge = |route, status| failure(route, status, &HeaderMap::new(), None).charge;
    assert_eq!(charge(&azure, 400), Charge::Unknown);
    assert_eq!(charge(&azure, 401), Charge::None);
    assert_eq!(charge(&azure, 429), Charge::None);
    assert_eq!(charge(&route("https://azure.com.example.net/v1"), 400), Charge::None);
}

#[test]
fn google_charges_no_500_and_says_nothing_of_others() {
    let google = route("https://generativelanguage.googleapis.com/v1beta");
    let charge = |route: &Route, status| failure(route, status, &HeaderMap::new(), None).charge;
    assert_eq!([400, 429, 500].map(|status| charge(&google, status)), [Charge::None; 3]);
    assert_eq!([408, 499, 503, 504].map(|status| charge(&google, status)), [Charge::Unknown; 4]);
    for other in
        ["https://generativelanguage.googleapis.com.example.net", "https://x.generativelanguage.googleapis.com"]
    {
        assert_eq!(charge(&route(other), 500), Charge::Unknown, "{other}");
    }
}

#[test]
fn what_a_provider_writes_is_in_no_detail() {
    let body = r#"{"error":{"message":"bad title: secret sk-123","type":"secret","code":"secret"}}"#;
    assert_eq!(of(400, body, &[]).detail, "http 400");
}

#[test]
fn an_error_may_come_as_a_success() {
    let status = |body: &str| embedded_status(&serde_json::from_str(body).unwrap());
    assert_eq!(status(r#"{"error":{"code":502,"message":"m"}}"#), Some(502));
    assert_eq!(status(r#"{"error":{"code":70000}}"#), None);
    assert_eq!(status(r#"{"error":{"code":200}}"#), None);
    assert_eq!(status(r#"{"error":null}"#), None);
}
