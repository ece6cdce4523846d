//! Log-probabilities of what was written: those of a model that writes a label piece by piece, each piece with the share
//! of the labels that go on with it.

use super::answer::Answer;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What OpenAI says for "very unlikely".
const UNLIKELY: f64 = -9999.0;

/// Bytes in a piece of a label, as in a token.
const PIECE: usize = 4;

/// The `logprobs` of a choice. Answers come with a probability for each of their options.
pub(crate) fn of(content: &str, answers: &[(&Answer<'_>, Vec<f64>)], json: bool, top: usize) -> Value {
    let mut tokens = Vec::new();
    let mut rest = content;
    for (answer, probabilities) in answers {
        let label = written(&answer.label, json);
        let Some(at) = rest.find(&label).filter(|_| !label.is_empty()) else { continue };
        plain(&mut tokens, &rest[..at]);
        let options: Vec<_> = answer.options.iter().map(|option| written(option, json)).zip(probabilities).collect();
        pieces(&mut tokens, &label, &options, top);
        rest = &rest[at + label.len()..];
    }
    plain(&mut tokens, rest);
    json!({"content": tokens, "refusal": null})
}

/// A label as it stands in the content. The quote behind it tells it from longer ones.
fn written(label: &str, json: bool) -> String {
    let quoted = Value::from(label).to_string();
    if json { quoted[1..].to_owned() } else { label.to_owned() }
}

fn plain(tokens: &mut Vec<Value>, text: &str) {
    if !text.is_empty() {
        tokens.push(json!({"token": text, "logprob": 0.0, "bytes": text.as_bytes(), "top_logprobs": []}));
    }
}

fn pieces(tokens: &mut Vec<Value>, label: &str, options: &[(String, &f64)], top: usize) {
    let mut at = 0;
    while at < label.len() {
        let here = piece(&label[at..]);
        let mut shares: BTreeMap<&str, f64> = BTreeMap::new();
        for (option, probability) in options.iter().filter(|(option, _)| option.starts_with(&label[..at])) {
            *shares.entry(piece(&option[at..])).or_default() += **probability;
        }
        let all: f64 = shares.values().sum();
        let logprob = |share: f64| if share > 0.0 { (share / all).ln().max(UNLIKELY) } else { UNLIKELY };
        let entry =
            |(text, share): (&str, f64)| json!({"token": text, "logprob": logprob(share), "bytes": text.as_bytes()});
        let mut ranked: Vec<_> = shares.iter().map(|(text, share)| (*text, *share)).collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        let mut token = entry((here, shares.get(here).copied().unwrap_or(0.0)));
        token["top_logprobs"] = ranked.into_iter().take(top).map(entry).collect();
        tokens.push(token);
        at += here.len();
    }
}

/// The next piece: so many bytes, and what completes a character.
fn piece(text: &str) -> &str {
    let end = (PIECE.min(text.len())..=text.len()).find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(text.len())]
}
