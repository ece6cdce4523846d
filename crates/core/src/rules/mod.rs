//! Rules: patterns written by people, tried on a title before anything that costs more.
//!
//! A rule has a kind, a pattern, a category and a priority. All kinds look at the *rule text* of a title:
//! NFKC-normalised, white space collapsed and trimmed, before case folding. The highest priority wins, then the oldest
//! rule (smallest id).
//!
//! A [`RuleSet`] answers in time that hardly depends on the number of rules: it reads what a rule cannot do without
//! (`literals`, `words`), looks for all of that at once (`index`, over text folded by `fold`), and checks only
//! the rules it met, in winning order, until one matches (`set`), each with a small program of its own (`program`)
//! that is compiled on first use and kept within a budget (`programs`).

mod escapes;
mod fold;
mod index;
mod literals;
mod pattern;
mod plan;
mod program;
mod programs;
mod set;
mod words;

pub use set::{RuleSet, Scratch};

use crate::error::{Error, Result};
use plan::{Check, Plan};
use program::Program;
use programs::Programs;

/// How the pattern of a rule is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RuleKind {
    /// A regular expression: the syntax of the `regex` crate (<https://docs.rs/regex/latest/regex/#syntax>) and the
    /// word escapes `\m`, `\M`, `\y`, `\Y` of Postgres; found anywhere; case-insensitive unless it says `(?-i)`.
    Regex,
    /// A list of words or phrases that must all occur, in any order. Separated by commas if there is one, so that
    /// items may be phrases, else by white space; compared case-folded, as whole words: no alphanumeric next to it.
    AllWords,
    /// A list as for [`RuleKind::AllWords`]; one of them is enough.
    AnyWord,
}

impl RuleKind {
    /// The kind of that name.
    ///
    /// # Errors
    /// `InvalidParameter` for an unknown name, with the known ones in HINT.
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "regex" => Ok(Self::Regex),
            "all_words" => Ok(Self::AllWords),
            "any_word" => Ok(Self::AnyWord),
            _ => Err(Error::invalid(format!("unknown rule kind \"{name}\""))
                .hint("Known kinds are \"regex\", \"all_words\" and \"any_word\".")),
        }
    }

    /// The name of the kind.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Regex => "regex",
            Self::AllWords => "all_words",
            Self::AnyWord => "any_word",
        }
    }
}

/// A rule as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleSpec {
    /// Unique; the smaller is the older.
    pub id: i64,
    /// How the pattern is read.
    pub kind: RuleKind,
    /// At most 10,000 bytes.
    pub pattern: String,
    /// The category of the titles that match.
    pub category: i32,
    /// The higher wins.
    pub priority: i32,
}

/// A rule that matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleMatch {
    /// Its id.
    pub rule: i64,
    /// Its category.
    pub category: i32,
}

/// Checks a pattern for every error a user can make; what passes here compiles.
///
/// # Errors
/// `InvalidParameter`: a syntax error, look-around or a back-reference (position in DETAIL, 1-based in characters), a
/// pattern that matches the empty string, a list without words. `LimitExceeded`: over 10,000 bytes, nested over 100
/// levels, over 1 MB when compiled.
pub fn validate(kind: RuleKind, pattern: &str) -> Result<()> {
    Plan::new(kind, pattern).map(drop)
}

/// What one more rule costs in a [`RuleSet`], in bytes, its compiled regex included: an upper estimate, as literals
/// shared with other rules are counted again.
///
/// # Errors
/// Those of [`validate`].
pub fn added_memory(kind: RuleKind, pattern: &str) -> Result<usize> {
    let plan = Plan::new(kind, pattern)?;
    let index = plan.factors.iter().map(Plan::index_memory).max().unwrap_or(size_of::<u32>());
    let program = match &plan.check {
        Check::Regex { pattern, .. } if !plan.factors.iter().any(|factor| factor.certain) => {
            Programs::ENTRY + Program::from_pattern(pattern)?.memory()
        }
        _ => 0,
    };
    Ok(set::RULE_MEMORY + plan.check.memory() + index + program)
}
