//! All rules of a database, compiled: the index finds candidates, the candidates are checked in winning order.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::fold::Folded;
use super::index::{Index, Meaning, put_best_first};
use super::plan::{Check, Plan};
use super::program::{Engines, Window};
use super::programs::Programs;
use super::words::{contains_word, is_whole_word};
use super::{RuleMatch, RuleSpec};
use crate::error::{Error, ErrorKind, Result};

/// Compiled rules; shared between threads at will.
#[derive(Debug)]
pub struct RuleSet {
    /// In winning order; the position is the rank.
    rules: Vec<Rule>,
    index: Index,
    /// Ranks of the rules that no literal finds.
    always: Vec<u32>,
    programs: Mutex<Programs>,
    fixed_memory: usize,
}

#[derive(Debug)]
struct Rule {
    outcome: RuleMatch,
    check: Check,
}

/// Bytes of a rule without what it holds on the heap.
pub(super) const RULE_MEMORY: usize = size_of::<Rule>() + Programs::DIRECTORY;

/// Working memory of [`RuleSet::first_match`]: any set, any text; keep it, and matching allocates nothing once the
/// buffers have grown to the longest text and the programs that the titles need are compiled.
#[derive(Debug, Default)]
pub struct Scratch {
    folded: Folded,
    candidates: Vec<(u32, Window)>,
    certain: Vec<u32>,
    engines: Engines,
}

/// How much of the answer is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    First,
    All,
}

impl RuleSet {
    /// Compiles rules. Syntax is checked in full; the programs of regexes are made when a title first needs them, in
    /// what `memory_limit` (bytes) leaves. While compiling, a few times the memory of the index is in use.
    ///
    /// # Errors
    /// Those of [`super::validate`] for each rule, with the rule's id in the message; `LimitExceeded` (54000) when the
    /// set needs more than `memory_limit`, with the need in DETAIL.
    pub fn compile(specs: Vec<RuleSpec>, memory_limit: usize) -> Result<Self> {
        Self::compile_with(specs, memory_limit, &mut || ())
    }

    /// As [`RuleSet::compile`], calling `pause` every few milliseconds: 100,000 rules take seconds, in which the caller
    /// may have to serve interrupts. It leaves by unwinding, if at all.
    ///
    /// # Errors
    /// As [`RuleSet::compile`].
    pub fn compile_with(mut specs: Vec<RuleSpec>, memory_limit: usize, pause: &mut dyn FnMut()) -> Result<Self> {
        specs.sort_by_key(|spec| (std::cmp::Reverse(spec.priority), spec.id));
        if u32::try_from(specs.len()).is_err() {
            return Err(Error::new(ErrorKind::LimitExceeded, "too many rules"));
        }
        let mut rules = Vec::with_capacity(specs.len());
        let mut offers = Vec::with_capacity(specs.len());
        let mut largest_program = 0;
        for (done, spec) in specs.into_iter().enumerate() {
            if done % 128 == 0 {
                pause();
            }
            let plan = Plan::new(spec.kind, &spec.pattern).map_err(|error| of_rule(spec.id, error))?;
            largest_program = largest_program.max(plan.program);
            offers.push(plan.factors);
            rules.push(Rule { outcome: RuleMatch { rule: spec.id, category: spec.category }, check: plan.check });
        }
        put_best_first(&mut offers);
        let mut always = Vec::new();
        let mut found = Vec::with_capacity(rules.len());
        for ((rank, rule), mut offer) in (0_u32..).zip(&mut rules).zip(offers) {
            if offer.is_empty() {
                always.push(rank);
                continue;
            }
            let others = offer.split_off(1);
            for factor in offer {
                rule.check.found_by(&factor, &others);
                found.push((rank, rule.check.meaning(&factor), factor));
            }
        }
        let own = rules.capacity() * (size_of::<Rule>() + Programs::DIRECTORY)
            + rules.iter().map(|rule| rule.check.memory()).sum::<usize>();
        let expected: usize = found.iter().map(|(_, _, factor)| Plan::index_memory(factor)).sum();
        // Far over the limit, do not even build; near it, the built index decides.
        check_limit((own + expected / 8) + largest_program, memory_limit, rules.len())?;
        let index = Index::build(&found, pause)?;
        always.shrink_to_fit();
        let fixed_memory = size_of::<Self>() + own + index.memory() + always.capacity() * size_of::<u32>();
        check_limit(fixed_memory + largest_program, memory_limit, rules.len())?;
        let programs = Mutex::new(Programs::new(rules.len(), memory_limit - fixed_memory));
        Ok(Self { rules, index, always, programs, fixed_memory })
    }

    /// Whether there are no rules.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Number of rules.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Bytes in use now, programs compiled so far included; never more than the limit given to [`RuleSet::compile`].
    pub fn memory(&self) -> usize {
        self.fixed_memory + self.programs().memory()
    }

    /// The rule that wins for a rule text (NFKC, single spaces, not case-folded): the highest priority, then the
    /// smallest id. Time is bounded by text times compiled size of the rules looked at; no pattern backtracks away.
    pub fn first_match(&self, text: &str, scratch: &mut Scratch) -> Option<RuleMatch> {
        let bound = self.collect(text, Wanted::First, scratch);
        let Scratch { folded, candidates, engines, .. } = scratch;
        let best = candidates
            .iter()
            .take_while(|(rank, _)| *rank < bound)
            .find(|(rank, window)| self.check(*rank, *window, text, folded, engines))
            .map_or(bound, |(rank, _)| *rank);
        let best = self
            .always
            .iter()
            .take_while(|rank| **rank < best)
            .find(|rank| self.check(**rank, Window::ALL, text, folded, engines))
            .map_or(best, |rank| *rank);
        self.rules.get(best as usize).map(|rule| rule.outcome)
    }

    /// All rules that match a rule text, in winning order.
    pub fn all_matches(&self, text: &str) -> Vec<RuleMatch> {
        let mut scratch = Scratch::default();
        self.collect(text, Wanted::All, &mut scratch);
        let Scratch { folded, candidates, certain, engines } = &mut scratch;
        let everywhere = self.always.iter().map(|rank| (*rank, Window::ALL));
        for (rank, window) in candidates.iter().copied().chain(everywhere) {
            if self.check(rank, window, text, folded, engines) {
                certain.push(rank);
            }
        }
        certain.sort_unstable();
        certain.dedup();
        certain.iter().map(|rank| self.rules[*rank as usize].outcome).collect()
    }

    /// Fills the candidates of the scratch, each rule once, in winning order. Wanting the first, it returns the best
    /// rank that needs no check, `u32::MAX` if none; wanting all, it puts such ranks into `certain`.
    fn collect(&self, text: &str, wanted: Wanted, scratch: &mut Scratch) -> u32 {
        let Scratch { folded, candidates, certain, .. } = scratch;
        candidates.clear();
        certain.clear();
        folded.set(text);
        let mut bound = u32::MAX;
        for (start, end, postings) in self.index.hits(folded.text()) {
            let mut whole_word = None;
            for posting in postings {
                if posting.rank >= bound {
                    break;
                }
                if !posting.edges.allow(folded.text(), start, end) {
                    continue;
                }
                let mut is_whole = || *whole_word.get_or_insert_with(|| is_whole_word(folded.text(), start, end));
                let matches = match posting.meaning {
                    Meaning::Match => folded.is_ascii(),
                    Meaning::WholeWordMatch if is_whole() => true,
                    Meaning::WholeWord if is_whole() => false,
                    Meaning::WholeWordMatch | Meaning::WholeWord => continue,
                    Meaning::Candidate => false,
                };
                if !matches {
                    candidates.push((posting.rank, self.window(posting.rank, folded.origin(start))));
                } else if wanted == Wanted::First {
                    bound = posting.rank;
                } else {
                    certain.push(posting.rank);
                }
            }
        }
        candidates.sort_unstable();
        candidates.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1.last = kept.1.last.max(next.1.last);
            }
            same
        });
        bound
    }

    /// Where a match of the rule may begin if the literal by which it was found begins at `literal`.
    fn window(&self, rank: u32, literal: u32) -> Window {
        match &self.rules[rank as usize].check {
            Check::Regex { before, .. } => Window {
                first: before.most.map_or(0, |most| literal.saturating_sub(most)),
                last: literal.saturating_sub(before.least),
            },
            Check::AllWords(_) | Check::AnyWord => Window::ALL,
        }
    }

    fn check(&self, rank: u32, window: Window, text: &str, folded: &Folded, engines: &mut Engines) -> bool {
        match &self.rules[rank as usize].check {
            Check::AnyWord => false,
            Check::AllWords(items) => items.iter().all(|item| contains_word(folded.text(), item)),
            Check::Regex { pattern, .. } => {
                self.programs().get(rank, pattern).is_some_and(|program| program.matches(text, window, engines))
            }
        }
    }

    fn programs(&self) -> MutexGuard<'_, Programs> {
        // A panic cannot leave the programs half changed in a way that matters: at worst one is counted and not held.
        self.programs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn of_rule(id: i64, error: Error) -> Error {
    Error { message: format!("rule {id}: {}", error.message), ..error }
}

fn check_limit(need: usize, limit: usize, rules: usize) -> Result<()> {
    if need <= limit {
        return Ok(());
    }
    Err(Error::new(ErrorKind::LimitExceeded, "the rules need more memory than allowed")
        .detail(format!("{rules} rules need at least {need} bytes; the limit is {limit} bytes."))
        .hint("Remove rules, join rules of one category into one, or raise the limit."))
}
