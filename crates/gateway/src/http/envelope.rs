//! What a request bears outside of its body: the key, and the version of the API.

use crate::plan::{Provider, ProviderKind};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue};

/// The version of the Messages that is spoken here. That of 2026-10-21 only takes away what is not sent anyway.
const ANTHROPIC_VERSION: &str = "2023-06-01";

/// The headers of a request to this provider. Its key is marked, so that nobody shows it.
pub(super) fn headers(provider: &Provider) -> Result<HeaderMap, InvalidHeaderValue> {
    let mut headers = HeaderMap::with_capacity(4);
    let json = HeaderValue::from_static("application/json");
    headers.insert(CONTENT_TYPE, json.clone());
    headers.insert(ACCEPT, json);
    let (name, prefix) = match provider.kind {
        ProviderKind::OpenAi | ProviderKind::SystemOne | ProviderKind::Transformer => (AUTHORIZATION, "Bearer "),
        ProviderKind::Anthropic => (HeaderName::from_static("x-api-key"), ""),
        ProviderKind::Gemini => (HeaderName::from_static("x-goog-api-key"), ""),
    };
    if provider.kind == ProviderKind::Anthropic {
        headers.insert("anthropic-version", HeaderValue::from_static(ANTHROPIC_VERSION));
    }
    if let Some(key) = provider.key.as_ref().map(|key| key.expose().trim()).filter(|key| !key.is_empty()) {
        let mut value = HeaderValue::from_str(&format!("{prefix}{key}"))?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(headers)
}
