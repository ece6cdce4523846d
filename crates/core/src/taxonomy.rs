//! A taxonomy: a tree of categories, and what became of those that were merged or dropped.

use crate::cascade::CategoryId;
use crate::category_path;
use crate::close_names;
use crate::error::{Error, Result};
use crate::settings::Settings;
use hashbrown::HashMap;
use std::rc::Rc;

/// Bound of categories in one taxonomy (54000 above it); 15,000 are tested.
pub const MAX_CATEGORIES: usize = 100_000;

/// A category as it is stored.
#[derive(Debug, Clone)]
pub struct Category {
    /// Its id; answers refer to this.
    pub id: CategoryId,
    /// The node above, `None` at the top.
    pub parent: Option<CategoryId>,
    /// The last label of the path, unescaped.
    pub label: String,
    /// The full path, byte for byte as created.
    pub path: String,
    /// Where its answers went when it was merged away.
    pub merged_into: Option<CategoryId>,
    /// Gone: its answers no longer count.
    pub dropped: bool,
}

/// A taxonomy as a backend holds it.
#[derive(Debug)]
pub struct Taxonomy {
    /// Its id.
    pub id: i32,
    /// Its name.
    pub name: String,
    /// Rises with every change of its categories.
    pub version: i32,
    /// What its owner set.
    pub settings: Settings,
    categories: Vec<Category>,
    by_id: HashMap<CategoryId, u32>,
    by_key: HashMap<String, u32>,
    inner: HashMap<CategoryId, u32>,
}

impl Taxonomy {
    /// Builds the lookups over the rows of one taxonomy.
    pub fn new(id: i32, name: String, version: i32, settings: Settings, categories: Vec<Category>) -> Self {
        let by_id = categories.iter().enumerate().map(|(i, c)| (c.id, i as u32)).collect();
        let mut by_key = HashMap::with_capacity(categories.len());
        let mut inner = HashMap::new();
        for (i, category) in categories.iter().enumerate().filter(|(_, c)| c.is_live()) {
            by_key.insert(key(&category.path), i as u32);
            if let Some(parent) = category.parent {
                *inner.entry(parent).or_insert(0) += 1;
            }
        }
        Self { id, name, version, settings, categories, by_id, by_key, inner }
    }

    /// The live category behind an id, along its mergers.
    pub fn live(&self, id: CategoryId) -> Option<&Category> {
        let mut at = self.get(id)?;
        for _ in 0..self.categories.len() {
            match at.merged_into {
                Some(next) => at = self.get(next)?,
                None => return at.is_live().then_some(at),
            }
        }
        None
    }

    /// The category that may answer for an id: live, and a leaf where the taxonomy wants leaves.
    pub fn answerable(&self, id: CategoryId) -> Option<&Category> {
        self.live(id).filter(|c| !(self.settings.leaf_only && self.inner.contains_key(&c.id)))
    }

    /// The live category of a path, however its separators are spaced.
    ///
    /// # Errors
    /// 22023 for a malformed path or one that the taxonomy lacks; the HINT offers close ones.
    pub fn find(&self, path: &str) -> Result<&Category> {
        let canonical = category_path::join(&category_path::split(path)?);
        if let Some(&i) = self.by_key.get(&canonical) {
            return Ok(&self.categories[i as usize]);
        }
        let error = Error::invalid(format!("category \"{path}\" does not exist in taxonomy \"{}\"", self.name));
        Err(match close_names::hint(path, self.live_categories().map(|c| c.path.as_str())) {
            Some(hint) => error.hint(hint),
            None => error.hint("Add it with categorize.add_category()."),
        })
    }

    /// The category of a path if there is one; a malformed path has none.
    pub fn lookup(&self, path: &str) -> Option<&Category> {
        let canonical = category_path::join(&category_path::split(path).ok()?);
        self.by_key.get(&canonical).map(|&i| &self.categories[i as usize])
    }

    /// The live categories, in the order of their ids.
    pub fn live_categories(&self) -> impl Iterator<Item = &Category> {
        self.categories.iter().filter(|c| c.is_live())
    }

    /// The live descendants of a category.
    pub fn descendants(&self, of: CategoryId) -> Vec<&Category> {
        let mut found: Vec<&Category> = Vec::new();
        let mut frontier = vec![of];
        while let Some(at) = frontier.pop() {
            let children = self.live_categories().filter(|c| c.parent == Some(at) && c.id != of);
            for child in children {
                if found.len() >= self.categories.len() {
                    return found;
                }
                frontier.push(child.id);
                found.push(child);
            }
        }
        found
    }

    /// Labels from the root down to this category.
    pub fn labels<'a>(&'a self, category: &'a Category) -> Vec<&'a str> {
        let mut labels = vec![category.label.as_str()];
        let mut at = category;
        while let Some(parent) = at.parent.and_then(|p| self.get(p)) {
            if labels.len() >= category_path::MAX_DEPTH {
                break;
            }
            labels.push(&parent.label);
            at = parent;
        }
        labels.reverse();
        labels
    }

    /// Whether any live category hangs below this one.
    pub fn has_children(&self, id: CategoryId) -> bool {
        self.inner.contains_key(&id)
    }

    fn get(&self, id: CategoryId) -> Option<&Category> {
        self.by_id.get(&id).map(|&i| &self.categories[i as usize])
    }
}

impl Category {
    /// Whether it can answer: neither merged away nor dropped.
    pub fn is_live(&self) -> bool {
        !self.dropped && self.merged_into.is_none()
    }
}

/// Ad-hoc labels: trimmed, de-duplicated, sorted, so that their order and repeats make no difference.
///
/// # Errors
/// 22023 when nothing is left or a label is NULL or blank; 54000 beyond [`MAX_CATEGORIES`].
pub fn ad_hoc_labels(labels: Vec<Option<String>>) -> Result<Rc<[String]>> {
    let mut clean = Vec::with_capacity(labels.len());
    for label in labels {
        let label = label.unwrap_or_default().trim().to_owned();
        if label.is_empty() {
            return Err(Error::invalid("categories must not contain NULL or a blank label"));
        }
        clean.push(label);
    }
    clean.sort_unstable();
    clean.dedup();
    if clean.is_empty() {
        return Err(Error::invalid("categories must not be empty").hint("Pass labels, as in ARRAY['spam', 'work']."));
    }
    if clean.len() > MAX_CATEGORIES {
        return Err(Error::new(
            crate::error::ErrorKind::LimitExceeded,
            format!("more than {MAX_CATEGORIES} ad-hoc categories"),
        ));
    }
    Ok(clean.into())
}

fn key(path: &str) -> String {
    category_path::split(path).map_or_else(|_| path.to_owned(), |labels| category_path::join(&labels))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn category(id: i32, parent: Option<i32>, path: &str) -> Category {
        let label = category_path::split(path).unwrap().pop().unwrap();
        Category { id, parent, label, path: path.to_owned(), merged_into: None, dropped: false }
    }

    fn taxonomy(categories: Vec<Category>) -> Taxonomy {
        Taxonomy::new(1000, "shop".into(), 1, Settings::default(), categories)
    }

    #[test]
    fn finds_however_spaced_and_offers_close_paths() {
        let t = taxonomy(vec![category(1, None, "Footwear"), category(2, Some(1), "Footwear>Running Shoes")]);
        assert_eq!(t.find(" Footwear >Running Shoes").unwrap().path, "Footwear>Running Shoes");
        let error = t.find("Footwear > Runing Shoes").unwrap_err();
        assert!(error.hint.unwrap().contains("Footwear>Running Shoes"));
        assert_eq!(t.labels(t.find("Footwear>Running Shoes").unwrap()), ["Footwear", "Running Shoes"]);
    }

    #[test]
    fn answers_follow_mergers_and_end_with_drops_even_in_a_circle() {
        let mut a = category(1, None, "A");
        a.merged_into = Some(2);
        let mut c = category(3, None, "C");
        c.dropped = true;
        let mut d = category(4, None, "D");
        d.merged_into = Some(5);
        let mut e = category(5, None, "E");
        e.merged_into = Some(4);
        let t = taxonomy(vec![a, category(2, None, "B"), c, d, e]);
        assert_eq!(t.live(1).unwrap().path, "B");
        assert!(t.live(3).is_none());
        assert!(t.live(4).is_none());
        assert!(t.live(99).is_none());
    }

    #[test]
    fn ad_hoc_labels_are_a_set() {
        let labels = |l: &[&str]| ad_hoc_labels(l.iter().map(|s| Some((*s).to_owned())).collect());
        assert_eq!(labels(&["work ", "spam", "work"]).unwrap(), labels(&["spam", "work"]).unwrap());
        assert!(labels(&[]).is_err());
        assert!(labels(&["a", " "]).is_err());
        assert!(ad_hoc_labels(vec![None]).is_err());
    }
}
