//! `generateContent` of Gemini.
//!
//! Source: <https://ai.google.dev/api/generate-content>, "Structured outputs" and "Thinking".

use super::body::Body;
use super::question::{self, Question, answers};
use super::{Api, Item, ItemAnswer, Written, refusal, usage};
use crate::plan::Route;
use crate::store::Refusal;
use pg_categorize_core::choices::Choices;
use pg_categorize_core::image::ImageType;
use pg_categorize_core::price::Usage;
use pg_categorize_core::prompt::{IMAGE, quoted};
use serde_json::Value;
use std::fmt::Write;

/// How much of an image is looked at. This one counts for 256 tokens up to 2.5 and 560 from 3 on ("Media resolution");
/// without it a large image is cut into as many tiles as it has.
const RESOLUTION: &str = "MEDIA_RESOLUTION_MEDIUM";

pub(super) struct Generate;

impl Api for Generate {
    fn pack_limit(&self, route: &Route, choices: &Choices) -> usize {
        question::pack_limit(route, choices)
    }

    fn write(&self, route: &Route, choices: &Choices, items: &[Item<'_>]) -> Result<Written, Refusal> {
        let model = &route.model;
        let question = Question::new(route, choices, items)?;
        if question.image.is_some_and(|image| image.kind() == ImageType::Gif) {
            return Err(refusal(route, "reads no GIF images"));
        }
        let mut body = Body::new(question.bytes());
        body.json("contents", &format!(r#"[{{"role":"user","parts":{}}}]"#, parts(&question)));
        body.json("systemInstruction", &format!(r#"{{"parts":[{{"text":{}}}]}}"#, question.instruction.json));
        let mut config = Body::new(question.schema.map_or(0, str::len));
        config.json("maxOutputTokens", &question.output_bound.to_string());
        if let Some(schema) = question.schema {
            config.text("responseMimeType", "application/json");
            config.json("responseJsonSchema", schema);
        }
        if let Some(effort) = &model.reasoning_effort {
            config.json("thinkingConfig", &thinking(effort));
        }
        if let Some(temperature) = model.temperature.filter(|temperature| temperature.is_finite()) {
            config.json("temperature", &temperature.to_string());
        }
        if question.image.is_some() {
            config.text("mediaResolution", RESOLUTION);
        }
        body.json("generationConfig", &config.end());
        let (path, output_bound) = (path(&model.name, "generateContent"), question.output_bound);
        Ok(Written { path: path.into(), body: body.end(), messages: 2, hidden: 0, output_bound })
    }

    fn takes_images(&self) -> bool {
        true
    }

    fn read(&self, reply: &Value, choices: &Choices, ids: &[u32]) -> Option<Vec<ItemAnswer>> {
        let Some(candidate) = reply.get("candidates").and_then(|candidates| candidates.get(0)) else {
            // Without one, something in the request was not to be answered, which the reply says.
            return reply.pointer("/promptFeedback/blockReason").map(|_| question::none(ids));
        };
        let candidate = candidate.as_object()?;
        if !matches!(candidate.get("finishReason").and_then(Value::as_str), None | Some("STOP")) {
            return Some(question::none(ids));
        }
        let parts = candidate.get("content").and_then(|content| content.get("parts")).and_then(Value::as_array);
        let is_thought = |part: &Value| part.get("thought").and_then(Value::as_bool) == Some(true);
        let parts = parts.into_iter().flatten().filter(|part| !is_thought(part));
        let text: String = parts.filter_map(|part| part.get("text")?.as_str()).collect();
        Some(answers(&text, choices, ids))
    }

    fn usage(&self, reply: &Value) -> Option<Usage> {
        usage::of_generation(reply.get("usageMetadata")?)
    }
}

/// The path of a model's method, whatever its name is.
pub(crate) fn path(model: &str, method: &str) -> String {
    let mut path = String::from("/v1beta/models/");
    for byte in bare(model).bytes() {
        // The characters that no URL needs to escape (RFC 3986, 2.3).
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            path.push(char::from(byte));
        } else {
            _ = write!(path, "%{byte:02X}");
        }
    }
    path + ":" + method
}

/// A model's name without the collection it is in, which may be written before it.
pub(crate) fn bare(model: &str) -> &str {
    model.strip_prefix("models/").unwrap_or(model)
}

/// How much it may think. Models up to 2.5 take a number of tokens, of which 0 turns it off; later ones a level.
fn thinking(effort: &str) -> String {
    match (effort, effort.parse::<u32>()) {
        ("none", _) => r#"{"thinkingBudget":0}"#.to_owned(),
        (_, Ok(tokens)) => format!(r#"{{"thinkingBudget":{tokens}}}"#),
        (level, Err(_)) => format!(r#"{{"thinkingLevel":{}}}"#, quoted(&level.to_ascii_uppercase())),
    }
}

fn parts(question: &Question<'_>) -> String {
    let data = quoted(&question.data);
    let Some(image) = question.image else { return format!(r#"[{{"text":{data}}}]"#) };
    format!(
        r#"[{{"inlineData":{{"mimeType":"{}","data":{}}}}},{{"text":{}}},{{"text":{data}}}]"#,
        image.kind().media_type(),
        quoted(image.base64()),
        quoted(IMAGE),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_of_a_model_leaves_its_place_in_the_path() {
        let path = |model| path(model, "generateContent");
        assert_eq!(path("models/gemini-2.5-flash"), "/v1beta/models/gemini-2.5-flash:generateContent");
        assert_eq!(path("../x?k=v#f%2F\u{e9}:m"), "/v1beta/models/..%2Fx%3Fk%3Dv%23f%252F%C3%A9%3Am:generateContent");
        for model in ["..", ".", "../../keys", "a\\b", "a b"] {
            let url = super::super::url("https://example.com/v1", &path(model)).unwrap();
            assert!(url.path().starts_with("/v1/models/") && url.path().matches('/').count() == 3, "{url}");
        }
    }

    #[test]
    fn thinking_is_told_as_its_model_takes_it() {
        assert_eq!(thinking("none"), r#"{"thinkingBudget":0}"#);
        assert_eq!(thinking("512"), r#"{"thinkingBudget":512}"#);
        assert_eq!(thinking("low"), r#"{"thinkingLevel":"LOW"}"#);
    }
}
