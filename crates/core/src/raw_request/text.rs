//! What a model reads has to be text: the bytes of an image or of a file say nothing of its tokens.

use super::Endpoint;
use crate::error::{Error, Result};
use serde_json::{Map, Value};

/// The kinds of parts whose tokens are in the body.
const KINDS: [&str; 8] =
    ["text", "refusal", "tool_use", "tool_result", "function", "thinking", "redacted_thinking", "input_text"];

/// The keys of messages and of their parts.
const KEYS: [&str; 24] = [
    "role",
    "content",
    "text",
    "type",
    "name",
    "refusal",
    "tool_calls",
    "tool_call_id",
    "function",
    "arguments",
    "id",
    "input",
    "tool_use_id",
    "is_error",
    "thinking",
    "signature",
    "data",
    "parts",
    "functionCall",
    "functionResponse",
    "args",
    "response",
    "thoughtSignature",
    "thought",
];

/// Keys below which anything may be: it is read as it is written.
const OPAQUE: [&str; 5] = ["arguments", "input", "args", "response", "data"];

/// Refuses parts that are no text.
///
/// # Errors
/// 22023.
pub(super) fn refuse_other_than_text(read: &Value, endpoint: Endpoint) -> Result<()> {
    match endpoint {
        // Texts, or tokens as numbers: each has at least a byte.
        Endpoint::Embeddings => {
            if is_list_of_texts(read, 2) {
                Ok(())
            } else {
                Err(refused())
            }
        }
        _ => walk(read),
    }
}

fn is_list_of_texts(value: &Value, depth: u32) -> bool {
    match value {
        Value::String(_) | Value::Number(_) => true,
        Value::Array(list) if depth > 0 => list.iter().all(|value| is_list_of_texts(value, depth - 1)),
        _ => false,
    }
}

fn walk(value: &Value) -> Result<()> {
    match value {
        Value::Array(list) => list.iter().try_for_each(walk),
        Value::Object(part) => walk_part(part),
        _ => Ok(()),
    }
}

fn walk_part(part: &Map<String, Value>) -> Result<()> {
    let kind = part.get("type");
    if kind.is_some_and(|kind| kind.as_str().is_none_or(|kind| !KINDS.contains(&kind))) {
        return Err(refused());
    }
    for (key, value) in part {
        if !KEYS.contains(&key.as_str()) {
            return Err(refused());
        }
        if !OPAQUE.contains(&key.as_str()) {
            walk(value)?;
        }
    }
    Ok(())
}

fn refused() -> Error {
    Error::invalid("what a body costs is not known that has more than text for the model to read")
        .hint("Images, files, sounds and marks of a cache are not taken.")
}
