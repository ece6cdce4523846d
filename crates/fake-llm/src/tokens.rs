//! How many tokens a request has, and what they cost.
//!
//! A token is four bytes: `ceil(bytes / 4)` of the text of all messages and the schema for the input (questions and
//! options count as text), and of what was written for the output. That is never more than the bytes of the request, but
//! for images, which count [`IMAGE_TOKENS`] each. A prefix that is marked counts as cached from its second time on, if it
//! is as long as the model wants.

use crate::model::Model;
use crate::random;
use parking_lot::Mutex;
use serde::Serialize;
use std::collections::HashSet;

/// The shortest prefix that is cached by most models (OpenAI, "Prompt caching").
pub(crate) const SHORTEST_PREFIX: u64 = 1024;

/// Tokens of an image, whatever its size: those of a small one (Gemini API, "Understand and count tokens").
pub const IMAGE_TOKENS: u64 = 258;

/// What our prompts say where they offer the branches of a tree.
const BRANCHES: &str = "for itself and for all that is below it";

/// Prefixes that are remembered. A test has a few.
const PREFIXES: usize = 10_000;

/// Tokens that were charged. Each is counted in one field only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tokens {
    /// Plain input.
    pub input: u64,
    /// Input read from the cache.
    pub cached_input: u64,
    /// Input written to the cache.
    pub cache_write: u64,
    /// Input written to the cache that keeps it for an hour.
    pub cache_write_long: u64,
    /// Output.
    pub output: u64,
}

/// The text of a prompt as it is counted, with the prefix that shall be cached.
#[derive(Debug, Default)]
pub(crate) struct Prompt {
    bytes: u64,
    hash: u64,
    marks: Vec<Mark>,
    /// Whether it says that what is offered are the branches of a tree.
    branches: bool,
}

/// The end of a prefix that shall be cached.
#[derive(Debug, Clone, Copy)]
struct Mark {
    hash: u64,
    tokens: u64,
    kept: Kept,
}

/// How a prefix is cached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// By the provider's own doing: writing is free.
    Unasked,
    /// For minutes.
    Minutes,
    /// For an hour.
    Hour,
}

/// Prefixes that were sent before.
#[derive(Default)]
pub(crate) struct PromptCache {
    seen: Mutex<HashSet<u64>>,
}

impl Prompt {
    /// One more piece of text.
    pub(crate) fn add(&mut self, text: &str) {
        self.bytes += text.len() as u64;
        self.hash = random::hash(self.hash, text);
        self.branches |= text.contains(BRANCHES);
    }

    /// Whether the branches of a tree are offered, and not the labels of titles.
    pub(crate) fn offers_branches(&self) -> bool {
        self.branches
    }

    /// One more image.
    pub(crate) fn add_image(&mut self, name: &str) {
        self.bytes += 4 * IMAGE_TOKENS;
        self.hash = random::hash(self.hash, name);
    }

    /// What was added so far is a prefix to cache.
    pub(crate) fn mark(&mut self, kept: Kept) {
        self.marks.push(Mark { hash: self.hash, tokens: count(self.bytes), kept });
    }

    /// Tokens of all of it.
    pub(crate) fn tokens(&self) -> u64 {
        count(self.bytes)
    }
}

impl PromptCache {
    /// The input of a prompt as it is charged: of the prefixes of at least `shortest` tokens the longest known one is read,
    /// and what follows up to the last mark is written. `scope` tells models and keys apart.
    pub(crate) fn charge(&self, prompt: &Prompt, scope: u64, shortest: u64) -> Tokens {
        let all = prompt.tokens();
        let marks: Vec<_> = prompt.marks.iter().filter(|mark| mark.tokens >= shortest).collect();
        let Some(last) = marks.last() else { return Tokens { input: all, ..Tokens::default() } };
        let mut seen = self.seen.lock();
        if seen.len() >= PREFIXES {
            seen.clear();
        }
        let known = marks.iter().rev().find(|mark| seen.contains(&(mark.hash ^ scope)));
        let cached_input = known.map_or(0, |mark| mark.tokens);
        seen.extend(marks.iter().map(|mark| mark.hash ^ scope));
        let written = last.tokens - cached_input;
        let rest = Tokens { input: all - last.tokens, cached_input, ..Tokens::default() };
        match last.kept {
            Kept::Unasked => Tokens { input: rest.input + written, ..rest },
            Kept::Minutes => Tokens { cache_write: written, ..rest },
            Kept::Hour => Tokens { cache_write_long: written, ..rest },
        }
    }
}

impl Tokens {
    /// All input.
    pub fn all_input(&self) -> u64 {
        self.input + self.cached_input + self.cache_write + self.cache_write_long
    }

    /// What they cost in nano-dollars, rounded up once.
    pub fn cost(&self, model: &Model) -> i64 {
        self.cost_of(model, 1_000_000)
    }

    /// What they cost in a batch, which is half of it (all three providers), rounded up once.
    pub fn batch_cost(&self, model: &Model) -> i64 {
        self.cost_of(model, 2_000_000)
    }

    fn cost_of(&self, model: &Model, million: i128) -> i64 {
        let of = |tokens: u64, rate: i64| i128::from(tokens) * i128::from(rate);
        let sum = of(self.input, model.input)
            + of(self.cached_input, model.cached_input)
            + of(self.cache_write, model.cache_write)
            + of(self.cache_write_long, model.cache_write_long)
            + of(self.output, model.output);
        i64::try_from((sum + million - 1).div_euclid(million)).unwrap_or(i64::MAX)
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.input += other.input;
        self.cached_input += other.cached_input;
        self.cache_write += other.cache_write;
        self.cache_write_long += other.cache_write_long;
        self.output += other.output;
    }
}

/// Tokens of so many bytes.
pub(crate) fn count(bytes: u64) -> u64 {
    bytes.div_ceil(4)
}
