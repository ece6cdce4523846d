//! Embeddings over HTTP: texts are prepared, which tells what they can cost, and sent, which brings a vector for each.
//!
//! As with questions, one trait, a file for each API; transport, limits and the meaning of a status are those of
//! [`crate::provider`].

mod gemini;
mod openai;
mod vectors;

use crate::plan::{ProviderKind, Route};
use crate::provider::{Charge, Failure, FailureClass, Http, Limits, failure, limits, url};
use crate::store::Refusal;
use pg_categorize_core::cascade::Reason;
use pg_categorize_core::embedding::MAX_BYTES;
use pg_categorize_core::price::Usage;
use serde_json::Value;
use std::time::Duration;
use url::Url;

/// Who pays for vectors of what is known, as the ledger tells it: no statement waits for them.
pub const APPLICATION: &str = "pg_categorize embeddings";

/// Texts that can be sent, with what they can cost.
#[derive(Debug, Clone)]
pub struct Prepared {
    url: Url,
    body: String,
    texts: usize,
    input_bound: u64,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedded {
    /// A vector for each text, in their order and all of one length, or why there are none.
    pub result: Result<Vec<Vec<f32>>, Failure>,
    /// What was charged. It settles the attempt also where the result is a failure.
    pub usage: Option<Usage>,
    /// What the provider says of its limits.
    pub limits: Limits,
    /// From sending to the last byte that was read.
    pub latency: Duration,
}

impl Prepared {
    /// Tokens of input, at most: a token has at least a byte, and what a provider puts around a text is a few tokens. Thus
    /// the bytes of the whole body, and 16 for each text. There is no output.
    pub fn input_bound(&self) -> u64 {
        self.input_bound
    }

    /// The body.
    pub fn body(&self) -> &str {
        &self.body
    }
}

/// What an API makes of texts.
struct Written {
    path: String,
    body: String,
}

/// How one API is spoken.
trait Api: Sync {
    /// Texts that one request can take.
    fn pack_limit(&self) -> usize;

    /// The request.
    fn write(&self, route: &Route, texts: &[&str], dimensions: Option<usize>) -> Written;

    /// The vectors of a reply, in the order of the texts; `None` where it is no reply of this API to so many texts.
    fn read(&self, reply: &Value, texts: usize) -> Option<Vec<Vec<f32>>>;

    /// What a reply says that it cost.
    fn usage(&self, reply: &Value) -> Option<Usage>;
}

fn api(route: &Route) -> Option<&'static dyn Api> {
    match route.provider.kind {
        ProviderKind::OpenAi => Some(&openai::Embeddings),
        ProviderKind::Gemini => Some(&gemini::BatchEmbedContents),
        ProviderKind::Anthropic | ProviderKind::SystemOne | ProviderKind::Transformer => None,
    }
}

/// Texts that a transformer of ours takes at once: a second's work, after which others may have their turn.
const TRANSFORMED: usize = 64;

/// Texts that this route can take in one request, at least 1.
pub fn pack_limit(route: &Route) -> usize {
    if route.provider.kind == ProviderKind::Transformer {
        return TRANSFORMED;
    }
    api(route).map_or(1, Api::pack_limit)
}

/// Tokens that a model reads of a text, where nobody said how many.
const USUAL_TOKENS: u64 = 512;

/// As much of a text as is sent: as many bytes as the model reads tokens, of which each has at least one. What a text is
/// about stands at its beginning.
pub fn beginning<'a>(route: &Route, text: &'a str) -> &'a str {
    let bytes = longest(route);
    let end = (0..=bytes.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    &text[..end]
}

/// Bytes of a text that are sent at most. A transformer of ours counts its tokens itself.
pub fn longest(route: &Route) -> usize {
    if route.provider.kind == ProviderKind::Transformer {
        return MAX_BYTES;
    }
    let tokens = route.model.max_input_tokens.unwrap_or(USUAL_TOKENS);
    usize::try_from(tokens).unwrap_or(MAX_BYTES).clamp(16, MAX_BYTES) - 8
}

/// Whether these vectors are made in batches as well: of OpenAI, whose batches take the body of a live call. Those of Gemini take one
/// text a request.
pub fn has_batches(kind: ProviderKind) -> bool {
    kind == ProviderKind::OpenAi
}

/// The vectors of a reply to a request for so many texts, in their order; `None` where it has none that can be used.
pub fn read_reply(route: &Route, body: &str, texts: usize) -> Option<Vec<Vec<f32>>> {
    let reply: Value = serde_json::from_str(body).ok()?;
    api(route)?.read(&reply, texts).filter(|vectors| vectors::are_usable(vectors))
}

/// Writes a request for the vectors of these texts, and tells what it can cost. It is not sent yet. `dimensions` are asked
/// for where a model can shorten its vectors; without them it has its own.
///
/// # Errors
/// `empty_input` where a text is blank, or there is none: providers refuse it. `input_too_large` where a text has more
/// tokens than the model reads, or there are too many: fewer may do. `no_provider` where the provider has no embeddings,
/// `provider_error` where its URL is none.
pub fn prepare(route: &Route, texts: &[&str], dimensions: Option<usize>) -> Result<Prepared, Refusal> {
    let Some(api) = api(route) else {
        return Err(Refusal::because(Reason::NoProvider, format!("{route} has no embeddings.")));
    };
    if texts.is_empty() || texts.iter().any(|text| text.trim().is_empty()) {
        return Err(Refusal::new(Reason::EmptyInput));
    }
    if texts.len() > api.pack_limit() {
        let detail = format!("{} texts at once; {route} takes {}.", texts.len(), api.pack_limit());
        return Err(Refusal::because(Reason::InputTooLarge, detail));
    }
    // A token is a few bytes: only what is far beyond the limit is known to be. The provider tells the rest.
    let longest = texts.iter().map(|text| text.len() as u64).max().unwrap_or(0);
    if let Some(limit) = route.model.max_input_tokens.filter(|limit| longest / 8 > *limit) {
        let detail = format!("A text has {longest} bytes; {} reads {limit} tokens.", route.model.name);
        return Err(Refusal::because(Reason::InputTooLarge, detail));
    }
    let Written { path, body } = api.write(route, texts, dimensions);
    let url = url(&route.provider.base_url, &path)
        .ok_or_else(|| Refusal::because(Reason::ProviderError, format!("{route} has no usable base URL.")))?;
    let input_bound = (body.len() as u64).saturating_add(16 * texts.len() as u64);
    Ok(Prepared { url, body, texts: texts.len(), input_bound })
}

impl Http {
    /// Sends a request for vectors, once. Where the time is over or this future is dropped, its connection (with HTTP/2,
    /// its stream) is closed.
    pub async fn embed(&self, route: &Route, prepared: &Prepared, time_limit: Duration) -> Embedded {
        let (reply, latency) = self.post(route, &prepared.url, &prepared.body, time_limit).await;
        let reply = match reply {
            Ok(reply) => reply,
            Err(failure) => {
                return Embedded { result: Err(failure), usage: None, limits: Limits::default(), latency };
            }
        };
        let json = reply.body.as_ref().ok().and_then(|body| serde_json::from_slice::<Value>(body).ok());
        let told = json.as_ref().zip(api(route));
        let usage = told.and_then(|(json, api)| api.usage(json));
        let result = match (reply.status, &reply.body) {
            (200..=299, Err(failure)) => Err(failure.clone()),
            (200..=299, Ok(_)) => told
                .and_then(|(json, api)| api.read(json, prepared.texts))
                .filter(|vectors| vectors::are_usable(vectors))
                .ok_or_else(|| Failure::new(FailureClass::Unreadable, Charge::Unknown, "no usable vectors")),
            (status, _) => Err(failure(route, status, &reply.headers, json.as_ref())),
        };
        // Where a provider charges what it read, and does not say how much that was, it is taken to be the most.
        let silent = usage.is_none() && result.is_ok() && route.provider.kind == ProviderKind::Gemini;
        let most = Usage { input: prepared.input_bound, ..Usage::default() };
        let usage = if silent { Some(most) } else { usage };
        Embedded { result, usage, limits: limits(&reply.headers), latency }
    }
}
