//! What a model is told that is also asked why. It writes the reason first: what follows is then a conclusion from it, and
//! no excuse for what is said already (Wei et al. 2022, "Chain-of-thought prompting", 3.3, where reasons after the answer
//! helped nothing).

use super::{Instruction, items, list, listed, schema};
use crate::choices::Form;

const ENTRY: (&str, &str) = (
    r#"{"id":1,"rationale":"...","category":"...","confidence":0.9}"#,
    "rationale is one short sentence that says why the category fits; ",
);

/// In place of the parts of a prompt that ask for no reason.
#[derive(Debug)]
pub struct Reasoned {
    /// The instruction that asks for JSON, as a JSON string.
    pub items: Instruction,
    /// The schema of the JSON that is asked for.
    pub schema: String,
    /// The schema that names the labels of a list, as that of the prompt does.
    pub enforcing: Option<String>,
}

impl Reasoned {
    /// What is told about these choices, as by the prompt.
    pub fn new(offered: &[(&str, Option<&str>)], form: Option<Form>) -> Self {
        const FIRST: &str = "rationale";
        match form {
            Some(form) => Self {
                items: listed::items(form, ENTRY),
                schema: schema(&[], FIRST),
                enforcing: Some(schema(offered, FIRST)),
            },
            None => Self { items: items(&list(offered), ENTRY), schema: schema(offered, FIRST), enforcing: None },
        }
    }
}
