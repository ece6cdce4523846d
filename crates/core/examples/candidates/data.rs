//! Labelled texts, read from files that are not part of the repository.

use pg_categorize_core::cascade::CategoryId;
use pg_categorize_core::lexical::Document;
use pg_categorize_core::normalise::{Case, normalise};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;

/// A labelled text in normal form.
pub struct Row {
    pub text: String,
    pub category: CategoryId,
}

/// Labelled texts and their categories, with those above them.
pub struct Set {
    pub name: &'static str,
    pub train: Vec<Row>,
    pub test: Vec<Row>,
    paths: Vec<Vec<String>>,
}

impl Set {
    pub fn flipkart(folder: &Path) -> Self {
        Self::split("flipkart", &folder.join("flipkart"))
    }

    pub fn myntra(folder: &Path) -> Self {
        Self::split("myntra", &folder.join("myntra_fashion"))
    }

    pub fn banking77(folder: &Path) -> Self {
        let train = rows(&folder.join("banking77/train.tsv"));
        let test = rows(&folder.join("banking77/test.tsv"));
        let spoken = |(title, category): (String, String)| (title, category.replace('_', " "));
        Self::new("banking77", train.into_iter().map(spoken).collect(), test.into_iter().map(spoken).collect())
    }

    fn split(name: &'static str, folder: &Path) -> Self {
        let numbers = read(&folder.join("split42_test_rows.txt"));
        let held: HashSet<usize> = numbers.lines().map(|l| l.trim().parse().expect("a row")).collect();
        let all = rows(&folder.join("dedup.tsv")).into_iter().enumerate();
        let (test, train): (Vec<_>, Vec<_>) = all.partition(|(i, _)| held.contains(i));
        let rest = |rows: Vec<(usize, (String, String))>| rows.into_iter().map(|(_, row)| row).collect();
        Self::new(name, rest(train), rest(test))
    }

    fn new(name: &'static str, train: Vec<(String, String)>, test: Vec<(String, String)>) -> Self {
        let mut paths = BTreeSet::new();
        for (_, category) in train.iter().chain(&test) {
            let labels: Vec<String> = category.split(" > ").map(str::to_owned).collect();
            (1..=labels.len()).for_each(|length| _ = paths.insert(labels[..length].to_vec()));
        }
        let paths: Vec<Vec<String>> = paths.into_iter().collect();
        let ids: HashMap<String, CategoryId> = paths.iter().zip(1..).map(|(p, id)| (p.join(" > "), id)).collect();
        let known = |rows: Vec<(String, String)>| {
            let row =
                |(title, path): (String, String)| Row { text: normalise(&title, Case::Folded), category: ids[&path] };
            rows.into_iter().map(row).collect::<Vec<_>>()
        };
        let (mut train, test) = (known(train), known(test));
        shuffle(&mut train);
        Self { name, train, test, paths }
    }

    /// The categories, which have no descriptions.
    pub fn documents(&self) -> Vec<Document> {
        category_documents(&self.paths)
    }
}

/// Categories that have nothing but their paths. Their ids count from 1 in the order of the paths.
pub fn category_documents(paths: &[Vec<String>]) -> Vec<Document> {
    let inner: HashSet<&[String]> = paths.iter().map(|p| &p[..p.len() - 1]).collect();
    let document = |(path, id): (&Vec<String>, CategoryId)| Document {
        id,
        labels: path.clone(),
        inner: inner.contains(path.as_slice()),
        ..Document::default()
    };
    paths.iter().zip(1..).map(document).collect()
}

fn rows(path: &Path) -> Vec<(String, String)> {
    let row = |line: &str| {
        let (title, category) = line.split_once('\t').expect("title and category");
        (title.to_owned(), category.to_owned())
    };
    read(path).lines().skip(1).map(row).collect()
}

pub fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Fisher and Yates, with the same numbers in every run.
fn shuffle(rows: &mut [Row]) {
    let mut state = 42u64;
    for i in (1..rows.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        rows.swap(i, ((state >> 33) as usize) % (i + 1));
    }
}
