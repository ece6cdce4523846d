//! The APIs, a file each. One way for all: `serve` does what does not depend on the form of a request; what the APIs of a
//! provider share is its [`Provider`]; what all models that write share is a [`task::Task`].

mod answer;
mod anthropic;
mod anthropic_content;
mod anthropic_count;
mod anthropic_messages;
mod anthropic_request;
mod anthropic_schema;
mod content;
mod gemini;
mod gemini_decisions;
mod gemini_embeddings;
mod gemini_generate;
mod gemini_request;
mod items;
mod logprobs;
mod models;
mod openai;
mod openai_chat;
mod openai_chat_request;
mod openai_decisions;
mod openai_embeddings;
mod provider;
mod questions;
mod routes;
mod schema;
mod serve;
mod systemone;
mod talk;
mod task;
mod vector;

use crate::faults::Chosen;
use crate::oracle::Oracle;
use crate::tokens::{Prompt, SHORTEST_PREFIX, Tokens};
pub(crate) use anthropic::{Anthropic, version as anthropic_version};
pub(crate) use anthropic_messages::AnthropicMessages;
pub(crate) use gemini::{Gemini, KEY_HEADER as GEMINI_KEY};
pub(crate) use gemini_embeddings::GeminiEmbed;
pub(crate) use gemini_generate::GeminiGenerate;
pub(crate) use openai::{OpenAi, parse as openai_body};
pub(crate) use openai_chat::OpenAiChat;
pub(crate) use openai_embeddings::OpenAiEmbeddings;
pub(crate) use provider::{Failure, Incoming, Provider, put};
pub(crate) use routes::routes;
use serde_json::Value;
pub(crate) use serve::{Arrived, failure_of, written};

/// An API that answers questions about items, or makes vectors of them.
pub(crate) trait Api: Send + 'static {
    /// Whose it is.
    type Provider: Provider;

    /// A request that was understood.
    type Question: Send;

    /// What it is called in the account.
    const NAME: &'static str;

    /// Whether it costs nothing.
    const FREE: bool = false;

    /// The field of a reply that has the usage.
    const USAGE: &'static str = "usage";

    /// Understands a request, or says what is wrong with it.
    fn read(incoming: &Incoming<'_>, oracle: &Oracle) -> Result<(Asked, Self::Question), Failure>;

    /// The reply without usage.
    fn answer(asked: &Asked, question: Self::Question, with: &Answering<'_>) -> Written;

    /// Usage as the reply tells it, with the tokens of the output that were thoughts; null where it does not tell.
    fn usage(tokens: &Tokens, thoughts: u64) -> Value;
}

/// What a request asks, whatever its API.
pub(crate) struct Asked {
    pub(crate) model: String,
    /// The text of each item.
    pub(crate) titles: Vec<String>,
    /// Whether they are answered, and not embedded or counted.
    pub(crate) answered: bool,
    pub(crate) prompt: Prompt,
    /// Tokens that the answer may have.
    pub(crate) output_bound: u64,
    /// Tokens of the shortest prefix that this model caches.
    pub(crate) shortest_prefix: u64,
}

impl Asked {
    /// Questions about these titles.
    pub(crate) fn about(model: String, titles: Vec<String>, prompt: Prompt, output_bound: u64) -> Self {
        Self { model, titles, answered: true, prompt, output_bound, shortest_prefix: SHORTEST_PREFIX }
    }

    /// Texts that get no answer.
    pub(crate) fn unanswered(model: String, texts: Vec<String>, prompt: Prompt) -> Self {
        Self { answered: false, ..Self::about(model, texts, prompt, 0) }
    }
}

/// With what a question is answered.
pub(crate) struct Answering<'a> {
    pub(crate) oracle: &'a Oracle,
    pub(crate) model: &'a str,
    pub(crate) chosen: Chosen,
    pub(crate) number: u64,
}

/// A reply as it was written.
#[derive(Default)]
pub(crate) struct Written {
    pub(crate) body: Value,
    /// Tokens of all output.
    pub(crate) output_tokens: u64,
    /// Those of them that were thoughts.
    pub(crate) thoughts: u64,
    /// Places of the items that a fault spoiled.
    pub(crate) spoiled: Vec<usize>,
}
