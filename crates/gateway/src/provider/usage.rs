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

/// Usage of a message of Anthropic: what was read from and written to the cache is not a part of `input_tokens`, thoughts
/// are a part of `output_tokens` ("Prompt caching: tracking cache performance").
pub(super) fn of_message(usage: &Value) -> Option<Usage> {
    let written = optional(usage.get("cache_creation_input_tokens"))?;
    let by_time = usage.get("cache_creation").unwrap_or(&Value::Null);
    let long = optional(by_time.get("ephemeral_1h_input_tokens"))?;
    let short = optional(by_time.get("ephemeral_5m_input_tokens"))?;
    Some(Usage {
        input: count(usage.get("input_tokens")?)?,
        cached_input: optional(usage.get("cache_read_input_tokens"))?,
        // Whoever does not tell for how long it was written means five minutes.
        cache_write: short.max(written.saturating_sub(long)),
        cache_write_long: long,
        output: count(usage.get("output_tokens")?)?,
    })
}

/// Usage of a generation of Gemini: `promptTokenCount` has cached tokens in it, thoughts are counted apart and are output.
pub(super) fn of_generation(usage: &Value) -> Option<Usage> {
    let of = |name| optional(usage.get(name));
    let read = count(usage.get("promptTokenCount")?)?.checked_add(of("toolUsePromptTokenCount")?)?;
    let cached_input = of("cachedContentTokenCount")?;
    let written = of("candidatesTokenCount")?.checked_add(of("thoughtsTokenCount")?)?;
    let output = written.max(of("totalTokenCount")?.saturating_sub(read));
    Some(Usage { input: read.checked_sub(cached_input)?, cached_input, output, ..Usage::default() })
}

/// Usage of a decision of Gemini.
pub(super) fn of_gemini_decision(usage: &Value) -> Option<Usage> {
    let of = |name| optional(usage.get(name));
    let read = count(usage.get("total_input_tokens")?)?;
    let cached_input = of("total_cached_tokens")?;
    let written = of("total_output_tokens")?.checked_add(of("total_thought_tokens")?)?;
    let output = written.max(of("total_tokens")?.saturating_sub(read));
    Some(Usage { input: read.checked_sub(cached_input)?, cached_input, output, ..Usage::default() })
}

/// Usage of embeddings, which write nothing.
pub(crate) fn of_embeddings(usage: &Value) -> Option<Usage> {
    let read = ["prompt_tokens", "promptTokenCount", "total_tokens"].into_iter().find_map(|name| usage.get(name))?;
    Some(Usage { input: count(read)?, ..Usage::default() })
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
    fn what_anthropic_cached_is_counted_beside_the_rest() {
        let usage = json!({
            "input_tokens": 20, "cache_creation_input_tokens": 700, "cache_read_input_tokens": 1500,
            "cache_creation": { "ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 600 },
            "output_tokens": 9, "output_tokens_details": { "thinking_tokens": 4 }, "service_tier": "standard",
        });
        let expected = Usage { input: 20, cached_input: 1500, cache_write: 100, cache_write_long: 600, output: 9 };
        assert_eq!(of_message(&usage), Some(expected));
        let old = json!({ "input_tokens": 20, "cache_creation_input_tokens": 700, "cache_read_input_tokens": null,
            "output_tokens": 9 });
        let expected = Usage { input: 20, cache_write: 700, output: 9, ..Usage::default() };
        assert_eq!(of_message(&old), Some(expected));
        for usage in [
            json!({ "input_tokens": 20 }),
            json!({ "output_tokens": 9 }),
            json!({ "input_tokens": 20, "output_tokens": -9 }),
            json!({ "input_tokens": 20, "output_tokens": 9, "cache_read_input_tokens": "many" }),
            json!({ "input_tokens": 20, "output_tokens": 9, "cache_creation": { "ephemeral_1h_input_tokens": 1.5 } }),
        ] {
            assert_eq!(of_message(&usage), None, "{usage}");
        }
    }

    #[test]
    fn the_thoughts_of_gemini_are_output() {
        let usage = json!({ "promptTokenCount": 300, "cachedContentTokenCount": 100, "candidatesTokenCount": 8,
            "thoughtsTokenCount": 50, "totalTokenCount": 358 });
        let expected = Usage { input: 200, cached_input: 100, output: 58, ..Usage::default() };
        assert_eq!(of_generation(&usage), Some(expected));
        // A prompt that was blocked has only been read.
        let blocked = json!({ "promptTokenCount": 300, "totalTokenCount": 300 });
        assert_eq!(of_generation(&blocked), Some(Usage { input: 300, ..Usage::default() }));
        for usage in [json!({}), json!({ "promptTokenCount": 1, "cachedContentTokenCount": 2 })] {
            assert_eq!(of_generation(&usage), None, "{usage}");
        }
        let decision = json!({ "total_input_tokens": 40, "total_cached_tokens": 10, "total_output_tokens": 0,
            "total_tokens": 40 });
        let expected = Usage { input: 30, cached_input: 10, ..Usage::default() };
        assert_eq!(of_gemini_decision(&decision), Some(expected));
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
