//! Labelled text that lies beside the repository.

use std::path::PathBuf;

/// The folder of all of it.
pub struct Data {
    folder: PathBuf,
}

/// Titles with their categories, in their order.
#[derive(Debug, Default)]
pub struct Rows {
    /// What is to be categorised.
    pub titles: Vec<String>,
    /// Where it belongs.
    pub labels: Vec<String>,
}

impl Data {
    /// Finds it.
    ///
    /// # Errors
    /// What is missing.
    pub fn find() -> Result<Self, String> {
        let folder = crate::root().join("../shared/data");
        let needed = ["flipkart/dedup.tsv", "myntra_fashion/dedup.tsv", "banking77/train.tsv", "clinc150/train.tsv"];
        match needed.iter().find(|file| !folder.join(file).is_file()) {
            Some(file) => Err(format!("../shared/data/{file} is absent")),
            None => Ok(Self { folder }),
        }
    }

    /// Where it is.
    pub fn folder(&self) -> &PathBuf {
        &self.folder
    }

    /// The text of one file.
    ///
    /// # Panics
    /// Where it cannot be read.
    pub fn text(&self, file: &str) -> String {
        let path = self.folder.join(file);
        std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    /// An unquoted file of titles and categories with a header; only a line feed ends a line.
    pub fn rows(&self, file: &str) -> Rows {
        let text = self.text(file);
        let pair = |line: &str| {
            let mut cells = line.split('\t').map(str::to_owned);
            (cells.next().unwrap_or_default(), cells.next().unwrap_or_default())
        };
        let (titles, labels) = text.split_terminator('\n').skip(1).map(pair).unzip();
        Rows { titles, labels }
    }

    /// The rows of flipkart's test part of seed 42.
    pub fn test_rows(&self) -> Vec<usize> {
        self.text("flipkart/split42_test_rows.txt").lines().filter_map(|line| line.trim().parse().ok()).collect()
    }
}

impl Rows {
    /// Some of them.
    pub fn part(&self, rows: &[usize]) -> Self {
        let of = |all: &[String]| rows.iter().map(|row| all[*row].clone()).collect();
        Self { titles: of(&self.titles), labels: of(&self.labels) }
    }
}
