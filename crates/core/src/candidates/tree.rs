//! The tree of a taxonomy, as it is walked.

use crate::cascade::CategoryId;
use crate::category_path::MAX_DEPTH;
use hashbrown::{HashMap, HashSet};

/// A node of the tree, whether or not it may answer.
#[derive(Debug, Clone)]
pub struct Node {
    /// The category.
    pub id: CategoryId,
    /// The node above; `None` at the top.
    pub parent: Option<CategoryId>,
    /// Its full path.
    pub path: String,
}

/// All nodes. Ad-hoc labels are a tree of one level.
#[derive(Debug, Default)]
pub struct Tree {
    nodes: HashMap<CategoryId, Node>,
    below: HashMap<Option<CategoryId>, Vec<CategoryId>>,
}

impl Tree {
    /// The tree of these nodes. A parent that is none of them is no parent.
    pub fn new(nodes: Vec<Node>) -> Self {
        let ids: HashSet<CategoryId> = nodes.iter().map(|node| node.id).collect();
        let mut tree = Self::default();
        for node in nodes {
            let node = Node { parent: node.parent.filter(|parent| ids.contains(parent)), ..node };
            tree.below.entry(node.parent).or_default().push(node.id);
            tree.nodes.insert(node.id, node);
        }
        tree
    }

    /// Whether this is one of its nodes.
    pub fn has(&self, id: CategoryId) -> bool {
        self.nodes.contains_key(&id)
    }

    /// The nodes right below one, or at the top.
    pub fn below(&self, node: Option<CategoryId>) -> &[CategoryId] {
        self.below.get(&node).map_or(&[], Vec::as_slice)
    }

    /// The path of a node.
    pub fn path(&self, id: CategoryId) -> Option<&str> {
        self.nodes.get(&id).map(|node| node.path.as_str())
    }

    /// How many nodes there are from the top down to this one, itself included.
    pub fn depth(&self, id: CategoryId) -> usize {
        self.upwards(id).count()
    }

    /// The node right below `node` (or at the top) to which this one belongs; `None` where it does not belong there.
    pub fn branch(&self, node: Option<CategoryId>, id: CategoryId) -> Option<CategoryId> {
        self.upwards(id).find(|at| self.nodes.get(at).is_some_and(|at| at.parent == node))
    }

    /// A node and those above it. A circle, which no table of ours holds, ends.
    fn upwards(&self, id: CategoryId) -> impl Iterator<Item = CategoryId> {
        let above = |id: &CategoryId| self.nodes.get(id).and_then(|node| node.parent);
        std::iter::successors(Some(id).filter(|id| self.has(*id)), above).take(MAX_DEPTH + 1)
    }
}
