//! The settings of a provider: what may be set in `add_provider()`, and what a compatible server does differently.

use crate::close_names;
use crate::error::{Error, Result};
use serde_json::Value;

/// Settings as they were given; what is `None` was not.
#[derive(Debug, Clone, PartialEq)]
pub struct ProviderSettings {
    /// Providers are asked in this order, the lowest first.
    pub priority: i32,
    /// The model that is asked there; that of the taxonomy, or the usual one of its kind, where `None`.
    pub model: Option<String>,
    /// The model that is asked again where that one is not sure.
    pub strong_model: StrongModel,
    /// Its share of the requests among providers of the same priority.
    pub weight: f64,
    /// Requests a minute that are allowed.
    pub requests_per_minute: Option<u32>,
    /// Tokens a minute that are allowed.
    pub tokens_per_minute: Option<u64>,
    /// Role of the message that holds the instruction: `developer` or `system`.
    pub instruction_role: Option<String>,
    /// Name of the field that bounds the answer: `max_completion_tokens` or `max_tokens`.
    pub max_tokens_field: Option<String>,
    /// Whether `store` and `prompt_cache_key` may be sent.
    pub openai_extras: Option<bool>,
}

/// Which model is asked where the usual one is not sure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum StrongModel {
    /// That of the taxonomy, or the usual strong one of its kind.
    #[default]
    Usual,
    /// This one.
    Named(String),
    /// None: at this provider nothing is asked twice.
    Never,
}

/// The keys, in the order in which they are documented.
pub const KEYS: [&str; 9] = [
    "priority",
    "model",
    "strong_model",
    "weight",
    "requests_per_minute",
    "tokens_per_minute",
    "instruction_role",
    "max_tokens_field",
    "openai_extras",
];

/// Which APIs can be configured.
pub const KINDS: [&str; 4] = ["openai", "anthropic", "gemini", "systemone"];

/// More than this share no provider needs, and sums of shares stay exact.
const HEAVIEST: f64 = 1_000_000.0;

/// The model that is asked where neither provider nor taxonomy names one.
pub fn usual_model(kind: &str) -> &'static str {
    match kind {
        "anthropic" => "claude-haiku-5-5",
        "gemini" => "gemini-2.5-flash-lite",
        "systemone" => "jev-latest",
        _ => "gpt-6-luna",
    }
}

/// The model that is asked where that one is not sure and nobody names another; `None` where there is none.
pub fn usual_strong_model(kind: &str) -> Option<&'static str> {
    match kind {
        "anthropic" => Some("claude-sonnet-5-5"),
        "gemini" => Some("gemini-3.8-flash"),
        "systemone" => None,
        _ => Some("gpt-6-sol"),
    }
}

impl Default for ProviderSettings {
    fn default() -> Self {
        Self {
            priority: 0,
            model: None,
            strong_model: StrongModel::Usual,
            weight: 1.0,
            requests_per_minute: None,
            tokens_per_minute: None,
            instruction_role: None,
            max_tokens_field: None,
            openai_extras: None,
        }
    }
}

impl ProviderSettings {
    /// Reads a JSON object; a JSON null is a key that is not set.
    ///
    /// # Errors
    /// 22023 when it is no object, a key is unknown (close names in the HINT) or a value is not allowed.
    pub fn parse(settings: &Value) -> Result<Self> {
        let Value::Object(given) = settings else {
            return Err(Error::invalid("settings of a provider must be a JSON object")
                .hint(r#"Write an object, as in '{"model": "gpt-6-luna"}'."#));
        };
        let mut read = Self::default();
        for (key, value) in given {
            if value.is_null() && KEYS.contains(&key.as_str()) {
                continue;
            }
            match key.as_str() {
                "priority" => read.priority = whole(key, value, i64::from(i32::MIN), i64::from(i32::MAX))?,
                "model" => read.model = Some(name(key, value)?),
                "strong_model" => read.strong_model = strong_model(key, value)?,
                "weight" => {
                    let weight = value.as_f64().filter(|weight| *weight > 0.0 && *weight <= HEAVIEST);
                    read.weight = weight.ok_or_else(|| refused(key, value, "a positive number up to 1000000"))?;
                }
                "requests_per_minute" => {
                    read.requests_per_minute = Some(whole(key, value, 1, i64::from(u32::MAX))?);
                }
                "tokens_per_minute" => read.tokens_per_minute = Some(whole(key, value, 1, i64::MAX)?),
                "instruction_role" => read.instruction_role = Some(word(key, value, &["developer", "system"])?),
                "max_tokens_field" => {
                    read.max_tokens_field = Some(word(key, value, &["max_completion_tokens", "max_tokens"])?);
                }
                "openai_extras" => {
                    read.openai_extras = Some(value.as_bool().ok_or_else(|| refused(key, value, "true or false"))?);
                }
                unknown => return Err(unknown_key(unknown)),
            }
        }
        Ok(read)
    }
}

fn unknown_key(key: &str) -> Error {
    let hint = close_names::hint(key, KEYS);
    Error::invalid(format!("unknown setting \"{key}\" of a provider"))
        .hint(hint.unwrap_or_else(|| format!("Settings are {}.", KEYS.join(", "))))
}

fn refused(key: &str, value: &Value, allowed: &str) -> Error {
    Error::invalid(format!("invalid value for setting \"{key}\": {value}")).hint(format!("Allowed: {allowed}."))
}

fn whole<T: TryFrom<i64>>(key: &str, value: &Value, low: i64, high: i64) -> Result<T> {
    let number = value.as_i64().filter(|number| (low..=high).contains(number)).and_then(|n| T::try_from(n).ok());
    number.ok_or_else(|| refused(key, value, &format!("a whole number from {low} to {high}")))
}

fn name(key: &str, value: &Value) -> Result<String> {
    let usable = |name: &&str| !name.trim().is_empty() && name.len() <= 200 && !name.chars().any(char::is_control);
    value.as_str().filter(usable).map(str::to_owned).ok_or_else(|| refused(key, value, "a name"))
}

fn strong_model(key: &str, value: &Value) -> Result<StrongModel> {
    match value {
        Value::Bool(false) => Ok(StrongModel::Never),
        _ => name(key, value).map(StrongModel::Named).map_err(|_| refused(key, value, "a name, or false for none")),
    }
}

fn word(key: &str, value: &Value, words: &[&str]) -> Result<String> {
    let known = value.as_str().filter(|word| words.contains(word));
    known.map(str::to_owned).ok_or_else(|| refused(key, value, &words.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_what_is_set_and_nothing_else() {
        let read = ProviderSettings::parse(&json!({
            "priority": -1, "model": "gpt-6-luna", "requests_per_minute": 500, "tokens_per_minute": 200_000,
            "instruction_role": "system", "max_tokens_field": "max_tokens", "openai_extras": false,
            "strong_model": "gpt-6-sol", "weight": 0.5,
        }));
        let all = ProviderSettings {
            priority: -1,
            model: Some("gpt-6-luna".into()),
            strong_model: StrongModel::Named("gpt-6-sol".into()),
            weight: 0.5,
            requests_per_minute: Some(500),
            tokens_per_minute: Some(200_000),
            instruction_role: Some("system".into()),
            max_tokens_field: Some("max_tokens".into()),
            openai_extras: Some(false),
        };
        assert_eq!(read.unwrap(), all);
        assert_eq!(ProviderSettings::parse(&json!({"model": null})).unwrap(), ProviderSettings::default());
        let never = ProviderSettings::parse(&json!({"strong_model": false, "weight": null})).unwrap();
        assert_eq!((never.strong_model, never.weight), (StrongModel::Never, 1.0));
    }

    #[test]
    fn every_kind_has_a_usual_model() {
        let models: std::collections::HashSet<_> = KINDS.iter().map(|kind| usual_model(kind)).collect();
        assert_eq!(models.len(), KINDS.len());
        for kind in KINDS {
            assert_eq!(usual_strong_model(kind).is_none(), kind == "systemone");
            assert!(crate::endpoint::default_base_url(kind).is_some(), "{kind}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for bad in [
            json!([]),
            json!({"modell": "x"}),
            json!({"zzz": null}),
            json!({"model": ""}),
            json!({"priority": 1.5}),
            json!({"priority": 3_000_000_000_i64}),
            json!({"requests_per_minute": 0}),
            json!({"tokens_per_minute": -1}),
            json!({"instruction_role": "user"}),
            json!({"max_tokens_field": "n"}),
            json!({"openai_extras": "no"}),
            json!({"strong_model": true}),
            json!({"strong_model": ""}),
            json!({"weight": 0}),
            json!({"weight": -1}),
            json!({"weight": 1e9}),
            json!({"weight": "1"}),
        ] {
            assert!(ProviderSettings::parse(&bad).is_err(), "{bad}");
        }
        assert!(ProviderSettings::parse(&json!({"modell": 1})).unwrap_err().hint.unwrap().contains("\"model\""));
    }
}
