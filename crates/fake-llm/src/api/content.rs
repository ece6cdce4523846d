//! What a chat model writes.

use super::answer::Answer;
use super::schema;
use serde_json::{Value, json};

/// The form that a request wants.
pub(crate) enum Form {
    /// JSON that keeps this schema.
    Schema(Value),
    /// One of these labels, bare.
    Label(Vec<String>),
    /// JSON.
    Json,
    /// Nothing in particular.
    Text,
}

/// The text of these answers: by the schema; a list of items; or, of a single one without a form, its label.
pub(crate) fn write(form: &Form, answers: &[Answer<'_>], packed: bool) -> String {
    let item =
        |answer: &Answer<'_>| json!({"id": answer.id, "category": answer.label, "confidence": answer.confidence()});
    match (form, answers) {
        (Form::Schema(schema), _) => schema::fill(schema, answers).to_string(),
        (Form::Text | Form::Label(_), []) => String::new(),
        (Form::Text, [answer]) | (Form::Label(_), [answer, ..]) => answer.label.clone(),
        (Form::Json, [answer]) if !packed => {
            json!({"category": answer.label, "confidence": answer.confidence()}).to_string()
        }
        _ => json!({"items": answers.iter().map(item).collect::<Vec<_>>()}).to_string(),
    }
}
