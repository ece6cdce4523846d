//! One regex, compiled for yes-or-no answers about short texts.
//!
//! `regex::Regex` takes 10 to 60 kB and a pool of caches for each pattern: too much for many thousands of rules. A
//! program is the bare Thompson automaton (1 to 3 kB), run by a bounded backtracker, or by the Pike machine when text
//! times automaton is too large to remember; both take time linear in text times automaton, and all programs share
//! the memory of one [`Engines`]. R. Cox, "Regular Expression Matching: the Virtual Machine Approach" (2009), and
//! <https://docs.rs/regex-automata/0.4/regex_automata/nfa/thompson/index.html>.

use regex_automata::nfa::thompson::backtrack::{self, BoundedBacktracker};
use regex_automata::nfa::thompson::pikevm::{self, PikeVM};
use regex_automata::nfa::thompson::{Compiler, Config, NFA, WhichCaptures};
use regex_automata::{Anchored, Input};
use regex_syntax::hir::{Class, Hir, HirKind};

use super::pattern;
use crate::error::{Error, ErrorKind, Result};

/// Largest program, in bytes.
pub(super) const LARGEST_PROGRAM: usize = 1 << 20;

/// Up to so many starts are tried one by one; more are left to an unanchored search.
const FEW_STARTS: usize = 8;

/// Where in a text a match may begin, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Window {
    /// First start.
    pub(super) first: u32,
    /// Last start; `u32::MAX` is the end of the text.
    pub(super) last: u32,
}

impl Window {
    /// Anywhere.
    pub(super) const ALL: Self = Self { first: 0, last: u32::MAX };
}

/// A compiled regex.
#[derive(Debug)]
pub(super) struct Program {
    backtracker: BoundedBacktracker,
}

/// Working memory shared by all programs.
#[derive(Debug, Default)]
pub(super) struct Engines {
    backtracker: Option<backtrack::Cache>,
    pike: Option<pikevm::Cache>,
}

impl Program {
    /// Compiles a parsed pattern.
    ///
    /// # Errors
    /// `LimitExceeded` for a program over [`LARGEST_PROGRAM`].
    pub(super) fn compile(parsed: &Hir) -> Result<Self> {
        let config = Config::new().which_captures(WhichCaptures::None).nfa_size_limit(Some(LARGEST_PROGRAM));
        let automaton = Compiler::new().configure(config).build_from_hir(parsed).map_err(|error| too_large(&error))?;
        let backtracker = BoundedBacktracker::new_from_nfa(automaton).map_err(|error| too_large(&error))?;
        Ok(Self { backtracker })
    }

    /// Parses and compiles the pattern of a user; errors as [`pattern::parse`] and [`Program::compile`].
    pub(super) fn from_pattern(pattern: &str) -> Result<Self> {
        Self::compile(&pattern::parse(pattern)?)
    }

    /// Size in bytes.
    pub(super) fn memory(&self) -> usize {
        size_of::<Self>() + size_of::<NFA>() + self.backtracker.get_nfa().memory_usage()
    }

    /// Whether a match begins inside the window; one that begins elsewhere may be found as well.
    pub(super) fn matches(&self, text: &str, window: Window, engines: &mut Engines) -> bool {
        let first = window.first as usize;
        let last = (window.last as usize).min(text.len());
        if first > last {
            return false;
        }
        if last - first <= FEW_STARTS {
            return (first..=last).filter(|&start| text.is_char_boundary(start)).any(|start| {
                let input = Input::new(text).range(start..).anchored(Anchored::Yes).earliest(true);
                self.search(&input, engines)
            });
        }
        let first = (0..=first).rev().find(|&start| text.is_char_boundary(start)).unwrap_or(0);
        self.search(&Input::new(text).range(first..).earliest(true), engines)
    }

    fn search(&self, input: &Input<'_>, engines: &mut Engines) -> bool {
        let cache = engines.backtracker.get_or_insert_with(|| self.backtracker.create_cache());
        cache.reset(&self.backtracker);
        if let Ok(found) = self.backtracker.try_search_slots(cache, input, &mut []) {
            return found.is_some();
        }
        // The automaton is shared, so that this builds next to nothing.
        let Ok(machine) = PikeVM::new_from_nfa(self.backtracker.get_nfa().clone()) else { return false };
        let cache = engines.pike.get_or_insert_with(|| machine.create_cache());
        cache.reset(&machine);
        machine.is_match(cache, input.clone())
    }
}

fn too_large(error: &regex_automata::nfa::thompson::BuildError) -> Error {
    Error::new(ErrorKind::LimitExceeded, "rule pattern is too large when compiled")
        .detail(match error.size_limit() {
            Some(limit) => format!("The compiled pattern would take more than {limit} bytes."),
            None => format!("The pattern cannot be compiled: {error}."),
        })
        .hint("Use smaller repetition counts, or [0-9] and [a-z] instead of \\d and \\w inside repetitions.")
}

/// An upper bound, in bytes, of the program of a pattern, at the cost of a walk.
pub(super) fn program_bound(parsed: &Hir) -> usize {
    const FIXED: usize = 2_048;
    FIXED.saturating_add(states_bound(parsed).saturating_mul(64))
}

fn states_bound(node: &Hir) -> usize {
    match node.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len() + 1,
        // UTF-8 splits a range into at most a handful of sequences of up to four bytes.
        HirKind::Class(Class::Unicode(class)) => class
            .ranges()
            .iter()
            .map(|range| if range.end().is_ascii() { 1 } else { 12 })
            .sum::<usize>()
            .saturating_add(2),
        HirKind::Class(Class::Bytes(class)) => class.ranges().len() + 2,
        HirKind::Repetition(repetition) => {
            let rounds = repetition.max.unwrap_or(repetition.min.saturating_add(1)).max(1) as usize;
            (states_bound(&repetition.sub).saturating_add(2)).saturating_mul(rounds).saturating_add(2)
        }
        HirKind::Capture(capture) => states_bound(&capture.sub).saturating_add(2),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().map(states_bound).fold(2, usize::saturating_add)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Engines, Program, Window, program_bound};
    use crate::error::ErrorKind;
    use crate::rules::pattern::parse;

    #[test]
    fn the_bound_is_above_the_program() {
        for pattern in [
            "running shoe(s)?",
            r"\y(iphone|galaxy)\s?\d+",
            "(?-i)LG .* TV",
            r"\w+ phone",
            r"[^,]+x",
            r"\pL{3,7}",
            ".",
            r"\W\D\S",
            r"(a|b|\d){2,30}",
            "日本語+",
            r"\p{Greek}{20}",
        ] {
            let parsed = parse(pattern).unwrap();
            let (bound, size) = (program_bound(&parsed), Program::compile(&parsed).unwrap().memory());
            assert!(size <= bound, "{pattern}: {size} bytes, bound {bound}");
        }
    }

    #[test]
    fn large_programs_are_refused() {
        for pattern in [r"\w{1000}", "((a{100}){100}){100}", r"(\pL{50}){50}"] {
            let error = Program::from_pattern(pattern).unwrap_err();
            assert_eq!(error.kind, ErrorKind::LimitExceeded, "{pattern}");
            assert!(error.detail.unwrap().contains("1048576"));
        }
    }

    #[test]
    fn long_texts_go_to_the_pike_machine() {
        let program = Program::from_pattern(r"(\w{10} ){2}end").unwrap();
        let mut text = "word ".repeat(20_000);
        let mut engines = Engines::default();
        assert!(!program.matches(&text, Window::ALL, &mut engines));
        text.push_str(&format!("{0} {0} end", "x".repeat(10)));
        assert!(program.matches(&text, Window::ALL, &mut engines));
        assert!(engines.pike.is_some());
    }
}
