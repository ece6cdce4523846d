//! Providers over HTTP: a request is prepared, which tells what it can cost, and sent, which tells how it ended.
//!
//! One trait, a file for each API. What is the same for all (transport, limits, the meaning of a status) is beside them.

mod anthropic;
mod body;
mod classify;
mod gemini;
mod gemini_decisions;
mod headers;
mod image;
mod log_probabilities;
pub(crate) mod moment;
mod openai_chat;
mod openai_decisions;
mod outcome;
mod probabilities;
mod question;
mod reply;
mod systemone;
mod usage;

use crate::http::{Clients, Reply};
use crate::plan::{AnswerMode, ProviderKind, Route};
use crate::store::Refusal;
pub(crate) use body::Body;
pub(crate) use classify::failure;
pub(crate) use gemini::{bare as bare_model, path as model_path};
pub use outcome::{Charge, Ended, Failure, FailureClass, ItemAnswer, Limits};
use pg_categorize_core::cascade::Reason;
use pg_categorize_core::choices::Choices;
pub use pg_categorize_core::image::Image;
use pg_categorize_core::price::Usage;
use pg_categorize_core::raw_request::{Endpoint, RawRequest};
use reqwest::header::HeaderMap;
use serde_json::Value;
use std::borrow::Cow;
use std::time::{Duration, SystemTime};
use url::Url;
pub(crate) use usage::of_embeddings as embeddings_usage;

/// Tokens of output that are reserved for a decision. The documentation bills none (OpenAI, TypeSafe: output is free),
/// servers count up to a few a question; a model whose output has a price is then still within what was reserved.
const DECISION_TOKENS: u64 = 16;

/// One input of a request; ids are from 1 and differ within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item<'a> {
    /// Its id, which the provider echoes.
    pub id: u32,
    /// The text.
    pub text: &'a str,
    /// The image, beside or instead of the text.
    pub image: Option<&'a Image>,
}

impl<'a> Item<'a> {
    /// An input that is a text alone.
    pub const fn text(id: u32, text: &'a str) -> Self {
        Self { id, text, image: None }
    }
}

/// A request that can be sent, with what it can cost at most.
#[derive(Debug, Clone)]
pub struct Prepared {
    url: Url,
    body: String,
    ids: Vec<u32>,
    input_bound: u64,
    output_bound: u64,
}

impl Prepared {
    /// Tokens of input, at most: no tokenizer of the kind that providers use (byte-level byte-pair encoding: Sennrich et
    /// al. 2016, Radford et al. 2019) makes a token of less than one byte, and what a provider puts around a message is a
    /// few tokens. Thus the bytes of the whole body, 64 for each message, and what the API is documented to add. An image
    /// is no text: it counts for as many tokens as its model is known to make of one at most, in place of its bytes.
    pub fn input_bound(&self) -> u64 {
        self.input_bound
    }

    /// Tokens of output, at most: the number that is sent as the limit.
    pub fn output_bound(&self) -> u64 {
        self.output_bound
    }

    /// Bytes of the body.
    pub fn body_bytes(&self) -> usize {
        self.body.len()
    }

    /// The body, for tests.
    pub fn body(&self) -> &str {
        &self.body
    }
}

/// What an API makes of a question.
struct Written {
    /// What follows the base URL.
    path: Cow<'static, str>,
    /// The JSON.
    body: String,
    /// Messages in it.
    messages: u64,
    /// Tokens that the API puts before the model beside what was sent, by its documentation.
    hidden: u64,
    /// Tokens that may be written.
    output_bound: u64,
}

/// How one API is spoken.
trait Api: Sync {
    /// Inputs that one request can take, at least 1.
    fn pack_limit(&self, route: &Route, choices: &Choices) -> usize;

    /// The request.
    fn write(&self, route: &Route, choices: &Choices, items: &[Item<'_>]) -> Result<Written, Refusal>;

    /// Whether there is a way to send an image.
    fn takes_images(&self) -> bool {
        false
    }

    /// The answers of a reply; `None` where it is no reply of this API.
    fn read(&self, reply: &Value, choices: &Choices, ids: &[u32]) -> Option<Vec<ItemAnswer>>;

    /// What a reply says that it cost.
    fn usage(&self, reply: &Value) -> Option<Usage>;
}

fn api(route: &Route) -> Option<&'static dyn Api> {
    Some(match (route.provider.kind, route.model.mode) {
        (ProviderKind::OpenAi, AnswerMode::Decision) => &openai_decisions::Decisions,
        (ProviderKind::OpenAi, AnswerMode::JsonSchema | AnswerMode::Text) => &openai_chat::Chat,
        (ProviderKind::Anthropic, _) => &anthropic::Messages,
        (ProviderKind::Gemini, AnswerMode::Decision) => &gemini_decisions::Decisions,
        (ProviderKind::Gemini, AnswerMode::JsonSchema | AnswerMode::Text) => &gemini::Generate,
        (ProviderKind::SystemOne, _) => &systemone::SystemOne,
        (ProviderKind::Transformer, _) => return None,
    })
}

/// Inputs that this route can take in one request, at least 1. An input with an image goes alone: [`prepare`] refuses a
/// pack with one as too large, so that it is split.
pub fn pack_limit(route: &Route, choices: &Choices) -> usize {
    api(route).map_or(1, |api| api.pack_limit(route, choices)).max(1)
}

/// Writes a request, and tells what it can cost. It is not sent yet.
///
/// # Errors
/// `input_too_large` where the model reads or writes less than this needs, or an image is not alone: a smaller pack may do.
/// `no_provider` where there is an image and the route takes none. `provider_error` where the route cannot take any
/// request: it answers no questions, its URL is none, or it offers fewer choices.
pub fn prepare(route: &Route, choices: &Choices, items: &[Item<'_>]) -> Result<Prepared, Refusal> {
    let api = api(route).ok_or_else(|| refusal(route, "answers no questions"))?;
    let image = image::sent(route, api.takes_images(), items)?;
    let Written { path, body, messages, hidden, output_bound } = api.write(route, choices, items)?;
    let url = url(&route.provider.base_url, &path).ok_or_else(|| refusal(route, "has no usable base URL"))?;
    let bytes = (body.len() as u64).saturating_sub(image.bytes);
    // A token is a few bytes: only what is far beyond the limit is known to be. The provider tells the rest.
    if let Some(limit) = route.model.max_input_tokens.filter(|limit| bytes / 8 > *limit) {
        let detail = format!("The request has {bytes} bytes; {} reads {limit} tokens.", route.model.name);
        return Err(Refusal::because(Reason::InputTooLarge, detail));
    }
    let ids = items.iter().map(|item| item.id).collect();
    let input_bound = bytes.saturating_add(64 * messages).saturating_add(hidden).saturating_add(image.tokens);
    Ok(Prepared { url, body, ids, input_bound, output_bound })
}

/// A route that can take no request of this kind at all.
fn refusal(route: &Route, what: impl std::fmt::Display) -> Refusal {
    Refusal::because(Reason::ProviderError, format!("{route} {what}."))
}

/// The address of an API. Where both begin with a version, the base URL's counts: it may be given with or without.
pub(crate) fn url(base: &str, path: &str) -> Option<Url> {
    let base = base.trim_end_matches('/');
    let path = match path.trim_start_matches('/').split_once('/') {
        Some((version, _)) if is_version(version) && base.rsplit('/').next().is_some_and(is_version) => {
            &path[1 + version.len()..]
        }
        _ => path,
    };
    let url = Url::parse(&format!("{base}{path}")).ok()?;
    // Names and passwords would be sent as a header that nobody expects, and URLs are shown in messages.
    let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.has_host();
    (plain && matches!(url.scheme(), "http" | "https")).then_some(url)
}

/// `v1`, `v1beta`, `v1alpha`.
fn is_version(segment: &str) -> bool {
    let digits = segment.strip_prefix('v').unwrap_or_default();
    digits.starts_with(|c: char| c.is_ascii_digit()) && digits.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// Sends requests, over connections that it keeps.
#[derive(Debug)]
pub struct Http {
    pub(crate) clients: Clients,
}

impl Default for Http {
    fn default() -> Self {
        Self::new()
    }
}

impl Http {
    /// Reads the system's certificates; connects to nobody yet.
    pub fn new() -> Self {
        Self { clients: Clients::new() }
    }

    /// Sends a request, once. Where the time is over or this future is dropped, its connection (with HTTP/2, its stream)
    /// is closed: no answer can come any more.
    pub async fn send(&self, route: &Route, choices: &Choices, prepared: &Prepared, time_limit: Duration) -> Ended {
        let (reply, latency) = self.post(route, &prepared.url, &prepared.body, time_limit).await;
        match reply {
            Ok(reply) => {
                let (result, usage) = reply::read(route, choices, &prepared.ids, &reply);
                Ended { result, usage, limits: limits(&reply.headers), latency }
            }
            Err(failure) => Ended { result: Err(failure), usage: None, limits: Limits::default(), latency },
        }
    }

    /// Sends a body, once, and reads the reply; tells how long that took.
    pub(crate) async fn post(
        &self,
        route: &Route,
        url: &Url,
        body: &str,
        time_limit: Duration,
    ) -> (Result<Reply, Failure>, Duration) {
        self.clients.post(&route.provider, url, body, time_limit).await
    }
}

/// The request that a user has written, as it is sent in a batch.
pub(crate) fn prepare_raw(route: &Route, request: &RawRequest) -> Result<Prepared, Refusal> {
    let url = url(&route.provider.base_url, "/").ok_or_else(|| refusal(route, "has no usable base URL"))?;
    let (input_bound, output_bound) = (request.input_bound, request.output_bound);
    Ok(Prepared { url, body: request.body.to_string(), ids: vec![1], input_bound, output_bound })
}

/// What a line of a batch's results says that it cost, where a user has written its request; and whether it is a reply.
pub(crate) fn read_raw_line(route: &Route, status: u16, body: &str) -> (Result<(), Failure>, Option<Usage>) {
    let (read, usage) = read_line(route, &Choices::new(Vec::new()), &[], status, body);
    let is_reply = (200..=299).contains(&status) && usage.is_some();
    let embeds = route.raw.as_ref().is_some_and(|raw| raw.endpoint == Endpoint::Embeddings);
    if embeds && (200..=299).contains(&status) {
        let told = serde_json::from_str::<Value>(body).ok();
        let usage = told.as_ref().and_then(|told| usage::of_embeddings(told.get("usage")?));
        return (usage.map(|_| ()).ok_or_else(|| reply::unreadable("not a reply of this API")), usage);
    }
    (if is_reply { Ok(()) } else { read.map(|_| ()) }, usage)
}

/// What a line of a batch's results means: it is the reply to a request that asked about these items.
pub(crate) fn read_line(
    route: &Route,
    choices: &Choices,
    ids: &[u32],
    status: u16,
    body: &str,
) -> (Result<Vec<ItemAnswer>, Failure>, Option<Usage>) {
    let reply = Reply { status, headers: HeaderMap::new(), body: Ok(body.as_bytes().to_vec()) };
    reply::read(route, choices, ids, &reply)
}

/// What the headers of a reply say of the provider's limits.
pub(crate) fn limits(headers: &HeaderMap) -> Limits {
    headers::limits(headers, SystemTime::now())
}
