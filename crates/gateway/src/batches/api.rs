//! How the Batch API of a provider is spoken.

use super::call::{Caller, Heard};
use super::feed::Feed;
use super::{anthropic, gemini, openai};
use crate::plan::{ProviderKind, Route};
use pg_categorize_core::batch::{CustomId, End, Limits, Matching, Moment, Token};
use reqwest::Response;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::pin::Pin;

/// What comes later.
pub type Coming<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What an API is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traits {
    /// How a batch is found again whose create was not answered.
    pub matching: Matching,
    /// Whether requests go in a file, before the create; else they are in the create.
    pub by_file: bool,
    /// What one batch may have.
    pub limits: Limits,
}

/// What is around and between the lines of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Framing {
    /// Before the first one.
    pub before: String,
    /// Between two.
    pub separator: &'static str,
    /// After the last one.
    pub after: String,
}

/// How far a provider is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// It is at it.
    Running,
    /// It has ended.
    Ended {
        /// How.
        how: End,
        /// Lines of results, where it says.
        lines: Option<u32>,
    },
}

/// A batch in a provider's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its id.
    pub remote: String,
    /// The label that its create had.
    pub label: Option<String>,
    /// When it was created.
    pub created: Option<Moment>,
    /// Requests in it, where the list tells.
    pub requests: Option<u64>,
    /// Whether it has ended.
    pub ended: bool,
}

/// A part of the list, the latest batches first.
#[derive(Debug, Default)]
pub struct Page {
    /// The batches.
    pub batches: Vec<Listed>,
    /// What to ask for the next part with, where there is one.
    pub next: Option<String>,
}

/// One line of results.
#[derive(Debug)]
pub struct ResultLine<'a> {
    /// The name that its request had.
    pub custom_id: Cow<'a, str>,
    /// What it says.
    pub said: Said<'a>,
}

/// What a line says.
#[derive(Debug)]
pub enum Said<'a> {
    /// A reply, as if the request had been sent alone.
    Reply(u16, &'a RawValue),
    /// The provider refused the request, and documents that it charges nothing.
    Refused {
        /// Whether it would again.
        lasting: bool,
    },
    /// The request was not run.
    NotRun,
}

/// One of the Batch APIs.
pub trait BatchApi: Send + Sync {
    /// What it is like.
    fn traits(&self) -> Traits;

    /// What is around the lines of an upload, or of a create that has them.
    fn framing(&self) -> Framing;

    /// The line of a request. `body` is what a live call would send; it is in there as it is.
    fn line(&self, route: &Route, name: &CustomId, body: &str) -> String;

    /// Bytes of the line of a request whose body has so many.
    fn line_bytes(&self, route: &Route, name: &CustomId, body: usize) -> usize {
        self.line(route, name, "").len() + body
    }

    /// Sends the file of requests; its name.
    fn upload<'a>(&'a self, call: &'a Caller<'a>, token: Token, feed: Feed) -> Coming<'a, Heard<String>>;

    /// Creates the batch; its id. The requests are in `file`, or in `feed`.
    fn create<'a>(
        &'a self,
        call: &'a Caller<'a>,
        token: Token,
        file: Option<&'a str>,
        feed: Option<Feed>,
    ) -> Coming<'a, Heard<String>>;

    /// How far a batch is.
    fn poll<'a>(&'a self, call: &'a Caller<'a>, remote: &'a str) -> Coming<'a, Heard<Progress>>;

    /// A part of the list of batches.
    fn list<'a>(&'a self, call: &'a Caller<'a>, after: Option<&'a str>) -> Coming<'a, Heard<Page>>;

    /// Asks to cancel a batch.
    fn cancel<'a>(&'a self, call: &'a Caller<'a>, remote: &'a str) -> Coming<'a, Heard<()>>;

    /// Opens the results of a batch that has ended: as many bodies of lines as there are.
    fn results<'a>(&'a self, call: &'a Caller<'a>, remote: &'a str) -> Coming<'a, Heard<Vec<Response>>>;

    /// Reads a line of results; `None` where it is none.
    fn read<'a>(&self, line: &'a [u8]) -> Option<ResultLine<'a>>;
}

/// The Batch API of a provider of this kind; `None` where there is none.
pub fn api(kind: ProviderKind) -> Option<&'static dyn BatchApi> {
    match kind {
        ProviderKind::OpenAi => Some(&openai::Batches),
        ProviderKind::Anthropic => Some(&anthropic::MessageBatches),
        ProviderKind::Gemini => Some(&gemini::BatchMode),
        ProviderKind::SystemOne | ProviderKind::Transformer => None,
    }
}
