//! Requests that a user has written himself: what they can cost at most is told by their bytes and by what they allow to be written.
//!
//! A token of text is at least a byte, so that the bytes of a body bound its input, as long as all that is read is in the body. What
//! is charged otherwise (images, files, searches, dearer tiers of service, caches that are written) is refused, and so is every key
//! that is not known here: what it costs is not known either.

mod text;

use crate::error::{Error, Result};
use serde_json::{Map, Value};

/// Tokens that a chat template has around a message.
const MESSAGE: u64 = 64;

/// Tokens that providers put before the model where it has tools or a schema to hold to. Anthropic documents up to 804 for tools
/// (<https://platform.claude.com/docs/en/agents-and-tools/tool-use/overview>, "Pricing").
const TOOLS: u64 = 1024;

/// Bytes of a body; the batches of no provider take more in a line than live calls do, and these are smaller.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// What a generation of Gemini may be told: other than text is charged otherwise.
const CONFIGURATION: &[&str] = &[
    "maxOutputTokens",
    "candidateCount",
    "temperature",
    "topP",
    "topK",
    "stopSequences",
    "seed",
    "presencePenalty",
    "frequencyPenalty",
    "responseMimeType",
    "responseSchema",
    "responseJsonSchema",
    "responseLogprobs",
    "logprobs",
    "thinkingConfig",
];

/// Which API a request is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// Chat completions of OpenAI and those who speak as it does.
    ChatCompletions,
    /// Embeddings of the same.
    Embeddings,
    /// Messages of Anthropic.
    Messages,
    /// `generateContent` of Gemini.
    GenerateContent,
}

/// A request that may be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct RawRequest {
    /// What it is written for.
    pub endpoint: Endpoint,
    /// The model.
    pub model: String,
    /// The body as it is sent.
    pub body: Value,
    /// Tokens that it can have.
    pub input_bound: u64,
    /// Tokens that may be written.
    pub output_bound: u64,
    /// Texts of which it asks for vectors; 1 where it asks for something else.
    pub inputs: u32,
}

impl Endpoint {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::ChatCompletions, Self::Embeddings, Self::Messages, Self::GenerateContent];

    /// Its name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ChatCompletions => "chat_completions",
            Self::Embeddings => "embeddings",
            Self::Messages => "messages",
            Self::GenerateContent => "generate_content",
        }
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|endpoint| endpoint.name() == name)
    }

    /// That of a body for a provider of this kind; `None` where it has no batches.
    fn of(kind: &str, body: &Map<String, Value>) -> Option<Self> {
        match kind {
            "openai" if body.contains_key("input") && !body.contains_key("messages") => Some(Self::Embeddings),
            "openai" => Some(Self::ChatCompletions),
            "anthropic" => Some(Self::Messages),
            "gemini" => Some(Self::GenerateContent),
            _ => None,
        }
    }

    /// The keys that a body may have.
    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::ChatCompletions => &[
                "model",
                "messages",
                "max_completion_tokens",
                "max_tokens",
                "n",
                "temperature",
                "top_p",
                "stop",
                "seed",
                "response_format",
                "tools",
                "tool_choice",
                "parallel_tool_calls",
                "reasoning_effort",
                "verbosity",
                "logprobs",
                "top_logprobs",
                "presence_penalty",
                "frequency_penalty",
                "logit_bias",
                "user",
                "safety_identifier",
            ],
            Self::Embeddings => &["model", "input", "dimensions", "encoding_format", "user"],
            Self::Messages => &[
                "model",
                "messages",
                "system",
                "max_tokens",
                "temperature",
                "top_p",
                "top_k",
                "stop_sequences",
                "tools",
                "tool_choice",
                "thinking",
                "metadata",
                "output_config",
            ],
            Self::GenerateContent => {
                &["model", "contents", "systemInstruction", "generationConfig", "tools", "toolConfig", "safetySettings"]
            }
        }
    }

    /// The keys of what the model reads.
    fn read(self) -> &'static [&'static str] {
        match self {
            Self::ChatCompletions => &["messages"],
            Self::Embeddings => &["input"],
            Self::Messages => &["messages", "system"],
            Self::GenerateContent => &["contents", "systemInstruction"],
        }
    }

    /// The first of them, without which there is no request.
    fn required(self) -> &'static str {
        self.read()[0]
    }
}

/// What a body for a provider of this kind asks, and what it is bound by. `model` is asked where the body names none.
///
/// # Errors
/// 22023 where it cannot be told what it may cost, with what is missing.
pub fn read(kind: &str, body: &Value, model: Option<&str>) -> Result<RawRequest> {
    let Value::Object(given) = body else { return Err(Error::invalid("the body of a request must be a JSON object")) };
    let endpoint = Endpoint::of(kind, given).ok_or_else(|| {
        Error::invalid(format!("providers of kind \"{kind}\" take no batches"))
            .hint("Those of the kinds openai, anthropic and gemini do.")
    })?;
    refuse_unknown(given, endpoint)?;
    if !given.contains_key(endpoint.required()) {
        return Err(Error::invalid(format!("the body of a request has no \"{}\"", endpoint.required()))
            .hint("Pass the body that a live call would send."));
    }
    for key in endpoint.read() {
        given.get(*key).map_or(Ok(()), |read| text::refuse_other_than_text(read, endpoint))?;
    }
    refuse_server_tools(given, endpoint)?;
    let named = given.get("model").map(|name| name.as_str().filter(|name| !name.is_empty()));
    let model = match named {
        Some(Some(name)) => name,
        Some(None) => return Err(Error::invalid("the model of a request must be a name")),
        None => model.ok_or_else(|| {
            Error::invalid("the body of a request names no model").hint("Add a \"model\", or give the provider one.")
        })?,
    };
    let model = model.strip_prefix("models/").filter(|_| endpoint == Endpoint::GenerateContent).unwrap_or(model);
    let mut sent = given.clone();
    match endpoint {
        // It is in the address.
        Endpoint::GenerateContent => _ = sent.remove("model"),
        _ => _ = sent.insert("model".to_owned(), model.into()),
    }
    let output_bound = output_bound(given, endpoint)?;
    let sent = Value::Object(sent);
    let bytes = sent.to_string().len();
    if bytes > MOST_BYTES {
        return Err(Error::invalid("the body of a request is too large")
            .detail(format!("It has {bytes} bytes; {MOST_BYTES} are taken.")));
    }
    let has_tools =
        ["tools", "response_format", "output_config", "generationConfig"].iter().any(|key| given.contains_key(*key));
    let messages = given.get(endpoint.required()).and_then(Value::as_array).map_or(1, Vec::len) as u64 + 1;
    let input_bound =
        (bytes as u64).saturating_add(MESSAGE.saturating_mul(messages)) + if has_tools { TOOLS } else { 0 };
    let inputs = inputs(given, endpoint);
    Ok(RawRequest { endpoint, model: model.to_owned(), body: sent, input_bound, output_bound, inputs })
}

fn refuse_unknown(body: &Map<String, Value>, endpoint: Endpoint) -> Result<()> {
    only(body, endpoint.keys())?;
    match body.get("generationConfig") {
        Some(Value::Object(config)) => only(config, CONFIGURATION),
        Some(_) => Err(Error::invalid("\"generationConfig\" must be a JSON object")),
        None => Ok(()),
    }
}

fn only(given: &Map<String, Value>, keys: &[&str]) -> Result<()> {
    match given.keys().find(|key| !keys.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => Err(Error::invalid(format!("what a body costs is not known that has {}", shown(key)))
            .hint(format!("Known are: {}.", keys.join(", ")))),
    }
}

/// A key as it is shown: what is none of a usual API may be anybody's text.
fn shown(key: &str) -> String {
    let is_name = key.len() <= 40 && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_name { format!("\"{key}\"") } else { "such a key".to_owned() }
}

/// Tools that the provider runs itself have prices of their own; those that the caller runs have a name and a schema.
fn refuse_server_tools(body: &Map<String, Value>, endpoint: Endpoint) -> Result<()> {
    let Some(tools) = body.get("tools") else { return Ok(()) };
    let is_ours = |tool: &Value| match endpoint {
        Endpoint::ChatCompletions => tool.get("type").is_some_and(|kind| kind == "function"),
        Endpoint::Messages => {
            tool.get("cache_control").is_none() && tool.get("type").is_none_or(|kind| kind == "custom")
        }
        Endpoint::GenerateContent => {
            tool.as_object().is_some_and(|tool| tool.keys().all(|key| key == "functionDeclarations"))
        }
        Endpoint::Embeddings => false,
    };
    if tools.as_array().is_some_and(|tools| tools.iter().all(is_ours)) {
        return Ok(());
    }
    Err(Error::invalid("what a body costs is not known that has tools of the provider")
        .hint("Tools that are functions of your own are taken."))
}

/// How many vectors a request asks for: `input` is a text, a list of tokens, or a list of either.
fn inputs(body: &Map<String, Value>, endpoint: Endpoint) -> u32 {
    let list = body.get("input").and_then(Value::as_array).filter(|_| endpoint == Endpoint::Embeddings);
    let texts = list.filter(|list| !list.iter().all(Value::is_number)).map_or(1, Vec::len);
    u32::try_from(texts).unwrap_or(u32::MAX).max(1)
}

/// Tokens that may be written.
fn output_bound(body: &Map<String, Value>, endpoint: Endpoint) -> Result<u64> {
    let config = body.get("generationConfig").and_then(Value::as_object);
    let (limits, times): ([Option<&Value>; 2], Option<&Value>) = match endpoint {
        Endpoint::Embeddings => return Ok(0),
        Endpoint::ChatCompletions => ([body.get("max_completion_tokens"), body.get("max_tokens")], body.get("n")),
        Endpoint::Messages => ([body.get("max_tokens"), None], None),
        Endpoint::GenerateContent => {
            let of = |key| config.and_then(|config| config.get(key));
            ([of("maxOutputTokens"), None], of("candidateCount"))
        }
    };
    let number = |value: &Value| value.as_u64().filter(|number| *number > 0);
    let unclear = || Error::invalid("the limits of a request must be whole numbers above 0");
    let mut bound = None;
    for limit in limits.into_iter().flatten() {
        bound = bound.max(Some(number(limit).ok_or_else(unclear)?));
    }
    let bound = bound.ok_or_else(|| {
        let key = match endpoint {
            Endpoint::ChatCompletions => "max_completion_tokens",
            Endpoint::GenerateContent => "generationConfig.maxOutputTokens",
            Endpoint::Messages | Endpoint::Embeddings => "max_tokens",
        };
        Error::invalid("the body of a request does not limit what may be written")
            .detail("Without a limit nobody knows what it may cost.")
            .hint(format!("Add \"{key}\"."))
    })?;
    bound.checked_mul(times.map_or(Ok(1), |times| number(times).ok_or_else(unclear))?).ok_or_else(unclear)
}

#[cfg(test)]
mod tests;
