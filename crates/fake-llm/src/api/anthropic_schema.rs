//! Which schemas Anthropic takes (platform.claude.com, "Structured outputs", JSON Schema limitations).

use super::schema::walk;
use serde_json::Value;

/// Keywords that are refused wherever they stand.
const REFUSED: [&str; 9] = [
    "exclusiveMaximum",
    "exclusiveMinimum",
    "maxItems",
    "maxLength",
    "maximum",
    "minLength",
    "minimum",
    "multipleOf",
    "oneOf",
];

/// Optional properties that a schema may have.
const OPTIONAL: usize = 24;

/// What is wrong with a schema.
pub(crate) fn fault_in(schema: &Value) -> Option<String> {
    if !schema.is_object() {
        return Some("Field required".to_owned());
    }
    let (mut optional, mut wrong) = (0, None);
    walk(schema, 0, &mut |part, _| {
        let Some(fields) = part.as_object() else { return };
        if let Some(keyword) = REFUSED.iter().find(|keyword| fields.contains_key(**keyword)) {
            wrong = Some(format!(
                "For '{}' type, property '{keyword}' is not supported",
                part["type"].as_str().unwrap_or("any")
            ));
        }
        if fields.get("minItems").is_some_and(|least| !matches!(least.as_u64(), Some(0 | 1))) {
            wrong = Some("For 'array' type, 'minItems' values other than 0 or 1 are not supported".to_owned());
        }
        if part["type"] == "object" {
            if part["additionalProperties"] != Value::Bool(false) {
                wrong = Some("For 'object' type, 'additionalProperties' must be explicitly set to false".to_owned());
            }
            let names = part["properties"].as_object().into_iter().flat_map(|properties| properties.keys());
            let required =
                |name: &String| part["required"].as_array().is_some_and(|list| list.iter().any(|n| n == name));
            optional += names.filter(|name| !required(name)).count();
        }
    });
    match optional {
        0..=OPTIONAL => wrong,
        _ => Some(format!("Schemas contain too many optional parameters ({optional}); the limit is {OPTIONAL}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_not_supported_is_found() {
        let object =
            |properties: Value| json!({"type": "object", "properties": properties, "additionalProperties": false});
        assert_eq!(
            fault_in(&object(json!({"a": {"type": "array", "items": {"type": "string"}, "minItems": 1}}))),
            None
        );
        let many: serde_json::Map<_, _> = (0..25).map(|at| (at.to_string(), json!({"type": "string"}))).collect();
        for wrong in [
            json!(null),
            json!({"type": "object"}),
            object(json!({"a": {"type": "object"}})),
            object(json!({"a": {"type": "number", "minimum": 0}})),
            object(json!({"a": {"type": "array", "items": {"type": "string", "maxLength": 3}}})),
            object(json!({"a": {"type": "array", "minItems": 2}})),
            object(many.into()),
        ] {
            assert!(fault_in(&wrong).is_some(), "{wrong}");
        }
    }
}
