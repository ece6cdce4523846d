//! New categories of a taxonomy, with the nodes above them that are not there yet.

use crate::cascade::CategoryId;
use crate::category_path;
use crate::error::{Error, ErrorKind, Result};
use crate::taxonomy::{MAX_CATEGORIES, Taxonomy};
use hashbrown::HashMap;
use serde_json::Value;

/// A category that someone asks for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Wanted {
    /// Its path, kept byte for byte.
    pub path: String,
    /// One line about it.
    pub description: Option<String>,
    /// Typical words and titles.
    pub examples: Option<Vec<String>>,
}

/// The node above a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parent {
    /// None: it stands at the top.
    Top,
    /// One that is stored.
    Known(CategoryId),
    /// The new node at this position, which comes before.
    New(usize),
}

/// A category to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The node above.
    pub parent: Parent,
    /// Its own label.
    pub label: String,
    /// What was asked for; made up where only something below was.
    pub wanted: Wanted,
}

/// The nodes that `taxonomy` lacks of `wanted`, parents first. What is already there is left alone.
///
/// # Errors
/// 22023 for a malformed path; 54000 beyond [`MAX_CATEGORIES`].
pub fn grow(taxonomy: &Taxonomy, wanted: Vec<Wanted>) -> Result<Vec<Node>> {
    let mut nodes: Vec<Node> = Vec::new();
    let mut fresh: HashMap<String, usize> = HashMap::new();
    for want in wanted {
        let labels = category_path::split(&want.path)?;
        let mut parent = Parent::Top;
        for depth in 1..=labels.len() {
            let path = category_path::join(&labels[..depth]);
            if let Some(known) = taxonomy.lookup(&path) {
                parent = Parent::Known(known.id);
                continue;
            }
            let own = depth == labels.len();
            let at = *fresh.entry(path).or_insert_with_key(|path| {
                let wanted = Wanted { path: path.clone(), ..Wanted::default() };
                nodes.push(Node { parent, label: labels[depth - 1].clone(), wanted });
                nodes.len() - 1
            });
            if own {
                nodes[at].wanted = want.clone();
            }
            parent = Parent::New(at);
        }
    }
    let total = nodes.len() + taxonomy.live_categories().count();
    if total > MAX_CATEGORIES {
        return Err(Error::new(ErrorKind::LimitExceeded, "too many categories")
            .detail(format!("The taxonomy would have {total}; at most {MAX_CATEGORIES} are allowed.")));
    }
    Ok(nodes)
}

/// Reads categories from JSON: an array of paths, or of objects with `path`, `description` and `examples`.
///
/// # Errors
/// 22023 for any other shape.
pub fn from_json(definition: &Value) -> Result<Vec<Wanted>> {
    let shape = |what: &str| {
        Error::invalid(format!("invalid definition of a taxonomy: {what}"))
            .hint(r#"Pass an array, as in '["A", {"path": "A > B", "description": "...", "examples": ["..."]}]'."#)
    };
    let list = definition.as_array().ok_or_else(|| shape("it is not an array"))?;
    list.iter()
        .map(|item| match item {
            Value::String(path) => Ok(Wanted { path: path.clone(), ..Wanted::default() }),
            Value::Object(object) => {
                if let Some(key) = object.keys().find(|k| !["path", "description", "examples"].contains(&k.as_str())) {
                    return Err(shape(&format!("unknown key \"{key}\"")));
                }
                let text = |value: &Value| value.as_str().map(str::to_owned);
                let path = object.get("path").and_then(text).ok_or_else(|| shape("a category has no path"))?;
                let description = match object.get("description") {
                    None | Some(Value::Null) => None,
                    Some(value) => Some(text(value).ok_or_else(|| shape("a description must be a text"))?),
                };
                let examples = match object.get("examples") {
                    None | Some(Value::Null) => None,
                    Some(Value::Array(list)) => Some(
                        list.iter().map(text).collect::<Option<_>>().ok_or_else(|| shape("examples must be texts"))?,
                    ),
                    Some(_) => return Err(shape("examples must be an array")),
                };
                Ok(Wanted { path, description, examples })
            }
            _ => Err(shape("a category must be a text or an object")),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;
    use serde_json::json;

    fn want(path: &str) -> Wanted {
        Wanted { path: path.to_owned(), ..Wanted::default() }
    }

    #[test]
    fn parents_come_first_once_and_texts_are_kept() {
        let taxonomy = Taxonomy::new(1, "t".into(), 1, Settings::default(), Vec::new());
        let nodes = grow(&taxonomy, vec![want("A>B"), want("A"), want("A > C"), want("A  > B")]).unwrap();
        let seen: Vec<_> = nodes.iter().map(|n| (n.wanted.path.as_str(), n.parent)).collect();
        assert_eq!(seen, [("A", Parent::Top), ("A  > B", Parent::New(0)), ("A > C", Parent::New(0))]);
    }

    #[test]
    fn json_is_a_list_of_paths_or_objects() {
        let read = from_json(&json!(["A", {"path": "B", "description": "d", "examples": ["x"]}])).unwrap();
        assert_eq!(read[0], want("A"));
        assert_eq!(read[1].examples, Some(vec!["x".to_owned()]));
        for bad in [
            json!({}),
            json!([1]),
            json!([{"description": "d"}]),
            json!([{"path": "a", "exmples": []}]),
            json!([{"path": "a", "description": 1}]),
        ] {
            assert!(from_json(&bad).is_err(), "{bad}");
        }
    }
}
