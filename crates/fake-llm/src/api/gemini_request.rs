//! A request for `:generateContent`, and what Gemini refuses of it. Names may be in camel case or in snake case.

use super::content::Form;
use super::gemini::wrong;
use super::talk::{Talk, image_name};
use super::{Failure, schema};
use crate::tokens::{Kept, Prompt};
use serde::Deserialize;
use serde_json::{Map, Value};

/// A request, as far as it matters here.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    contents: Vec<Turn>,
    #[serde(rename = "systemInstruction", alias = "system_instruction")]
    system: Option<Turn>,
    #[serde(rename = "generationConfig", alias = "generation_config", default)]
    pub(crate) config: Config,
    #[serde(rename = "safetySettings", alias = "safety_settings")]
    _safety: Option<Value>,
}

/// Who says what.
#[derive(Deserialize)]
pub(crate) struct Turn {
    role: Option<String>,
    #[serde(default)]
    pub(crate) parts: Vec<Part>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    #[serde(default)]
    pub(crate) text: String,
    #[serde(rename = "inlineData", alias = "inline_data")]
    inline: Option<Inline>,
    #[serde(rename = "mediaResolution", alias = "media_resolution")]
    _resolution: Option<Value>,
}

#[derive(Deserialize)]
struct Inline {
    #[serde(rename = "mimeType", alias = "mime_type")]
    kind: String,
    data: String,
}

/// How to answer.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Config {
    #[serde(alias = "max_output_tokens")]
    pub(crate) max_output_tokens: Option<u64>,
    #[serde(alias = "response_mime_type")]
    response_mime_type: Option<String>,
    #[serde(alias = "response_schema")]
    response_schema: Option<Value>,
    #[serde(alias = "response_json_schema", alias = "_responseJsonSchema")]
    response_json_schema: Option<Value>,
    #[serde(alias = "thinking_config")]
    pub(crate) thinking_config: Option<Thinking>,
    #[serde(alias = "candidate_count")]
    candidate_count: Option<u32>,
    #[serde(alias = "response_logprobs")]
    response_logprobs: Option<bool>,
    logprobs: Option<u32>,
    #[serde(rename = "temperature")]
    _temperature: Option<f64>,
    #[serde(rename = "topP", alias = "top_p")]
    _top_p: Option<f64>,
    #[serde(rename = "topK", alias = "top_k")]
    _top_k: Option<f64>,
    #[serde(rename = "seed")]
    _seed: Option<i64>,
    #[serde(rename = "stopSequences", alias = "stop_sequences")]
    _stop: Option<Vec<String>>,
    #[serde(rename = "mediaResolution", alias = "media_resolution")]
    _resolution: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Thinking {
    #[serde(alias = "thinking_budget")]
    pub(crate) thinking_budget: Option<i64>,
    #[serde(alias = "thinking_level")]
    pub(crate) thinking_level: Option<String>,
    #[serde(alias = "include_thoughts")]
    pub(crate) include_thoughts: Option<bool>,
}

impl Request {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Failure> {
        serde_json::from_slice(body).map_err(|error| wrong(format!("Invalid JSON payload received. {error}")))
    }

    /// Reads what is said, and counts it. Gemini caches a prefix of its own accord ("Context caching", implicit).
    pub(crate) fn talk(&self, prompt: &mut Prompt) -> Result<Talk, Failure> {
        let mut talk = Talk::default();
        for part in self.system.iter().flat_map(|turn| &turn.parts) {
            talk.instruct(&part.text, prompt);
        }
        prompt.mark(Kept::Unasked);
        for turn in &self.contents {
            match turn.role.as_deref() {
                None | Some("user") => talk.user.clear(),
                Some("model") => {
                    turn.parts.iter().for_each(|part| prompt.add(&part.text));
                    continue;
                }
                Some(_) => return Err(wrong("Please use a valid role: user, model.")),
            }
            turn.parts.iter().try_for_each(|part| part.say(&mut talk, prompt))?;
        }
        talk.checked("contents")
    }
}

impl Part {
    pub(crate) fn say(&self, talk: &mut Talk, prompt: &mut Prompt) -> Result<(), Failure> {
        match &self.inline {
            Some(inline) if !inline.kind.starts_with("image/") => {
                return Err(wrong(format!("Unsupported MIME type: {}", inline.kind)));
            }
            Some(inline) => talk.show(image_name(&inline.data, "contents")?, prompt),
            None => talk.say(&self.text, prompt),
        }
        Ok(())
    }
}

impl Config {
    /// The form of the answer.
    pub(crate) fn form(&self) -> Result<Form, Failure> {
        if self.candidate_count.is_some_and(|count| count != 1) {
            return Err(wrong("Multiple candidates is not enabled for this model"));
        }
        if self.response_logprobs == Some(true) || self.logprobs.is_some() {
            return Err(wrong("Logprobs is not enabled for this model"));
        }
        let schema = match (&self.response_schema, &self.response_json_schema) {
            (Some(_), Some(_)) => {
                return Err(wrong("Only one of response_schema and response_json_schema may be set."));
            }
            (Some(schema), None) => Some(lower(schema)),
            (None, schema) => schema.clone(),
        };
        match (self.response_mime_type.as_deref().unwrap_or("text/plain"), schema) {
            ("text/plain", None) => Ok(Form::Text),
            ("application/json", None) => Ok(Form::Json),
            ("application/json", Some(schema)) => Ok(Form::Schema(schema)),
            ("text/x.enum", Some(schema)) => match schema::options(&schema) {
                options if options.is_empty() => Err(wrong("text/x.enum needs a schema with an enum.")),
                options => Ok(Form::Label(options)),
            },
            ("text/plain", Some(_)) => {
                Err(wrong("Function calling with a response mime type: 'text/plain' is unsupported with a schema."))
            }
            (other, _) => Err(wrong(format!(
                "* GenerateContentRequest.generation_config.response_mime_type: {other} is not allowed"
            ))),
        }
    }
}

/// A schema of Google's (an OpenAPI subset) in the words of JSON Schema: its types are in upper case.
fn lower(schema: &Value) -> Value {
    match schema {
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| match value.as_str().filter(|_| name == "type") {
                Some(kind) => (name.clone(), kind.to_lowercase().into()),
                None => (name.clone(), lower(value)),
            };
            fields.iter().map(field).collect::<Map<_, _>>().into()
        }
        Value::Array(values) => values.iter().map(lower).collect(),
        other => other.clone(),
    }
}
