//! What is asked about: items in what a user says, labels in the text of an instruction.

use super::talk::Said;
use crate::oracle::Oracle;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Titles of one request.
#[derive(Debug, PartialEq)]
pub(crate) struct Items {
    pub(crate) list: Vec<Item>,
    /// Labels that came with them.
    pub(crate) offered: Vec<String>,
    /// Whether they came as a list.
    pub(crate) packed: bool,
}

/// One title, one image, or both.
#[derive(Debug, PartialEq, Deserialize)]
pub(crate) struct Item {
    pub(crate) id: Value,
    #[serde(default)]
    title: Option<String>,
    #[serde(skip)]
    image: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    Packed {
        items: Vec<Item>,
        #[serde(default, alias = "branches")]
        categories: Map<String, Value>,
    },
    Single {
        title: String,
    },
}

impl Item {
    fn new(id: usize, title: Option<String>, image: Option<String>) -> Self {
        Self { id: id.into(), title, image }
    }

    /// By what the oracle and the account know it: its image, where that has a label or nothing else is there.
    pub(crate) fn name(&self, oracle: &Oracle) -> String {
        let title = self.title.as_deref().unwrap_or_default();
        match self.image.as_deref() {
            Some(image) if title.trim().is_empty() || oracle.truth(image).is_some() => image.to_owned(),
            _ => title.to_owned(),
        }
    }
}

impl Items {
    fn single(title: String) -> Self {
        Self { list: vec![Item::new(1, Some(title), None)], offered: Vec::new(), packed: false }
    }

    /// The names of all.
    pub(crate) fn names(&self, oracle: &Oracle) -> Vec<String> {
        self.list.iter().map(|item| item.name(oracle)).collect()
    }

    /// The item whose id is written so.
    pub(crate) fn place_of(&self, id: &str) -> Option<usize> {
        self.list.iter().position(|item| item.id.to_string().trim_matches('"') == id)
    }

    /// Gives an image to the item that it shows: the one whose id the text before it names, else the first that has
    /// nothing else, else the first without one.
    fn give(&mut self, image: &str, before: Option<&str>) {
        let named = before.and_then(|text| {
            let mut numbers = text.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty());
            numbers.find_map(|number| self.place_of(number))
        });
        let without = |item: &Item| item.image.is_none();
        let bare = |item: &Item| without(item) && item.title.as_deref().is_none_or(|title| title.trim().is_empty());
        let place = named.or_else(|| self.list.iter().position(bare)).or_else(|| self.list.iter().position(without));
        match place {
            Some(place) => self.list[place].image = Some(image.to_owned()),
            None => self.list.push(Item::new(self.list.len() + 1, None, Some(image.to_owned()))),
        }
    }
}

/// `{"items":[{"id":1,"title":"..."}]}`, `{"title":"..."}`, or a title as it is, and images. Where one of several texts
/// is such data, the others only say what the images are.
pub(crate) fn read(said: &[Said]) -> Items {
    let texts: Vec<&str> = said.iter().filter_map(|said| said.text()).collect();
    let data = texts.iter().find_map(|text| serde_json::from_str(text).ok());
    let joined = || texts.concat().trim_end_matches('\n').to_owned();
    let mut items = match data {
        Some(Text::Packed { items, categories }) => {
            Items { list: items, offered: categories.into_iter().map(|(label, _)| label).collect(), packed: true }
        }
        Some(Text::Single { title }) => Items::single(title),
        None if joined().trim().is_empty() => Items { list: Vec::new(), offered: Vec::new(), packed: false },
        None => Items::single(joined()),
    };
    let mut before = None;
    for part in said {
        match part {
            Said::Text(text) => before = Some(text.as_str()).filter(|_| items.packed),
            Said::Image(image) => items.give(image, before.take().filter(|text| !text.contains("\"items\""))),
        }
    }
    items
}

/// A text alone.
pub(crate) fn read_text(text: &str) -> Items {
    read(&[Said::Text(text.to_owned())])
}

impl Said {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Image(_) => None,
        }
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
    use crate::config::Config;
    use serde_json::json;
    use std::collections::HashMap;
    use std::sync::Arc;

    fn oracle(labels: &[(&str, &str)]) -> Oracle {
        let labels: HashMap<_, _> =
            labels.iter().map(|(title, label)| (title.to_string(), label.to_string())).collect();
        Oracle::new(&Config { labels: Arc::new(labels), ..Config::default() })
    }

    #[test]
    fn labels_end_at_their_description() {
        let oracle = oracle(&[("t", "Film: Noir")]);
        let instruction =
            "Choose.\n- not this\nCategories:\n- Toys\n- Books: to read: or not\n- Film: Noir: dark\n\n- nor this";
        assert_eq!(labels(instruction, &oracle), ["Toys", "Books", "Film: Noir"]);
        assert_eq!(labels("Choose.", &oracle), Vec::<String>::new());
    }

    #[test]
    fn labels_may_come_with_the_items() {
        for member in ["categories", "branches"] {
            let data = json!({ member: { "Toys": "games", "Books: old": "" }, "items": [{ "id": 1, "title": "x" }] });
            let mut offered = read_text(&data.to_string()).offered;
            offered.sort();
            assert_eq!(offered, ["Books: old", "Toys"]);
        }
    }

    #[test]
    fn images_find_their_items() {
        let oracle = oracle(&[("known", "Toys")]);
        let names = |said: &[Said]| read(said).names(&oracle);
        let (text, image) = (|text: &str| Said::Text(text.to_owned()), |name: &str| Said::Image(name.to_owned()));
        assert_eq!(names(&[image("a"), image("b")]), ["a", "b"]);
        assert_eq!(names(&[text("a title"), image("a")]), ["a title"]);
        assert_eq!(names(&[text("a title"), image("known")]), ["known"]);
        assert_eq!(names(&[image("known"), text("a "), text("title\n")]), ["known"]);
        let pack = text(&json!({"items": [{"id": 1, "title": "x"}, {"id": 2}, {"id": 7, "title": ""}]}).to_string());
        assert_eq!(names(&[pack.clone(), image("a"), image("b")]), ["x", "a", "b"]);
        assert_eq!(names(&[pack.clone(), text("Item 7:"), image("a"), image("b")]), ["x", "b", "a"]);
        assert_eq!(names(&[pack, text("Item 1:"), image("known")]), ["known", "", ""]);
        assert!(names(&[text(" \n")]).is_empty());
    }
}
