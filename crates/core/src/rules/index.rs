//! One automaton for all rules: which rules may match this text.
//!
//! Every rule that has a factor is found by the literals of one factor. A. V. Aho and M. J. Corasick, "Efficient
//! String Matching: An Aid to Bibliographic Search" (1975); the time for a text depends on its length and its hits,
//! not on the number of rules.

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind, MatchKind};
use hashbrown::HashMap;

use super::literals::{Edges, Factor, shortest};
use crate::error::{Error, ErrorKind, Result};

/// A rule at a literal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Posting {
    /// Position of the rule in winning order.
    pub(super) rank: u32,
    /// What an occurrence of the literal says about the rule.
    pub(super) meaning: Meaning,
    /// Word boundaries without which the occurrence says nothing.
    pub(super) edges: Edges,
}

/// What an occurrence of a literal says about a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A match, if the text is ASCII; else a candidate.
    Match,
    /// A match, if it is a whole word.
    WholeWordMatch,
    /// A candidate, if it is a whole word.
    WholeWord,
    /// A candidate.
    Candidate,
}

/// Literals of one automaton. Building one takes more than proportional time (its states are put in order by following
/// chains of swaps), and no interrupt can be served meanwhile.
const PORTION: usize = 16_384;

/// The automata and, for each of their literals, the rules found by it in winning order.
#[derive(Debug)]
pub(super) struct Index {
    /// Automaton k knows the literals from k * [`PORTION`] on.
    automata: Vec<AhoCorasick>,
    /// The postings of literal i are `postings[starts[i]..starts[i + 1]]`.
    starts: Vec<u32>,
    postings: Vec<Posting>,
}

impl Index {
    /// Indexes rules by (rank, meaning, factor); the ranks ascend. `pause` is called between portions.
    ///
    /// # Errors
    /// `LimitExceeded` when the automaton would be larger than its implementation allows (2^31 states).
    pub(super) fn build(rules: &[(u32, Meaning, Factor)], pause: &mut dyn FnMut()) -> Result<Self> {
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        let mut literals: Vec<&str> = Vec::new();
        let mut lists: Vec<Vec<Posting>> = Vec::new();
        for (rank, meaning, factor) in rules {
            for literal in &factor.literals {
                let number = *numbers.entry(literal).or_insert_with(|| {
                    literals.push(literal);
                    lists.push(Vec::new());
                    literals.len() - 1
                });
                lists[number].push(Posting { rank: *rank, meaning: *meaning, edges: factor.edges });
            }
        }
        let mut automata = Vec::with_capacity(literals.len().div_ceil(PORTION));
        for portion in literals.chunks(PORTION) {
            pause();
            automata.push(automaton(portion)?);
        }
        let mut starts = Vec::with_capacity(lists.len() + 1);
        let mut postings = Vec::with_capacity(lists.iter().map(Vec::len).sum());
        for list in lists {
            starts.push(u32::try_from(postings.len()).unwrap_or(u32::MAX));
            postings.extend(list);
        }
        starts.push(u32::try_from(postings.len()).unwrap_or(u32::MAX));
        Ok(Self { automata, starts, postings })
    }

    /// Size in bytes.
    pub(super) fn memory(&self) -> usize {
        self.automata.iter().map(|a| size_of::<AhoCorasick>() + a.memory_usage()).sum::<usize>()
            + self.starts.capacity() * size_of::<u32>()
            + self.postings.capacity() * size_of::<Posting>()
    }

    /// Every occurrence of every literal in a folded text: its start and end in bytes, and the rules found by it.
    pub(super) fn hits<'a>(&'a self, folded: &'a str) -> impl Iterator<Item = (usize, usize, &'a [Posting])> {
        self.automata.iter().enumerate().flat_map(move |(portion, automaton)| {
            automaton.find_overlapping_iter(folded).map(move |hit| {
                let number = portion * PORTION + hit.pattern().as_usize();
                let list = self.starts[number] as usize..self.starts[number + 1] as usize;
                (hit.start(), hit.end(), &self.postings[list])
            })
        })
    }
}

fn automaton(literals: &[&str]) -> Result<AhoCorasick> {
    AhoCorasickBuilder::new()
        .match_kind(MatchKind::Standard)
        .kind(Some(AhoCorasickKind::ContiguousNFA))
        .prefilter(false)
        .build(literals)
        .map_err(|error| {
            Error::new(ErrorKind::LimitExceeded, "too many rules").detail(format!("The index says: {error}."))
        })
}

/// Puts first, for each rule, the factor that fewest other rules and, by a guess from its length, fewest texts share.
///
/// Of `lg .* television` and ten thousand rules alike, the brand is the better literal although it is the shorter.
pub(super) fn put_best_first(offers: &mut [Vec<Factor>]) {
    let mut shares: HashMap<String, usize> = HashMap::new();
    for literal in offers.iter().filter(|offer| offer.len() > 1).flatten().flat_map(|factor| &factor.literals) {
        *shares.entry_ref(literal.as_str()).or_insert(0) += 1;
    }
    let burden = |literal: &String| {
        let in_texts = [1_024, 256, 32, 4, 1][literal.len().saturating_sub(1).min(4)];
        in_texts + shares.get(literal.as_str()).copied().unwrap_or(0)
    };
    for offer in offers.iter_mut().filter(|offer| offer.len() > 1) {
        offer.sort_by_cached_key(|factor| {
            let burden: usize = factor.literals.iter().map(burden).sum();
            (burden, std::cmp::Reverse(shortest(&factor.literals)))
        });
    }
}
