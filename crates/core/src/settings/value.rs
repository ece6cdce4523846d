//! Which values a key takes.

use super::key::{Key, Kind};
use super::profile;
use crate::cascade::TierName;
use crate::close_names;
use crate::embedding_model::EmbeddingModel;
use crate::error::{Error, Result};
use serde_json::Value;

/// Accepts or refuses a value for a key.
///
/// # Errors
/// 22023 with what would have been allowed.
pub fn check(key: &Key, value: &Value) -> Result<()> {
    let refuse = |allowed: &str| {
        Err(Error::invalid(format!("invalid value for setting \"{}\": {value}", key.name))
            .hint(format!("Allowed: {allowed}.")))
    };
    match key.kind {
        Kind::Profile => match value.as_str() {
            Some(name) => profile(name).map(|_| ()),
            None => refuse("conservative, balanced or aggressive"),
        },
        Kind::Tiers => tiers(key, value),
        Kind::Fraction => match value.as_f64() {
            Some(number) if (0.0..=1.0).contains(&number) => Ok(()),
            _ => refuse("a number from 0 to 1"),
        },
        Kind::Integer(low, high) => match value.as_i64() {
            Some(number) if (low..=high).contains(&number) => Ok(()),
            _ => refuse(&format!("a whole number from {low} to {high}")),
        },
        Kind::Duration => match seconds(value) {
            Some(_) => Ok(()),
            None => refuse("seconds as a number, or text such as \"90 min\", \"12 h\", \"30 d\""),
        },
        Kind::Flag if value.is_boolean() => Ok(()),
        Kind::Flag => refuse("true or false"),
        Kind::Word(words) => match value.as_str() {
            Some(word) if words.contains(&word) => Ok(()),
            _ => refuse(&words.join(", ")),
        },
        Kind::Embedding => match value.as_str() {
            Some(name) => EmbeddingModel::parse(name).map(|_| ()),
            None => refuse("static, pg_trgm or PROVIDER:MODEL"),
        },
        Kind::Models => match value.as_object() {
            Some(models) if models.iter().all(|(k, v)| matches!(k.as_str(), "cheap" | "strong") && v.is_string()) => {
                Ok(())
            }
            _ => refuse("an object with the names of a \"cheap\" and a \"strong\" model"),
        },
    }
}

/// A duration in seconds: a number, or a number with one of Postgres' units of time (s, min, h, d).
pub fn seconds(value: &Value) -> Option<f64> {
    let seconds = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => {
            let text = text.trim();
            let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
            let unit = match text[digits..].trim() {
                "" | "s" => 1.0,
                "min" => 60.0,
                "h" => 3600.0,
                "d" => 86_400.0,
                _ => return None,
            };
            text[..digits].parse::<f64>().ok()? * unit
        }
        _ => return None,
    };
    (seconds > 0.0 && seconds <= 100.0 * 366.0 * 86_400.0).then_some(seconds)
}

fn tiers(key: &Key, value: &Value) -> Result<()> {
    let known = || TierName::ALL.iter().map(|t| t.as_str());
    let error = |what: String| Error::invalid(format!("invalid value for setting \"{}\": {what}", key.name));
    let names = value.as_array().filter(|names| !names.is_empty()).ok_or_else(|| {
        error(value.to_string())
            .hint(format!("Allowed: a non-empty array of {}.", known().collect::<Vec<_>>().join(", ")))
    })?;
    let mut seen = Vec::new();
    for name in names {
        let text = name.as_str().unwrap_or_default();
        let tier = TierName::parse(text).ok_or_else(|| {
            let hint = close_names::hint(text, known());
            error(format!("unknown tier {name}"))
                .hint(hint.unwrap_or_else(|| format!("Tiers are {}.", known().collect::<Vec<_>>().join(", "))))
        })?;
        if seen.contains(&tier) {
            return Err(error(format!("tier \"{text}\" is named twice")));
        }
        seen.push(tier);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn durations_take_the_units_of_postgres() {
        assert_eq!(seconds(&json!(90)), Some(90.0));
        assert_eq!(seconds(&json!("1.5 h")), Some(5400.0));
        assert_eq!(seconds(&json!("30d")), Some(2_592_000.0));
        for bad in [json!(0), json!(-1), json!("h"), json!("1 fortnight"), json!(true), json!("9e99 d")] {
            assert_eq!(seconds(&bad), None, "{bad}");
        }
    }
}
