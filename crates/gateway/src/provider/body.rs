//! A JSON object that is written member by member: the largest ones are there already, as text that all requests share.

use pg_categorize_core::prompt::quoted;

/// The object so far.
pub(crate) struct Body(String);

impl Body {
    /// An object that will have about so many bytes.
    pub(crate) fn new(bytes: usize) -> Self {
        let mut text = String::with_capacity(bytes + 512);
        text.push('{');
        Self(text)
    }

    /// Adds a member whose value is JSON.
    pub(crate) fn json(&mut self, name: &str, json: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push_str(&quoted(name));
        self.0.push(':');
        self.0.push_str(json);
    }

    /// Adds a member whose value is a text.
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        self.json(name, &quoted(text));
    }

    /// Whether it has no members.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.len() == 1
    }

    /// The JSON.
    pub(crate) fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }
}
