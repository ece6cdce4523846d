//! Real titles, where the data set lies beside the repository.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// Titles with their categories.
pub struct Titles {
    /// Title and category, in the order of the file.
    pub all: Vec<(String, String)>,
}

/// What a work says where they are absent.
pub const ABSENT: &str = "skipped: ../shared/data is absent";

impl Titles {
    /// The distinct ones.
    pub fn distinct() -> Option<Self> {
        let mut titles = Self::read("dedup.tsv")?;
        let mut seen = HashSet::new();
        titles.all.retain(|(title, _)| seen.insert(title.clone()));
        Some(titles)
    }

    /// The distinct ones with categories of one level: a decision takes 254 choices at most, which these categories with
    /// those above them are not.
    pub fn flat() -> Option<Self> {
        let mut titles = Self::distinct()?;
        titles.all.iter_mut().for_each(|(_, category)| *category = category.replace(" > ", " / "));
        Some(titles)
    }

    /// As they came to the shop, repetitions and all.
    pub fn stream() -> Option<Self> {
        Self::read("data.tsv")
    }

    fn read(file: &str) -> Option<Self> {
        let text = std::fs::read_to_string(crate::root().join("../shared/data/flipkart").join(file)).ok()?;
        let pair = |line: &str| line.split_once('\t').map(|(title, category)| (title.to_owned(), category.to_owned()));
        Some(Self { all: text.lines().skip(1).filter_map(pair).collect() })
    }

    /// The categories.
    pub fn categories(&self) -> Vec<String> {
        self.all.iter().map(|(_, category)| category.clone()).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// What a model knows of them.
    pub fn labels(&self) -> Arc<HashMap<String, String>> {
        Arc::new(self.all.iter().cloned().collect())
    }
}

/// The titles of these pairs.
pub fn titles(pairs: &[(String, String)]) -> Vec<&str> {
    pairs.iter().map(|(title, _)| title.as_str()).collect()
}
