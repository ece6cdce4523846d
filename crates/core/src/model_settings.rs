//! What is known of a model: how it is asked and what it can take, as `set_model()` sets it.

use crate::close_names;
use crate::error::{Error, Result};
use serde_json::Value;

/// The settings of one model.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelSettings {
    /// `decision`, `json_schema`, `text` or `embedding`.
    pub mode: String,
    /// Tokens of the largest request.
    pub max_input_tokens: Option<i64>,
    /// Tokens of the largest answer.
    pub max_output_tokens: Option<i64>,
    /// `reasoning_effort` to send; nothing is sent where `None`.
    pub reasoning_effort: Option<String>,
    /// Tokens that it may think beyond its answer.
    pub thinking_tokens: i32,
    /// Sampling temperature to send; nothing is sent where `None`.
    pub temperature: Option<f32>,
    /// Whether the constant beginning of a request is marked for the provider's cache.
    pub cache_breakpoint: bool,
    /// Whether it is asked for the log-probabilities of what it writes.
    pub log_probabilities: bool,
    /// The most input tokens that one image counts for; it takes none where `None`.
    pub image_tokens: Option<i64>,
    /// The day on which the provider shuts it down, as in 2026-12-31.
    pub shut_down_on: Option<String>,
}

/// The APIs that models are reached by.
pub const KINDS: [&str; 4] = ["openai", "systemone", "anthropic", "gemini"];

const KEYS: [&str; 10] = [
    "mode",
    "max_input_tokens",
    "max_output_tokens",
    "reasoning_effort",
    "thinking_tokens",
    "temperature",
    "cache_breakpoint",
    "log_probabilities",
    "image_tokens",
    "shut_down_on",
];

const MODES: [&str; 4] = ["decision", "json_schema", "text", "embedding"];

impl ModelSettings {
    /// Those of a model that nobody described.
    pub fn of_kind(kind: &str) -> Self {
        Self {
            mode: if kind == "systemone" { "decision" } else { "json_schema" }.to_owned(),
            max_input_tokens: None,
            max_output_tokens: None,
            reasoning_effort: None,
            thinking_tokens: 0,
            temperature: None,
            cache_breakpoint: false,
            log_probabilities: false,
            image_tokens: None,
            shut_down_on: None,
        }
    }

    /// These with a change laid over them; a JSON null takes a key back to what a model of this kind has.
    ///
    /// # Errors
    /// 22023 when the change is no object, a key is unknown (close names in the HINT) or a value is not allowed.
    pub fn changed(mut self, kind: &str, change: &Value) -> Result<Self> {
        let Value::Object(change) = change else {
            return Err(Error::invalid("settings of a model must be a JSON object")
                .hint(r#"Write an object, as in '{"mode": "json_schema", "max_output_tokens": 16384}'."#));
        };
        let nothing = Self::of_kind(kind);
        for (key, value) in change {
            let null = value.is_null();
            match key.as_str() {
                "mode" if null => self.mode.clone_from(&nothing.mode),
                "mode" => {
                    let mode = value.as_str().filter(|mode| MODES.contains(mode));
                    self.mode = mode.ok_or_else(|| refused(key, value, &MODES.join(", ")))?.to_owned();
                }
                "max_input_tokens" if null => self.max_input_tokens = None,
                "max_input_tokens" => self.max_input_tokens = Some(whole(key, value, 1, i64::MAX)?),
                "max_output_tokens" if null => self.max_output_tokens = None,
                "max_output_tokens" => self.max_output_tokens = Some(whole(key, value, 1, i64::MAX)?),
                "reasoning_effort" if null => self.reasoning_effort = None,
                "reasoning_effort" => {
                    let usable = |word: &&str| {
                        !word.is_empty()
                            && word.len() <= 40
                            && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
                    };
                    let effort = value.as_str().filter(usable);
                    self.reasoning_effort = Some(effort.ok_or_else(|| refused(key, value, "a word"))?.to_owned());
                }
                "thinking_tokens" if null => self.thinking_tokens = 0,
                "thinking_tokens" => self.thinking_tokens = whole(key, value, 0, i64::from(i32::MAX))? as i32,
                "temperature" if null => self.temperature = None,
                "temperature" => {
                    let number = value.as_f64().filter(|number| (0.0..=2.0).contains(number));
                    self.temperature = Some(number.ok_or_else(|| refused(key, value, "a number from 0 to 2"))? as f32);
                }
                "cache_breakpoint" if null => self.cache_breakpoint = false,
                "cache_breakpoint" => {
                    self.cache_breakpoint = value.as_bool().ok_or_else(|| refused(key, value, "true or false"))?;
                }
                "log_probabilities" if null => self.log_probabilities = false,
                "log_probabilities" => {
                    self.log_probabilities = value.as_bool().ok_or_else(|| refused(key, value, "true or false"))?;
                }
                "image_tokens" if null => self.image_tokens = None,
                "image_tokens" => self.image_tokens = Some(whole(key, value, 1, i64::from(i32::MAX))?),
                "shut_down_on" if null => self.shut_down_on = None,
                "shut_down_on" => {
                    let day = value.as_str().filter(|day| is_day(day));
                    self.shut_down_on =
                        Some(day.ok_or_else(|| refused(key, value, "a day, as 2026-12-31"))?.to_owned());
                }
                unknown => {
                    let hint = close_names::hint(unknown, KEYS);
                    return Err(Error::invalid(format!("unknown setting \"{unknown}\" of a model"))
                        .hint(hint.unwrap_or_else(|| format!("Settings are {}.", KEYS.join(", ")))));
                }
            }
        }
        Ok(self)
    }
}

/// Whether it has the form of a day; that there is such a day is the database's to say.
fn is_day(text: &str) -> bool {
    text.len() == 10
        && text.bytes().enumerate().all(|(i, b)| if matches!(i, 4 | 7) { b == b'-' } else { b.is_ascii_digit() })
}

fn refused(key: &str, value: &Value, allowed: &str) -> Error {
    Error::invalid(format!("invalid value for setting \"{key}\": {value}")).hint(format!("Allowed: {allowed}."))
}

fn whole(key: &str, value: &Value, low: i64, high: i64) -> Result<i64> {
    let number = value.as_i64().filter(|number| (low..=high).contains(number));
    number.ok_or_else(|| refused(key, value, &format!("a whole number from {low} to {high}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_change_is_laid_over_what_is_known() {
        let known = ModelSettings { max_input_tokens: Some(1000), ..ModelSettings::of_kind("openai") };
        let changed =
            known.clone().changed("openai", &json!({"temperature": 0, "shut_down_on": "2026-12-31"})).unwrap();
        assert_eq!((changed.max_input_tokens, changed.temperature), (Some(1000), Some(0.0)));
        let seeing = changed.changed("openai", &json!({"image_tokens": 1600, "log_probabilities": true})).unwrap();
        assert_eq!((seeing.image_tokens, seeing.log_probabilities), (Some(1600), true));
        let taken_back =
            json!({"temperature": null, "shut_down_on": null, "image_tokens": null, "log_probabilities": null});
        let back = seeing.changed("openai", &taken_back).unwrap();
        assert_eq!(back, known);
        assert_eq!(ModelSettings::of_kind("systemone").mode, "decision");
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for bad in [
            json!("text"),
            json!({"modus": "text"}),
            json!({"mode": "chat"}),
            json!({"max_input_tokens": 0}),
            json!({"max_output_tokens": "many"}),
            json!({"reasoning_effort": "very high"}),
            json!({"thinking_tokens": -1}),
            json!({"temperature": 3}),
            json!({"cache_breakpoint": 1}),
            json!({"log_probabilities": "yes"}),
            json!({"image_tokens": 0}),
            json!({"image_tokens": 85.5}),
            json!({"shut_down_on": "soon"}),
        ] {
            assert!(ModelSettings::of_kind("openai").changed("openai", &bad).is_err(), "{bad}");
        }
    }
}
