//! Messages of Anthropic.
//!
//! Source: <https://platform.claude.com/docs/en/api/messages> and "Structured outputs", version 2023-06-01, which is sent as a
//! header. No sampling parameters and no forced tool are sent: newer models refuse them.

use super::body::Body;
use super::question::{self, Question, answers};
use super::{Api, Item, ItemAnswer, Written, usage};
use crate::plan::Route;
use crate::store::Refusal;
use pg_categorize_core::choices::Choices;
use pg_categorize_core::price::Usage;
use pg_categorize_core::prompt::{IMAGE, quoted};
use serde_json::Value;

/// Tokens of the system prompt that explains the format of an answer where one is asked for ("Structured outputs": "an
/// additional system prompt"). Its length is not said; that of tools, which is, has some hundred ("Tool use: pricing"). The
/// schema itself is counted as a part of the body.
const FORMAT_TOKENS: u64 = 1024;

pub(super) struct Messages;

impl Api for Messages {
    fn pack_limit(&self, route: &Route, choices: &Choices) -> usize {
        question::pack_limit(route, choices)
    }

    fn write(&self, route: &Route, choices: &Choices, items: &[Item<'_>]) -> Result<Written, Refusal> {
        let model = &route.model;
        let question = Question::new(route, choices, items)?;
        let mut body = Body::new(question.bytes());
        body.text("model", &model.name);
        body.json("max_tokens", &question.output_bound.to_string());
        // For the five minutes that are the default, and the cheapest: a run asks again within seconds. A prefix shorter than
        // its model's least (512 to 4096 tokens, "Prompt caching") is not cached, and marking it costs nothing.
        let cached = if model.cache_breakpoint { r#","cache_control":{"type":"ephemeral"}"# } else { "" };
        body.json("system", &format!(r#"[{{"type":"text","text":{}{cached}}}]"#, question.instruction.json));
        body.json("messages", &format!(r#"[{{"role":"user","content":{}}}]"#, user(&question)));
        let effort = model.reasoning_effort.as_deref();
        if effort == Some("none") {
            body.json("thinking", r#"{"type":"disabled"}"#);
        }
        let mut output = Body::new(question.schema.map_or(0, str::len));
        if let Some(schema) = question.schema {
            output.json("format", &format!(r#"{{"type":"json_schema","schema":{schema}}}"#));
        }
        if let Some(effort) = effort.filter(|effort| *effort != "none") {
            output.text("effort", effort);
        }
        if !output.is_empty() {
            body.json("output_config", &output.end());
        }
        let hidden = if question.schema.is_some() { FORMAT_TOKENS } else { 0 };
        let output_bound = question.output_bound;
        Ok(Written { path: "/v1/messages".into(), body: body.end(), messages: 2, hidden, output_bound })
    }

    fn takes_images(&self) -> bool {
        true
    }

    fn read(&self, reply: &Value, choices: &Choices, ids: &[u32]) -> Option<Vec<ItemAnswer>> {
        let blocks = reply.get("content")?.as_array()?;
        // What was cut or refused need not be of the schema; what was interrupted is not all.
        let ended = matches!(reply.get("stop_reason"), None | Some(Value::Null))
            || matches!(reply.get("stop_reason").and_then(Value::as_str), Some("end_turn" | "stop_sequence"));
        if !ended {
            return Some(question::none(ids));
        }
        // Thoughts come in blocks of their own.
        let is_text = |block: &&Value| block.get("type").and_then(Value::as_str) == Some("text");
        let text: String = blocks.iter().filter(is_text).filter_map(|block| block.get("text")?.as_str()).collect();
        Some(answers(&text, choices, ids))
    }

    fn usage(&self, reply: &Value) -> Option<Usage> {
        usage::of_message(reply.get("usage")?)
    }
}

/// What is asked about: an image is looked at best before the text ("Vision").
fn user(question: &Question<'_>) -> String {
    let data = quoted(&question.data);
    let Some(image) = question.image else { return data };
    format!(
        r#"[{{"type":"image","source":{{"type":"base64","media_type":"{}","data":{}}}}},{{"type":"text","text":{}}},{{"type":"text","text":{data}}}]"#,
        image.kind().media_type(),
        quoted(image.base64()),
        quoted(IMAGE),
    )
}
