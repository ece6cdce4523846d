//! How one rule will be answered: what it offers to the index, and what is left to do when the index found it.

use regex_syntax::hir::Hir;

use super::RuleKind;
use super::index::{Meaning, Posting};
use super::literals::{Distance, Edges, Factor, factors};
use super::pattern::{check_length, parse};
use super::program::{LARGEST_PROGRAM, Program, program_bound};
use super::words::parse_items;
use crate::error::Result;

/// Bytes that the automaton takes for each byte of a literal; a measured upper bound.
const AUTOMATON_BYTE: usize = 18;

/// What is left to do for a rule that the index found.
#[derive(Debug)]
pub(super) enum Check {
    /// Nothing: one of the words was met, which is enough.
    AnyWord,
    /// Look for every one of these folded words.
    AllWords(Box<[Box<str>]>),
    /// Run the program of this pattern, from `before` bytes before the literal.
    Regex {
        /// The pattern of the user.
        pattern: Box<str>,
        /// From the start of a match to the literal by which the rule was found.
        before: Distance,
        /// One of these literals, if there are any, must be in the folded text as well.
        also: Box<[Box<str>]>,
    },
}

/// One rule, parsed.
#[derive(Debug)]
pub(super) struct Plan {
    /// What is left to do when the index found the rule.
    pub(super) check: Check,
    /// The factors by one of which it can be found; none when it must always be checked.
    pub(super) factors: Vec<Factor>,
    /// Upper bound in bytes of its program, 0 without one.
    pub(super) program: usize,
}

impl Plan {
    /// Parses a rule.
    ///
    /// # Errors
    /// Those of [`super::validate`].
    pub(super) fn new(kind: RuleKind, pattern: &str) -> Result<Self> {
        check_length(pattern)?;
        match kind {
            RuleKind::Regex => Self::of_regex(pattern, &parse(pattern)?),
            RuleKind::AllWords => {
                let items = parse_items(pattern)?;
                let factors = items.iter().map(|item| word_factor(vec![item.clone()])).collect();
                let check = Check::AllWords(items.into_iter().map(String::into_boxed_str).collect());
                Ok(Self { check, factors, program: 0 })
            }
            RuleKind::AnyWord => {
                let factors = vec![word_factor(parse_items(pattern)?)];
                Ok(Self { check: Check::AnyWord, factors, program: 0 })
            }
        }
    }

    fn of_regex(pattern: &str, parsed: &Hir) -> Result<Self> {
        let mut program = program_bound(parsed);
        if program > LARGEST_PROGRAM {
            // Near the limit only the compiler knows.
            program = Program::compile(parsed)?.memory();
        }
        let check = Check::Regex { pattern: pattern.into(), before: Distance::NONE, also: Box::default() };
        Ok(Self { check, factors: factors(parsed), program })
    }

    /// Bytes that the rule adds to the index if it is found by `factor`.
    pub(super) fn index_memory(factor: &Factor) -> usize {
        let bytes: usize = factor.literals.iter().map(String::len).sum();
        bytes * AUTOMATON_BYTE + factor.literals.len() * (size_of::<Posting>() + 24)
    }
}

impl Check {
    /// Notes by which factor the rule is found, and which one of the `others` is cheap to look for before its program
    /// runs: one that a title seldom has by chance saves most of the runs of patterns such as `lg .* television`.
    pub(super) fn found_by(&mut self, factor: &Factor, others: &[Factor]) {
        /// Looking for more literals than this, one by one, is no longer cheap.
        const FEW: usize = 3;
        if let Self::Regex { before, also, .. } = self {
            *before = factor.before;
            if let Some(other) = others.iter().find(|other| other.literals.len() <= FEW) {
                *also = other.literals.iter().map(|literal| literal.as_str().into()).collect();
            }
        }
    }

    /// What an occurrence of a literal of `factor`, one that the rule offered, says about the rule.
    pub(super) fn meaning(&self, factor: &Factor) -> Meaning {
        match self {
            Self::AnyWord => Meaning::WholeWordMatch,
            Self::AllWords(items) if items.len() == 1 => Meaning::WholeWordMatch,
            Self::AllWords(_) => Meaning::WholeWord,
            Self::Regex { .. } if factor.certain => Meaning::Match,
            Self::Regex { .. } => Meaning::Candidate,
        }
    }

    /// Bytes on the heap.
    pub(super) fn memory(&self) -> usize {
        /// What an allocator adds to a small block, on average.
        const BLOCK: usize = 12;
        let list = |items: &[Box<str>]| {
            let content: usize = items.iter().map(|item| size_of::<Box<str>>() + item.len() + BLOCK).sum();
            if items.is_empty() { 0 } else { BLOCK + content }
        };
        match self {
            Self::AnyWord => 0,
            Self::AllWords(items) => list(items),
            Self::Regex { pattern, also, .. } => pattern.len() + BLOCK + list(also),
        }
    }
}

fn word_factor(literals: Vec<String>) -> Factor {
    Factor { literals, before: Distance::NONE, edges: Edges::default(), certain: false }
}
