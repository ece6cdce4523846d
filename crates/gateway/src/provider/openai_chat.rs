//! Chat completions of OpenAI and of every server that is compatible with it.
//!
//! Source: <https://developers.openai.com/api/reference/resources/chat> (OpenAPI 2.3.0). Only what is needed is sent:
//! compatible servers refuse what they do not know.

use super::body::Body;
use super::question::{self, Question, answers, item_tokens};
use super::{Api, Item, ItemAnswer, Written, log_probabilities, usage};
use crate::http::REPLY_BYTES;
use crate::plan::{AnswerMode, Model, Route};
use crate::store::Refusal;
use pg_categorize_core::choices::Choices;
use pg_categorize_core::price::Usage;
use pg_categorize_core::prompt::{IMAGE, Instruction, quoted};
use serde_json::Value;

/// Alternatives to each token that are asked for, of at most 20. They are the choices that begin otherwise: few are likely.
const TOP_LOG_PROBABILITIES: &str = "5";

/// Bytes that a reply has for a token with its alternatives.
const LOG_PROBABILITY_BYTES: u64 = 800;

pub(super) struct Chat;

impl Api for Chat {
    fn pack_limit(&self, route: &Route, choices: &Choices) -> usize {
        let limit = question::pack_limit(route, choices);
        if !tells_log_probabilities(&route.model) {
            return limit;
        }
        // A reply that is too long to be read is paid all the same.
        let readable = REPLY_BYTES as u64 / (LOG_PROBABILITY_BYTES * item_tokens(route, choices));
        limit.min(usize::try_from(readable).unwrap_or(usize::MAX))
    }

    fn write(&self, route: &Route, choices: &Choices, items: &[Item<'_>]) -> Result<Written, Refusal> {
        let (provider, model) = (&route.provider, &route.model);
        let question = Question::new(route, choices, items)?;
        let mut body = Body::new(question.bytes());
        body.text("model", &model.name);
        body.json(
            "messages",
            &format!(
                r#"[{{"role":{},"content":{}}},{{"role":"user","content":{}}}]"#,
                quoted(&provider.abilities.instruction_role),
                content(question.instruction, "text", model.cache_breakpoint),
                user(&question),
            ),
        );
        if let Some(schema) = question.schema {
            body.json(
                "response_format",
                &format!(
                    r#"{{"type":"json_schema","json_schema":{{"name":"categories","strict":true,"schema":{schema}}}}}"#
                ),
            );
        }
        body.json(&provider.abilities.max_tokens_field, &question.output_bound.to_string());
        if let Some(effort) = &model.reasoning_effort {
            body.text("reasoning_effort", effort);
        }
        if let Some(temperature) = model.temperature.filter(|temperature| temperature.is_finite()) {
            body.json("temperature", &temperature.to_string());
        }
        if tells_log_probabilities(model) {
            body.json("logprobs", "true");
            body.json("top_logprobs", TOP_LOG_PROBABILITIES);
        }
        if provider.abilities.openai_extras {
            body.json("store", "false");
            body.text("prompt_cache_key", &question.instruction.cache_key);
        }
        let output_bound = question.output_bound;
        Ok(Written { path: "/chat/completions".into(), body: body.end(), messages: 2, hidden: 0, output_bound })
    }

    fn takes_images(&self) -> bool {
        true
    }

    fn read(&self, reply: &Value, choices: &Choices, ids: &[u32]) -> Option<Vec<ItemAnswer>> {
        let choice = reply.get("choices")?.get(0)?;
        let message = choice.get("message")?.as_object()?;
        let refused = message.get("refusal").is_some_and(Value::is_string);
        let cut = matches!(choice.get("finish_reason").and_then(Value::as_str), Some("length" | "content_filter"));
        let text = message.get("content").and_then(text);
        let Some(text) = text.filter(|_| !refused && !cut) else { return Some(question::none(ids)) };
        let mut answers = answers(&text, choices, ids);
        if let Some(tokens) = choice.pointer("/logprobs/content") {
            log_probabilities::refine(&mut answers, &text, tokens, choices);
        }
        Some(answers)
    }

    fn usage(&self, reply: &Value) -> Option<Usage> {
        usage::of_chat(reply.get("usage")?)
    }
}

/// OpenAI refuses to tell them of a model that reasons.
fn tells_log_probabilities(model: &Model) -> bool {
    let reasons = model.reasoning_effort.as_deref().is_some_and(|effort| effort != "none");
    model.log_probabilities && model.mode == AnswerMode::JsonSchema && !reasons
}

/// What is asked about. A text alone is no list of parts: not every server knows these.
fn user(question: &Question<'_>) -> String {
    let data = quoted(&question.data);
    let Some(image) = question.image else { return data };
    // Some 500 pixels across tell what a thing is, for a part of the tokens (OpenAI, "Images and vision": detail).
    format!(
        r#"[{{"type":"text","text":{data}}},{{"type":"text","text":{}}},{{"type":"image_url","image_url":{{"url":{},"detail":"low"}}}}]"#,
        quoted(IMAGE),
        quoted(&image.data_url()),
    )
}

/// A message's content, marked as the end of what is cached where the model wants that (OpenAI, "Prompt caching").
pub(super) fn content(instruction: &Instruction, kind: &str, cache_breakpoint: bool) -> String {
    if !cache_breakpoint {
        return instruction.json.clone();
    }
    format!(r#"[{{"type":"{kind}","text":{},"prompt_cache_breakpoint":{{"mode":"explicit"}}}}]"#, instruction.json)
}

/// A content as text: it is a string, or parts of which some are text.
fn text(content: &Value) -> Option<String> {
    match content {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => Some(parts.iter().filter_map(|part| part.get("text")?.as_str()).collect()),
        _ => None,
    }
}
