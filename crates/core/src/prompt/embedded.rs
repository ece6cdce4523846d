//! JSON in what a model wrote: bare, in a code fence, after thoughts, or among other words.

use serde_json::{Deserializer, Value};
use std::borrow::Cow;

/// Places at which JSON is looked for. Models write it at the first or second; a hostile text may have millions.
const PLACES: usize = 64;

/// A text without `<think>...</think>`. Thoughts that begin before the text are left out as well, those that never end
/// leave nothing.
pub(super) fn without_thoughts(text: &str) -> Cow<'_, str> {
    const OPEN: &str = "<think>";
    const CLOSE: &str = "</think>";
    if !text.contains(OPEN) && !text.contains(CLOSE) {
        return Cow::Borrowed(text);
    }
    let mut rest = match (text.find(OPEN), text.find(CLOSE)) {
        (open, Some(close)) if open.is_none_or(|open| close < open) => &text[close + CLOSE.len()..],
        _ => text,
    };
    let mut kept = String::new();
    while let Some(open) = rest.find(OPEN) {
        kept.push_str(&rest[..open]);
        rest = rest[open..].find(CLOSE).map_or("", |close| &rest[open + close + CLOSE.len()..]);
    }
    kept.push_str(rest);
    Cow::Owned(kept)
}

/// The JSON objects and arrays of a text, in order; what is inside of one is not told again.
pub(super) fn values(text: &str) -> impl Iterator<Item = Value> {
    let mut at = 0;
    let mut places = 0;
    std::iter::from_fn(move || {
        while places < PLACES {
            at += text.get(at..)?.find(['{', '['])?;
            places += 1;
            let mut stream = Deserializer::from_str(&text[at..]).into_iter::<Value>();
            match stream.next() {
                Some(Ok(value)) => {
                    at += stream.byte_offset().max(1);
                    return Some(value);
                }
                // Both brackets are of one byte.
                _ => at += 1,
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn thoughts_are_left_out() {
        for (text, rest) in [
            ("Toys", "Toys"),
            ("<think>Books?</think>Toys", "Toys"),
            ("Books?</think>\nToys", "\nToys"),
            ("a<think>b</think>c<think>d</think>e", "ace"),
            ("Toys<think>or Books", "Toys"),
            ("<think>", ""),
        ] {
            assert_eq!(without_thoughts(text), rest, "{text:?}");
        }
    }

    #[test]
    fn json_is_found_wherever_it_stands() {
        let found = |text| values(text).collect::<Vec<_>>();
        assert_eq!(found("```json\n{\"a\":1}\n```"), [json!({"a": 1})]);
        assert_eq!(found("Sure {not json}: [1] and {\"b\":[2]}."), [json!([1]), json!({"b": [2]})]);
        assert_eq!(found("{\"a\":"), [] as [Value; 0]);
    }

    #[test]
    fn a_hostile_text_costs_no_more_than_some_readings() {
        let deep = "[".repeat(4 << 20);
        assert_eq!(values(&deep).count(), 0);
        let many = "{x}".repeat(1 << 20) + "[1]";
        assert_eq!(values(&many).count(), 0);
    }
}
