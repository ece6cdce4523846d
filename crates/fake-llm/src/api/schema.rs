//! The schema of an answer: is it one that OpenAI takes, what does it offer, and an answer that keeps it.

use super::answer::Answer;
use serde_json::{Map, Value};

/// Nesting that OpenAI takes, and that recursion here stops at.
const DEEPEST: usize = 10;

/// What is wrong with a strict schema (OpenAI, "Structured outputs", supported schemas).
pub(crate) fn fault_in(schema: &Value) -> Option<String> {
    if schema["type"] != "object" {
        return Some("schema must be a JSON Schema of 'type: \"object\"'".to_owned());
    }
    let (mut values, mut wrong) = (0, None);
    walk(schema, 0, &mut |part, depth| {
        let Some(part) = part.as_object() else { return };
        if let Some(options) = part.get("enum").and_then(Value::as_array) {
            values += options.len();
            let characters: usize = options.iter().filter_map(Value::as_str).map(str::len).sum();
            if options.len() > 250 && characters > 15_000 {
                wrong = Some("an enum of more than 250 values has more than 15000 characters".to_owned());
            }
        }
        if let Some(key) = ["allOf", "not", "if", "then", "else"].iter().find(|key| part.contains_key(**key)) {
            wrong = Some(format!("'{key}' is not permitted"));
        }
        if part.get("type").is_some_and(|kind| kind == "object") {
            let empty = Map::new();
            let properties = part.get("properties").and_then(Value::as_object).unwrap_or(&empty);
            let required = part.get("required").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            if part.get("additionalProperties") != Some(&Value::Bool(false)) {
                wrong = Some("'additionalProperties' is required to be supplied and to be false".to_owned());
            }
            if let Some(name) = properties.keys().find(|name| !required.iter().any(|entry| entry == *name)) {
                wrong = Some(format!("'required' must include every key in properties; missing '{name}'"));
            }
        }
        if depth > DEEPEST {
            wrong = Some(format!("more than {DEEPEST} levels of nesting"));
        }
    });
    if values > 1000 { Some(format!("{values} enum values, 1000 are allowed")) } else { wrong }
}

/// What it offers: the values of the property `category`, or of the first list of strings.
pub(crate) fn options(schema: &Value) -> Vec<String> {
    let strings = |part: &Value| -> Option<Vec<String>> {
        part["enum"].as_array()?.iter().map(|value| value.as_str().map(str::to_owned)).collect()
    };
    let (mut first, mut category) = (None, None);
    walk(schema, 0, &mut |part, _| {
        if category.is_none() {
            category = strings(&part["properties"]["category"]);
        }
        if first.is_none() {
            first = strings(part);
        }
    });
    category.or(first).unwrap_or_default()
}

/// An answer that keeps the schema, but for what a fault put into it. A list at the top has an entry for each item.
pub(crate) fn fill(root: &Value, answers: &[Answer<'_>]) -> Value {
    Filler { root, answers }.value(root, "", None, 0)
}

struct Filler<'a> {
    root: &'a Value,
    answers: &'a [Answer<'a>],
}

impl Filler<'_> {
    fn value(&self, schema: &Value, name: &str, of: Option<&Answer<'_>>, depth: usize) -> Value {
        if depth > DEEPEST {
            return Value::Null;
        }
        let schema = self.resolved(schema);
        let answer = of.or(self.answers.first());
        if let Some(values) = schema["enum"].as_array() {
            let offered = answer.filter(|answer| values.iter().any(|value| answer.options.iter().any(|o| value == o)));
            return offered.map_or_else(|| values.first().cloned().unwrap_or_default(), |a| a.label.clone().into());
        }
        if let Some(value) = schema.get("const") {
            return value.clone();
        }
        if let Some(first) = schema["anyOf"].get(0) {
            return self.value(first, name, of, depth + 1);
        }
        let kind = schema["type"].as_str().or_else(|| schema["type"].get(0)?.as_str());
        match (kind, name) {
            (Some("object"), _) => {
                let empty = Map::new();
                let properties = schema["properties"].as_object().unwrap_or(&empty);
                let field = |(name, part): (&String, &Value)| (name.clone(), self.value(part, name, of, depth + 1));
                properties.iter().map(field).collect::<Map<_, _>>().into()
            }
            (Some("array"), _) if of.is_none() => {
                self.answers.iter().map(|answer| self.value(&schema["items"], name, Some(answer), depth + 1)).collect()
            }
            (Some("array"), _) => vec![self.value(&schema["items"], name, of, depth + 1)].into(),
            (Some("string"), "category") => answer.map_or(Value::Null, |answer| answer.label.clone().into()),
            (Some("integer" | "number" | "string"), "id") => answer.map_or(Value::Null, |answer| answer.id.clone()),
            (Some("number"), "confidence") => answer.map_or(Value::Null, |answer| answer.confidence().into()),
            (Some("string"), "rationale") => answer.map_or(Value::Null, |answer| answer.rationale().into()),
            (Some("integer" | "number"), _) => 0.into(),
            (Some("boolean"), _) => true.into(),
            (Some("string"), _) => "".into(),
            _ => Value::Null,
        }
    }

    fn resolved<'b>(&'b self, schema: &'b Value) -> &'b Value {
        let target = schema["$ref"].as_str().and_then(|path| self.root.pointer(path.strip_prefix('#')?));
        target.unwrap_or(schema)
    }
}

/// Each part of a schema, outer ones first, with its depth in objects.
pub(crate) fn walk(schema: &Value, depth: usize, see: &mut impl FnMut(&Value, usize)) {
    see(schema, depth);
    for key in ["properties", "$defs"] {
        for part in schema[key].as_object().into_iter().flat_map(|parts| parts.values()) {
            walk(part, depth + 1, see);
        }
    }
    walk_if(&schema["items"], depth, see);
    for part in schema["anyOf"].as_array().into_iter().flatten() {
        walk(part, depth, see);
    }
}

fn walk_if(schema: &Value, depth: usize, see: &mut impl FnMut(&Value, usize)) {
    if schema.is_object() {
        walk(schema, depth, see);
    }
}
