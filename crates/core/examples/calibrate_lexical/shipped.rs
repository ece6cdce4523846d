//! The shipped taxonomy, read from the SQL that ships it.

use pg_categorize_core::category_path;
use pg_categorize_core::lexical::Document;
use std::collections::{HashMap, HashSet};

/// The categories as documents, and their paths by id.
pub fn documents(sql: &str) -> (Vec<Document>, HashMap<i32, String>) {
    let rows = sql.split_once("examples) VALUES").expect("the insert of the categories").1;
    let mut paths = HashMap::new();
    let documents: Vec<Document> = rows
        .split("\n    (")
        .skip(1)
        .map(|row| {
            let id: i32 = row.split(',').next().and_then(|n| n.parse().ok()).expect("a row begins with its id");
            let texts = literals(row);
            let [_label, path, description, examples @ ..] = &texts[..] else { panic!("a short row: {row}") };
            paths.insert(id, path.clone());
            Document {
                id,
                labels: category_path::split(path).expect("a shipped path"),
                description: description.clone(),
                examples: examples.to_vec(),
                inner: false,
            }
        })
        .collect();
    let above = |d: &Document| category_path::join(&d.labels[..d.labels.len() - 1]);
    let inner: HashSet<String> = documents.iter().map(above).collect();
    let mark = |d: Document| Document { inner: inner.contains(&category_path::join(&d.labels)), ..d };
    (documents.into_iter().map(mark).collect(), paths)
}

fn literals(row: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = row;
    while let Some((_, after)) = rest.split_once('\'') {
        let mut text = String::new();
        rest = after;
        while let Some((piece, after)) = rest.split_once('\'') {
            text.push_str(piece);
            rest = after;
            let Some(more) = rest.strip_prefix('\'') else { break };
            text.push('\'');
            rest = more;
        }
        found.push(text);
    }
    found
}
