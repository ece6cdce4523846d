//! Which categories a language model is offered where a taxonomy has more than it should read at once: a short list, then a
//! longer one, then the tree, level by level.
//!
//! Offering few likely labels in place of all keeps what an answer costs the same however many there are, and loses only
//! what the list misses (D'Oosterlinck et al. 2024, "In-context learning for extreme multi-label classification"). So a
//! model that finds nothing on a list is not believed yet.

mod retriever;
mod tree;
mod worth;

pub use retriever::Retriever;
pub use tree::{Node, Tree};
pub use worth::is_worth_it;

use crate::cascade::CategoryId;
use crate::choices::{Choice, Choices, Form, Verdict};
use hashbrown::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

/// How much longer the second list is than the first.
const WIDER: usize = 4;

/// Categories of the longest list: decision APIs choose between 254 and the answer that none fits.
pub const LONGEST: usize = 250;

/// Branches that are offered of a level of more than [`LONGEST`].
const LIKELY_BRANCHES: usize = 100;

/// How far down a ranking the branches of such a level are looked for.
const RANKED: usize = 2000;

/// Levels that are walked down at most; who has come so far answers with the branch that it has reached.
const LEVELS: usize = 8;

/// Requests that one input can come to with one model, unless one of them fails: both lists, and a level each.
pub const MOST_STEPS: usize = 2 + LEVELS;

/// Characters of a description on a list.
const ABOUT: usize = 120;

/// Which list an input is asked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// The likeliest categories.
    Short,
    /// More of them, as the short list had none that fits.
    Wide,
    /// What is right below this node of the tree, and the node itself; the top of the tree where there is none.
    Below(Option<CategoryId>),
}

/// The kind of a step. Only inputs of the same may share a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reach {
    /// The short list.
    Short,
    /// The long one.
    Wide,
    /// A level of the tree.
    Tree,
}

impl Step {
    /// Its kind.
    pub const fn reach(self) -> Reach {
        match self {
            Self::Short => Reach::Short,
            Self::Wide => Reach::Wide,
            Self::Below(_) => Reach::Tree,
        }
    }
}

/// What is offered to one input: never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// Which list it is.
    pub step: Step,
    /// The categories, or the branches of a level, likeliest first.
    pub list: Vec<CategoryId>,
}

/// An input, as far as it matters for what it is offered.
#[derive(Debug, Clone, Copy)]
pub struct Sought<'a> {
    /// The text; empty where an image is all there is.
    pub text: &'a str,
    /// The guesses of the free tiers, best first.
    pub hints: &'a [CategoryId],
}

/// What follows from an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// It is the answer.
    Answer(CategoryId),
    /// The input is asked again, with this.
    Ask(Offered),
    /// Nothing in the taxonomy fits.
    Nothing,
    /// It is nothing that was offered.
    Invalid,
}

/// The categories of one taxonomy, as they are offered in lists.
#[derive(Debug)]
pub struct Candidates {
    whole: Arc<Choices>,
    at: HashMap<CategoryId, usize>,
    tree: Tree,
    retriever: Box<dyn Retriever>,
    short: usize,
    typical: OnceLock<Choices>,
}

impl Candidates {
    /// Lists of `short` categories, at most [`LONGEST`], out of these, which are nodes of a tree.
    pub fn new(whole: Arc<Choices>, tree: Tree, retriever: Box<dyn Retriever>, short: usize) -> Self {
        let at = whole.list().iter().enumerate().map(|(at, choice)| (choice.id, at)).collect();
        Self { whole, at, tree, retriever, short: short.clamp(1, LONGEST), typical: OnceLock::new() }
    }

    /// Categories on a short list.
    pub fn short(&self) -> usize {
        self.short
    }

    /// Categories on a long list.
    pub fn wide(&self) -> usize {
        (self.short * WIDER).min(LONGEST)
    }

    /// What an input is offered at this step, or at the first one after it that has anything to offer.
    pub fn offer(&self, sought: Sought<'_>, from: Step) -> Option<Offered> {
        let found = |step, list: Vec<CategoryId>| (!list.is_empty()).then_some(Offered { step, list });
        match from {
            Step::Short => {
                let list = self.likely(sought, self.short);
                found(Step::Short, list).or_else(|| self.offer(sought, Step::Wide))
            }
            Step::Wide => {
                let list = self.likely(sought, self.wide());
                let is_wider = list.len() > self.short;
                found(Step::Wide, list).filter(|_| is_wider).or_else(|| self.offer(sought, Step::Below(None)))
            }
            Step::Below(node) => {
                let node = node.filter(|node| self.tree.has(*node));
                found(Step::Below(node), self.level(sought, node))
            }
        }
    }

    /// The same with one category more, which a model named though it was not offered; `None` where it may not answer.
    pub fn with(&self, offered: &Offered, named: CategoryId) -> Option<Offered> {
        let is_new = self.at.contains_key(&named) && offered.step.reach() != Reach::Tree;
        let mut list: Vec<CategoryId> = offered.list.iter().copied().filter(|id| *id != named).collect();
        list.push(named);
        is_new.then_some(Offered { step: offered.step, list })
    }

    /// What follows from what a model says to what it was offered. What was said to another list of the same request was
    /// offered, too.
    pub fn after(&self, sought: Sought<'_>, offered: &Offered, said: Verdict) -> Next {
        let ask = |step| self.offer(sought, step).map_or(Next::Nothing, Next::Ask);
        match (offered.step, said) {
            (_, Verdict::Invalid) => Next::Invalid,
            (Step::Short | Step::Wide, Verdict::Category(id)) => Next::Answer(id),
            (Step::Short | Step::Wide, Verdict::NotOffered(_)) => Next::Invalid,
            (Step::Short, Verdict::NoneOfThese) => ask(Step::Wide),
            (Step::Wide, Verdict::NoneOfThese) => ask(Step::Below(None)),
            (Step::Below(_), Verdict::NoneOfThese) => Next::Nothing,
            (Step::Below(node), Verdict::Category(id) | Verdict::NotOffered(id)) => {
                // Who names a category below a branch has chosen the branch.
                let chosen = if node == Some(id) { Some(id) } else { self.tree.branch(node, id) };
                let Some(chosen) = chosen.filter(|id| offered.list.contains(id)) else { return Next::Invalid };
                let is_end = Some(chosen) == node || self.tree.below(Some(chosen)).is_empty();
                if is_end || self.tree.depth(chosen) >= LEVELS {
                    return if self.at.contains_key(&chosen) { Next::Answer(chosen) } else { Next::Nothing };
                }
                ask(Step::Below(Some(chosen)))
            }
        }
    }

    /// What a request offers that has one of these lists for each of its inputs, in their order.
    pub fn request(&self, lists: &[&Offered]) -> Choices {
        let (mut list, mut places): (Vec<Choice>, HashMap<CategoryId, u32>) = (Vec::new(), HashMap::new());
        let mut place = |id: CategoryId| {
            *places.entry(id).or_insert_with(|| {
                list.push(self.choice(id));
                list.len() as u32 - 1
            })
        };
        let own = lists.iter().map(|offered| offered.list.iter().map(|id| place(*id)).collect()).collect();
        let walks = lists.iter().any(|offered| offered.step.reach() == Reach::Tree);
        let form = if walks { Form::Branches } else { Form::Candidates };
        Choices::listed(list, own, form, self.whole.clone())
    }

    /// Such a request of one input with the longest labels, for what is to be known before there is any.
    pub fn typical(&self) -> &Choices {
        self.typical.get_or_init(|| {
            let mut longest: Vec<&Choice> = self.whole.list().iter().collect();
            longest.sort_by_key(|choice| std::cmp::Reverse(choice.label.len()));
            let list = longest.iter().take(self.short).map(|choice| choice.id).collect();
            self.request(&[&Offered { step: Step::Short, list }])
        })
    }

    /// The likeliest categories.
    fn likely(&self, sought: Sought<'_>, most: usize) -> Vec<CategoryId> {
        let mut seen = HashSet::new();
        let ranked = self.retriever.shortlist(sought.text, sought.hints, most).into_iter();
        ranked.filter(|id| self.at.contains_key(id) && seen.insert(*id)).take(most).collect()
    }

    /// The branches of a level. Leaves that were on the long list are left out: they were refused.
    fn level(&self, sought: Sought<'_>, node: Option<CategoryId>) -> Vec<CategoryId> {
        let refused: HashSet<CategoryId> = self.likely(sought, self.wide()).into_iter().collect();
        let is_open = |id: &CategoryId| !(refused.contains(id) && self.tree.below(Some(*id)).is_empty());
        let mut level: Vec<CategoryId> = self.tree.below(node).iter().copied().filter(is_open).collect();
        if level.len() > LONGEST {
            let open: HashSet<CategoryId> = level.drain(..).collect();
            let mut seen = HashSet::new();
            let ranked = self.retriever.shortlist(sought.text, sought.hints, RANKED);
            let branches = ranked.iter().filter_map(|id| self.tree.branch(node, *id));
            level.extend(branches.filter(|id| open.contains(id) && seen.insert(*id)).take(LIKELY_BRANCHES));
        }
        // It may be what is meant where nothing below it is.
        level.extend(node.filter(|node| !level.is_empty() && self.at.contains_key(node)));
        level
    }

    fn choice(&self, id: CategoryId) -> Choice {
        let known = self.at.get(&id).and_then(|at| self.whole.list().get(*at));
        let label = known.map(|choice| choice.label.as_str()).or_else(|| self.tree.path(id)).unwrap_or_default();
        let about = known.and_then(|choice| choice.description.as_deref());
        let description = about.map(|about| about.chars().take(ABOUT).collect::<String>());
        Choice { id, label: label.to_owned(), description }
    }
}

/// Two are alike if they offer as many; what else they are made of is told by the choices and the version of the taxonomy.
impl PartialEq for Candidates {
    fn eq(&self, other: &Self) -> bool {
        self.short == other.short
    }
}

#[cfg(test)]
mod tests;
