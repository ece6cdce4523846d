//! What a language model may choose of a taxonomy, or of ad-hoc labels, and the lists in which it is offered that.

use crate::pg::scope::documents;
use pg_categorize_core::candidates::{Candidates, Node, Tree};
use pg_categorize_core::category_index::CategoryIndex;
use pg_categorize_core::choices::{Choice, Choices};
use pg_categorize_core::lexical::Document;
use pg_categorize_core::taxonomy::{Category, Taxonomy};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

/// Examples of a category that a model is told.
const EXAMPLES: usize = 3;

/// What may be chosen of a taxonomy, or of ad-hoc labels.
pub struct Offered {
    /// What may be chosen.
    pub choices: Arc<Choices>,
    nodes: Vec<Node>,
    documents: Vec<Document>,
    /// Made where it is needed: a small taxonomy is offered as a whole.
    candidates: RefCell<Option<Arc<Candidates>>>,
}

impl Offered {
    /// The categories that may answer, in the order of their ids, and the tree of all.
    pub fn of_taxonomy(taxonomy: &Taxonomy) -> Self {
        let documents = documents(taxonomy);
        let lines: HashMap<i32, Option<String>> = documents.iter().map(|d| (d.id, described(d))).collect();
        let choice = |category: &Category| {
            let description = lines.get(&category.id).cloned().flatten();
            Choice { id: category.id, label: category.path.clone(), description }
        };
        let live = || taxonomy.live_categories();
        let choices = live().filter(|category| taxonomy.answerable(category.id).is_some()).map(choice).collect();
        let node = |category: &Category| Node {
            id: category.id,
            // One whose parent was merged away hangs below what that became.
            parent: category.parent.and_then(|parent| taxonomy.live(parent)).map(|parent| parent.id),
            path: category.path.clone(),
        };
        Self::new(choices, live().map(node).collect(), documents)
    }

    /// Ad-hoc labels, by their positions.
    pub fn of_labels(labels: &[String]) -> Self {
        let choices: Vec<Choice> = labels.iter().enumerate().map(ad_hoc).collect();
        let node = |choice: &Choice| Node { id: choice.id, parent: None, path: choice.label.clone() };
        let document =
            |choice: &Choice| Document { id: choice.id, labels: vec![choice.label.clone()], ..Document::default() };
        let (nodes, documents) = (choices.iter().map(node).collect(), choices.iter().map(document).collect());
        Self::new(choices, nodes, documents)
    }

    fn new(choices: Vec<Choice>, nodes: Vec<Node>, documents: Vec<Document>) -> Self {
        Self { choices: Arc::new(Choices::new(choices)), nodes, documents, candidates: RefCell::default() }
    }

    /// Lists of so many of them.
    pub fn candidates(&self, short: usize) -> Arc<Candidates> {
        let mut kept = self.candidates.borrow_mut();
        let made = kept.take().filter(|made| made.short() == short).unwrap_or_else(|| {
            let index = CategoryIndex::new(&self.documents);
            let tree = Tree::new(self.nodes.clone());
            Arc::new(Candidates::new(self.choices.clone(), tree, Box::new(index), short))
        });
        kept.insert(made).clone()
    }
}

/// One line about a category, with typical titles.
fn described(document: &Document) -> Option<String> {
    let examples = document.examples.iter().take(EXAMPLES).map(String::as_str).collect::<Vec<_>>().join(", ");
    let parts = [
        document.description.trim().to_owned(),
        if examples.is_empty() { examples } else { format!("e.g. {examples}") },
    ];
    let line = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ");
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    (!line.is_empty()).then_some(line)
}

fn ad_hoc((position, label): (usize, &String)) -> Choice {
    Choice { id: i32::try_from(position).unwrap_or(i32::MAX), label: label.clone(), description: None }
}
