//! A request for `POST /v1/messages`, and what Anthropic refuses of it.

use super::anthropic::{WITHOUT_SAMPLING, version};
use super::anthropic_schema::fault_in;
use super::talk::{Talk, image_name, image_of_url};
use super::{Failure, Incoming};
use crate::tokens::{Kept, Prompt};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Parameters that are taken and have no effect here.
const WITHOUT_EFFECT: [&str; 7] =
    ["container", "inference_geo", "metadata", "service_tier", "speed", "stop_sequences", "thinking"];

const SAMPLING: [&str; 3] = ["temperature", "top_k", "top_p"];

/// Models that always think, and refuse to be forced to a tool.
const THINKS: [&str; 4] = ["claude-sonnet-5-5", "claude-opus-5-5", "claude-fable-5-1", "claude-mythos-5-1"];

/// Models that never take sampling parameters, beside those that always think.
const NO_SAMPLING: [&str; 4] = ["claude-haiku-5-5", "claude-sonnet-5", "claude-opus-4-8", "claude-opus-5"];

/// A request, as far as it matters here.
#[derive(Deserialize)]
pub(crate) struct Request {
    pub(crate) model: String,
    pub(crate) max_tokens: Option<u64>,
    messages: Vec<Message>,
    system: Option<Content>,
    output_config: Option<OutputConfig>,
    #[serde(default)]
    tools: Vec<Tool>,
    tool_choice: Option<Value>,
    stream: Option<bool>,
    /// Marks the end of the last message.
    cache_control: Option<Value>,
    #[serde(flatten)]
    other: Map<String, Value>,
}

#[derive(Deserialize)]
struct Message {
    role: String,
    content: Content,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Blocks(Vec<Block>),
}

#[derive(Deserialize)]
struct Block {
    r#type: String,
    #[serde(default)]
    text: String,
    source: Option<Value>,
    cache_control: Option<Value>,
}

#[derive(Deserialize)]
struct OutputConfig {
    format: Option<Value>,
}

#[derive(Deserialize)]
pub(crate) struct Tool {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) input_schema: Value,
}

/// Whether a model always thinks.
pub(crate) fn thinks(model: &str) -> bool {
    THINKS.iter().any(|family| model.starts_with(family))
}

/// Tokens of the shortest prefix that a model caches ("Prompt caching").
pub(crate) fn shortest_prefix(model: &str) -> u64 {
    let of = |families: &[&str]| families.iter().any(|family| model.starts_with(family));
    match () {
        () if of(&["claude-haiku-4-5", "claude-opus-4-5", "claude-opus-4-6"]) => 4096,
        () if thinks(model) || of(&["claude-haiku-5-5", "claude-opus-5"]) => 512,
        () => 1024,
    }
}

fn wrong(message: impl Into<String>) -> Failure {
    Failure::invalid(message, "body")
}

impl Request {
    pub(crate) fn read(incoming: &Incoming<'_>) -> Result<Self, Failure> {
        let version = version(incoming)?;
        let request: Self = serde_json::from_slice(incoming.body).map_err(|error| wrong(error.to_string()))?;
        request.check(version)?;
        Ok(request)
    }

    fn check(&self, version: &str) -> Result<(), Failure> {
        let model = self.model.as_str();
        let known = |name: &&String| WITHOUT_EFFECT.contains(&name.as_str()) || SAMPLING.contains(&name.as_str());
        if let Some(name) = self.other.keys().find(|name| !known(name)) {
            return Err(wrong(format!("{name}: Extra inputs are not permitted")));
        }
        let refuses = version >= WITHOUT_SAMPLING || thinks(model) || NO_SAMPLING.iter().any(|m| model.starts_with(m));
        if let Some(name) = SAMPLING.iter().find(|name| refuses && self.other.contains_key(**name)) {
            return Err(wrong(format!("{name}: this parameter is not supported")));
        }
        let forced =
            self.tool_choice.as_ref().is_some_and(|choice| choice["type"] == "tool" || choice["type"] == "any");
        if forced && (thinks(model) || self.other.get("thinking").is_some_and(|how| how["type"] == "enabled")) {
            return Err(wrong("tool_choice: thinking may not be enabled when tool_choice forces tool use."));
        }
        if forced && self.tool().is_none() {
            return Err(wrong("tool_choice: the tool is not among the tools"));
        }
        if self.stream == Some(true) {
            return Err(wrong("stream: this server has none"));
        }
        if self.messages.last().is_some_and(|message| message.role == "assistant") {
            return Err(wrong("messages: this server has no prefilled answers"));
        }
        match self.schema().and_then(|schema| fault_in(&schema)) {
            Some(fault) => Err(wrong(format!("output_config.format.schema: {fault}"))),
            None => Ok(()),
        }
    }

    /// The tool that the answer has to be the input of.
    pub(crate) fn tool(&self) -> Option<&Tool> {
        let choice = self.tool_choice.as_ref()?;
        match choice["type"].as_str()? {
            "any" => self.tools.first(),
            "tool" => self.tools.iter().find(|tool| choice["name"] == tool.name),
            _ => None,
        }
    }

    /// The schema that the answer has to keep.
    pub(crate) fn schema(&self) -> Option<Value> {
        let format = self.output_config.as_ref()?.format.as_ref()?;
        Some(format["schema"].clone()).filter(|_| format["type"] == "json_schema")
    }

    /// Reads what is said, and counts it in the order in which prefixes are cached: tools, system, messages.
    pub(crate) fn talk(&self, prompt: &mut Prompt) -> Result<Talk, Failure> {
        let mut talk = Talk::default();
        if let Some(schema) = self.schema() {
            prompt.add(&schema.to_string());
        }
        for tool in &self.tools {
            prompt.add(&tool.name);
            prompt.add(&tool.input_schema.to_string());
        }
        if let Some(system) = &self.system {
            system.read(prompt, |block, prompt| {
                talk.instruct(&block.text, prompt);
                Ok(())
            })?;
        }
        for message in &self.messages {
            match message.role.as_str() {
                "user" => talk.user.clear(),
                "assistant" => {
                    message.content.read(prompt, |block, prompt| {
                        prompt.add(&block.text);
                        Ok(())
                    })?;
                    continue;
                }
                other => return Err(wrong(format!("messages.role: {other:?} is neither 'user' nor 'assistant'"))),
            }
            message.content.read(prompt, |block, prompt| block.say(&mut talk, prompt))?;
        }
        mark(self.cache_control.as_ref(), prompt);
        talk.checked("messages")
    }
}

impl Content {
    fn read(
        &self,
        prompt: &mut Prompt,
        mut see: impl FnMut(&Block, &mut Prompt) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        match self {
            Self::Text(text) => {
                let block = Block { r#type: "text".to_owned(), text: text.clone(), source: None, cache_control: None };
                see(&block, prompt)
            }
            Self::Blocks(blocks) => blocks.iter().try_for_each(|block| {
                see(block, prompt)?;
                mark(block.cache_control.as_ref(), prompt);
                Ok(())
            }),
        }
    }
}

fn mark(control: Option<&Value>, prompt: &mut Prompt) {
    if let Some(control) = control.filter(|control| control["type"] == "ephemeral") {
        prompt.mark(if control["ttl"] == "1h" { Kept::Hour } else { Kept::Minutes });
    }
}

impl Block {
    fn say(&self, talk: &mut Talk, prompt: &mut Prompt) -> Result<(), Failure> {
        match (self.r#type.as_str(), &self.source) {
            ("text", _) => talk.say(&self.text, prompt),
            ("image", Some(source)) => {
                let text = |name: &str| source[name].as_str().unwrap_or_default();
                let image = match text("type") {
                    "base64" if text("media_type").starts_with("image/") => image_name(text("data"), "messages")?,
                    "url" => image_of_url(text("url"), "messages")?,
                    _ => return Err(wrong("messages.content.source: neither an image in base64 nor a URL")),
                };
                talk.show(image, prompt);
            }
            (other, _) => return Err(wrong(format!("messages.content.type: this server does not read {other:?}"))),
        }
        Ok(())
    }
}
