//! One line: it is answered by the same API that answers it live, at half the price.

use super::job::{Job, Line, Whose};
use crate::account::title_key;
use crate::api::{
    Answering, AnthropicMessages, Api, Failure, GeminiEmbed, GeminiGenerate, Incoming, OpenAiChat, OpenAiEmbeddings,
    written,
};
use crate::faults::Chosen;
use crate::random;
use crate::server::State;
use axum::http::{HeaderMap, HeaderValue, Uri};
use serde_json::Value;

/// What became of a line that was run.
pub(crate) struct Ran {
    /// The reply, or why there is none.
    pub(crate) reply: Result<Value, Failure>,
    /// What it costs, in nano-dollars.
    pub(crate) cost: i64,
    /// What it would have cost live.
    pub(crate) live_cost: i64,
    /// Its titles, as the account tells them apart.
    pub(crate) titles: Vec<u64>,
}

/// Runs a line.
pub(crate) fn run(state: &State, job: &Job, line: &Line, number: u64) -> Ran {
    match (job.whose, job.endpoint.as_str()) {
        (Whose::OpenAi, "/v1/embeddings") => run_by::<OpenAiEmbeddings>(state, job, line, number),
        (Whose::OpenAi, _) => run_by::<OpenAiChat>(state, job, line, number),
        (Whose::Anthropic, _) => run_by::<AnthropicMessages>(state, job, line, number),
        (Whose::Gemini, "asyncBatchEmbedContent") => run_by::<GeminiEmbed>(state, job, line, number),
        (Whose::Gemini, _) => run_by::<GeminiGenerate>(state, job, line, number),
    }
}

fn run_by<A: Api>(state: &State, job: &Job, line: &Line, number: u64) -> Ran {
    let failed = |failure| Ran { reply: Err(failure), cost: 0, live_cost: 0, titles: Vec::new() };
    let mut headers = HeaderMap::new();
    if let Ok(version) = HeaderValue::from_str(&job.version) {
        headers.insert("anthropic-version", version);
    }
    // Gemini's model is in the address, which a model's name may not fit into.
    let uri = format!("/v1beta/models/{}:run", job.model).parse::<Uri>().unwrap_or_default();
    let incoming = Incoming { uri: &uri, headers: &headers, body: &line.body };
    let (asked, question) = match A::read(&incoming, &state.oracle) {
        Ok(read) => read,
        Err(failure) => return failed(failure),
    };
    let tokens = asked.prompt.tokens();
    if let Some(limit) = state.config.max_input_tokens.filter(|limit| tokens > *limit) {
        return failed(Failure::ContextLength { limit, tokens });
    }
    let scope = random::hash(job.owner, &asked.model);
    let with = Answering { oracle: &state.oracle, model: &asked.model, chosen: Chosen::default(), number };
    let (body, tokens, _) = written::<A>(state, scope, &asked, question, &with);
    let model = state.config.model(&asked.model);
    let titles = if asked.answered { asked.titles.iter().map(|title| title_key(title)).collect() } else { Vec::new() };
    Ran { reply: Ok(body), cost: tokens.batch_cost(&model), live_cost: tokens.cost(&model), titles }
}
