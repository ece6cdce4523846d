//! `POST /v1/messages` (Anthropic, API reference, "Messages").

use super::anthropic::Anthropic;
use super::anthropic_request::{Request, shortest_prefix, thinks};
use super::content::Form;
use super::task::{End, Task};
use super::{Answering, Api, Asked, Failure, Incoming, Written};
use crate::oracle::Oracle;
use crate::tokens::{Prompt, Tokens, count};
use serde_json::{Value, json};

/// What a model thinks that always thinks.
const THOUGHT: &str = "The title names a kind of thing. I compare it with each category and take the nearest one.";

pub(crate) struct AnthropicMessages;

pub(crate) struct Question {
    task: Task,
    /// The tool whose input the answer is.
    tool: Option<String>,
}

impl Api for AnthropicMessages {
    type Provider = Anthropic;
    type Question = Question;

    const NAME: &'static str = "anthropic_messages";

    fn read(incoming: &Incoming<'_>, oracle: &Oracle) -> Result<(Asked, Question), Failure> {
        let request = Request::read(incoming)?;
        let most = request.max_tokens.filter(|most| *most > 0);
        let most = most.ok_or_else(|| Failure::invalid("max_tokens: Field required", "max_tokens"))?;
        let mut prompt = Prompt::default();
        let talk = request.talk(&mut prompt)?;
        let tool = request.tool();
        let schema = tool.map(|tool| tool.input_schema.clone()).or_else(|| request.schema());
        let tool = tool.map(|tool| tool.name.clone());
        let task = Task::new(schema.map_or(Form::Text, Form::Schema), &talk, Some(most), oracle);
        let shortest_prefix = shortest_prefix(&request.model);
        let asked = Asked::about(request.model, task.items.names(oracle), prompt, most);
        Ok((Asked { shortest_prefix, ..asked }, Question { task, tool }))
    }

    fn answer(asked: &Asked, question: Question, with: &Answering<'_>) -> Written {
        let Question { task, tool } = question;
        let thoughts = match thinks(&asked.model) {
            true => count(THOUGHT.len() as u64).min(task.most_tokens.unwrap_or(u64::MAX)),
            false => 0,
        };
        let speech = task.speak(asked, with, thoughts);
        let mut content = Vec::new();
        if thoughts > 0 {
            content.push(json!({"type": "thinking", "thinking": THOUGHT, "signature": "ZmFrZQ=="}));
        }
        let input = tool.as_ref().and_then(|_| serde_json::from_str::<Value>(&speech.text).ok());
        let used = input.is_some() && speech.end == End::Whole;
        match (tool, input) {
            (Some(name), Some(input)) if used => {
                content.push(
                    json!({"type": "tool_use", "id": format!("toolu_{}", with.number), "name": name, "input": input}),
                );
            }
            // What was cut before its first word has no block.
            _ if speech.text.is_empty() => {}
            _ => content.push(json!({"type": "text", "text": speech.text})),
        }
        let stop_reason = match speech.end {
            End::Whole if used => "tool_use",
            End::Whole => "end_turn",
            End::Cut => "max_tokens",
            End::Refused => "refusal",
        };
        let body = json!({
            "id": format!("msg_{}", with.number),
            "type": "message",
            "role": "assistant",
            "model": asked.model,
            "content": content,
            "stop_reason": stop_reason,
            "stop_sequence": null,
        });
        Written { body, output_tokens: speech.tokens + thoughts, thoughts, spoiled: speech.spoiled }
    }

    /// Input is plain input only; what the cache had or got is beside it.
    fn usage(tokens: &Tokens, thoughts: u64) -> Value {
        json!({
            "input_tokens": tokens.input,
            "cache_creation_input_tokens": tokens.cache_write + tokens.cache_write_long,
            "cache_read_input_tokens": tokens.cached_input,
            "cache_creation": {
                "ephemeral_5m_input_tokens": tokens.cache_write,
                "ephemeral_1h_input_tokens": tokens.cache_write_long,
            },
            "output_tokens": tokens.output,
            "output_tokens_details": {"thinking_tokens": thoughts},
            "service_tier": "standard",
        })
    }
}
