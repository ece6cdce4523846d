//! What is asked about: items in the text of a user, labels in that of an instruction.

use crate::oracle::Oracle;
use serde::Deserialize;
use serde_json::Value;

/// Titles of one request.
pub(crate) struct Items {
    pub(crate) list: Vec<Item>,
    /// Whether they came as a list.
    pub(crate) packed: bool,
}

/// One title.
#[derive(Deserialize)]
pub(crate) struct Item {
    pub(crate) id: Value,
    pub(crate) title: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    Packed { items: Vec<Item> },
    Single { title: String },
}

/// `{"items":[{"id":1,"title":"..."}]}`, `{"title":"..."}`, or a title as it is.
pub(crate) fn read(text: &str) -> Items {
    match serde_json::from_str(text) {
        Ok(Text::Packed { items }) => Items { list: items, packed: true },
        Ok(Text::Single { title }) => Items { list: vec![Item { id: 1.into(), title }], packed: false },
        Err(_) => Items { list: vec![Item { id: 1.into(), title: text.to_owned() }], packed: false },
    }
}

/// Labels between a line `Categories:` and an empty one: `- LABEL` or `- LABEL: description`. A label that has a colon
/// itself is told from a description only where some title has it.
pub(crate) fn labels(instruction: &str, oracle: &Oracle) -> Vec<String> {
    let lines = instruction.lines().skip_while(|line| line.trim() != "Categories:").skip(1);
    let listed = lines.take_while(|line| !line.trim().is_empty()).filter_map(|line| line.strip_prefix("- "));
    let label = |line: &str| {
        let ends = line.match_indices(": ").map(|(at, _)| at);
        let known = ends.chain([line.len()]).map(|end| &line[..end]).filter(|label| oracle.knows_label(label)).last();
        known.unwrap_or_else(|| line.split(": ").next().unwrap_or(line)).to_owned()
    };
    listed.map(label).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;
    use std::sync::Arc;

    #[test]
    fn labels_end_at_their_description() {
        let known = HashMap::from([("t".to_owned(), "Film: Noir".to_owned())]);
        let oracle = Oracle::new(0, Arc::new(known));
        let instruction =
            "Choose.\n- not this\nCategories:\n- Toys\n- Books: to read: or not\n- Film: Noir: dark\n\n- nor this";
        assert_eq!(labels(instruction, &oracle), ["Toys", "Books", "Film: Noir"]);
        assert_eq!(labels("Choose.", &oracle), Vec::<String>::new());
    }
}
