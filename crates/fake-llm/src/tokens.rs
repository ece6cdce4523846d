//! How many tokens a request has, and what they cost.
//!
//! A token is four bytes: `ceil(bytes / 4)` of the text of all messages and the schema for the input (questions and
//! options count as text), and of what was written for the output. That is never more than the bytes of the request. A
//! prefix that a breakpoint marks counts as cached from its second time on, if it has [`SHORTEST_PREFIX`] tokens.

use crate::config::Model;
use crate::random;
use parking_lot::Mutex;
use serde::Serialize;
use std::collections::HashSet;

/// The shortest prefix that is cached (OpenAI, "Prompt caching").
pub(crate) const SHORTEST_PREFIX: u64 = 1024;

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
    /// Output.
    pub output: u64,
}

/// The text of a prompt as it is counted, with the prefix that shall be cached.
#[derive(Debug, Default)]
pub(crate) struct Prompt {
    bytes: u64,
    hash: u64,
    prefix: Option<(u64, u64)>,
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
    }

    /// What was added so far is a prefix to cache. The last mark counts.
    pub(crate) fn mark(&mut self) {
        self.prefix = Some((self.hash, count(self.bytes)));
    }

    /// Tokens of all of it.
    pub(crate) fn tokens(&self) -> u64 {
        count(self.bytes)
    }
}

impl PromptCache {
    /// The input of a prompt as it is charged; `scope` tells models and keys apart.
    pub(crate) fn charge(&self, prompt: &Prompt, scope: u64) -> Tokens {
        let all = prompt.tokens();
        let Some((hash, prefix)) = prompt.prefix.filter(|(_, tokens)| *tokens >= SHORTEST_PREFIX) else {
            return Tokens { input: all, ..Tokens::default() };
        };
        let mut seen = self.seen.lock();
        if seen.len() >= PREFIXES {
            seen.clear();
        }
        let rest = Tokens { input: all - prefix, ..Tokens::default() };
        if seen.insert(hash ^ scope) {
            Tokens { cache_write: prefix, ..rest }
        } else {
            Tokens { cached_input: prefix, ..rest }
        }
    }
}

impl Tokens {
    /// All input.
    pub fn all_input(&self) -> u64 {
        self.input + self.cached_input + self.cache_write
    }

    /// What they cost in nano-dollars, rounded up once.
    pub fn cost(&self, model: &Model) -> i64 {
        let of = |tokens: u64, rate: i64| i128::from(tokens) * i128::from(rate);
        let sum = of(self.input, model.input)
            + of(self.cached_input, model.cached_input)
            + of(self.cache_write, model.cache_write)
            + of(self.output, model.output);
        i64::try_from((sum + 999_999).div_euclid(1_000_000)).unwrap_or(i64::MAX)
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.input += other.input;
        self.cached_input += other.cached_input;
        self.cache_write += other.cache_write;
        self.output += other.output;
    }
}

/// Tokens of so many bytes.
pub(crate) fn count(bytes: u64) -> u64 {
    bytes.div_ceil(4)
}
