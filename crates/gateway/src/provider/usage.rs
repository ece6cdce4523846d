//! What a provider says that it charged. Counts that cannot be are no usage: the attempt is then in doubt.

use pg_categorize_core::price::Usage;
use serde_json::Value;

/// More tokens than any model reads or writes in one request.
const ABSURD: u64 = 1_000_000_000;

/// Usage of a chat completion: `prompt_tokens` has cached tokens in it, `completion_tokens` has thoughts in it.
pub(super) fn of_chat(usage: &Value) -> Option<Usage> {
    split(usage, "prompt_tokens", "completion_tokens", "prompt_tokens_details")
}

/// Usage of a decision.
pub(super) fn of_decision(usage: &Value) -> Option<Usage> {
    split(usage, "input_tokens", "output_tokens", "input_tokens_details")
}

fn split(usage: &Value, input: &str, output: &str, details: &str) -> Option<Usage> {
    let read = count(usage.get(input)?)?;
    let written = count(usage.get(output)?)?;
    // Some servers leave thoughts out of what was written, and charge them: then the total tells.
    let total = optional(usage.get("total_tokens"))?;
    let details = usage.get(details);
    let detail = |name| optional(details.and_then(|details| details.get(name)));
    let (cached_input, cache_write) = (detail("cached_tokens")?, detail("cache_write_tokens")?);
    Some(Usage {
        input: read.checked_sub(cached_input)?.checked_sub(cache_write)?,
        cached_input,
        cache_write,
        cache_write_long: 0,
        output: written.max(total.saturating_sub(read)),
    })
}

fn optional(value: Option<&Value>) -> Option<u64> {
    match value {
        None | Some(Value::Null) => Some(0),
        Some(value) => count(value),
    }
}

fn count(value: &Value) -> Option<u64> {
    value.as_u64().filter(|tokens| *tokens < ABSURD)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_token_is_counted_once() {
        let usage = json!({
            "prompt_tokens": 1310, "completion_tokens": 7, "total_tokens": 1317,
            "prompt_tokens_details": { "cached_tokens": 1024, "cache_write_tokens": 200, "audio_tokens": 0 },
            "completion_tokens_details": { "reasoning_tokens": 3 },
        });
        let expected = Usage { input: 86, cached_input: 1024, cache_write: 200, cache_write_long: 0, output: 7 };
        assert_eq!(of_chat(&usage), Some(expected));
        let plain = json!({ "prompt_tokens": 10, "completion_tokens": 2, "prompt_tokens_details": null });
        assert_eq!(of_chat(&plain), Some(Usage { input: 10, output: 2, ..Usage::default() }));
        let thoughts_apart = json!({ "prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 112 });
        assert_eq!(of_chat(&thoughts_apart).unwrap().output, 102);
        assert_eq!(of_decision(&json!({ "input_tokens": 90, "output_tokens": 3 })).unwrap().input, 90);
    }

    #[test]
    fn counts_that_cannot_be_are_no_usage() {
        for usage in [
            json!(null),
            json!({}),
            json!({ "prompt_tokens": 10 }),
            json!({ "prompt_tokens": -1, "completion_tokens": 2 }),
            json!({ "prompt_tokens": 1.5, "completion_tokens": 2 }),
            json!({ "prompt_tokens": "10", "completion_tokens": 2 }),
            json!({ "prompt_tokens": u64::MAX, "completion_tokens": 2 }),
            json!({ "prompt_tokens": 10, "completion_tokens": 1e300 }),
            json!({ "prompt_tokens": 10, "completion_tokens": 2, "prompt_tokens_details": { "cached_tokens": 11 } }),
            json!({ "prompt_tokens": 10, "completion_tokens": 2, "prompt_tokens_details": { "cached_tokens": -1 } }),
        ] {
            assert_eq!(of_chat(&usage), None, "{usage}");
        }
    }
}
