//! The literals a regex cannot do without.
//!
//! A *factor* of a pattern is a set of literals of which every match contains one, at a known distance from the start
//! of the match. Rules are indexed by one of their factors, and the rest of the pattern is looked at only when the
//! automaton met it. The idea is that of Navarro and Raffinot, "Flexible Pattern Matching in Strings" (2002), section
//! 5.5 (gathering necessary factors); the literal extractor of `regex-syntax` gives prefixes and suffixes only.
//!
//! Literals are images under [`super::fold`], so a class such as `[Kk\u{212A}]` is the one literal `k`.

use regex_syntax::hir::{Class, Hir, HirKind, Look, Repetition};

use super::fold::{fold, fold_character};

/// Most characters of a class that still count as literals.
const WIDEST_CLASS: u64 = 12;
/// Most different images of such a class; with more, a new factor begins.
const MOST_IMAGES: usize = 4;
/// Most literals that a concatenation multiplies out to.
const MOST_PRODUCT: usize = 32;
/// Most literals of a factor.
const MOST_LITERALS: usize = 1_000;
/// Literals of a factor are cut to this many bytes: longer ones cost memory and discern no better.
const LONGEST_LITERAL: usize = 24;
/// Most factors that one pattern offers.
const MOST_FACTORS: usize = 4;

/// A set of folded literals of which every match contains one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Factor {
    /// Not empty, and no literal is empty.
    pub(super) literals: Vec<String>,
    /// Bytes of the text between the start of the match and the literal.
    pub(super) before: Distance,
    /// The pattern wants word boundaries there.
    pub(super) edges: Edges,
    /// In an ASCII text, each occurrence of a literal with these edges is a match: nothing is left to verify.
    pub(super) certain: bool,
}

/// On which sides of a literal the pattern has a (Unicode) word boundary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Edges {
    /// Before its first character.
    pub(super) start: bool,
    /// After its last.
    pub(super) end: bool,
}

impl Edges {
    /// Whether an occurrence `start..end` (bytes) in a folded text has a word boundary where one is wanted. What folds
    /// to an ASCII letter or digit is a word character, so that between two of those there is none; of other
    /// characters nothing is claimed.
    pub(super) fn allow(self, folded: &str, start: usize, end: usize) -> bool {
        let inside_word = |offset: usize| {
            let bytes = folded.as_bytes();
            offset > 0 && offset < bytes.len() && is_word_byte(bytes[offset - 1]) && is_word_byte(bytes[offset])
        };
        !(self.start && inside_word(start) || self.end && inside_word(end))
    }
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// A distance in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Distance {
    /// At least so many.
    pub(super) least: u32,
    /// At most so many; `None` is unbounded.
    pub(super) most: Option<u32>,
}

impl Distance {
    /// No distance at all.
    pub(super) const NONE: Self = Self { least: 0, most: Some(0) };

    fn of(node: &Hir) -> Self {
        let narrow = |length: usize| u32::try_from(length).ok();
        let properties = node.properties();
        Self {
            least: properties.minimum_len().and_then(narrow).unwrap_or(0),
            most: properties.maximum_len().and_then(narrow),
        }
    }

    fn then(self, next: Self) -> Self {
        Self {
            least: self.least.saturating_add(next.least),
            most: self.most.zip(next.most).and_then(|(left, right)| left.checked_add(right)),
        }
    }

    fn or(self, other: Self) -> Self {
        Self {
            least: self.least.min(other.least),
            most: self.most.zip(other.most).map(|(left, right)| left.max(right)),
        }
    }
}

/// What is known of a part of a pattern.
enum Known {
    /// The images of all strings that it matches, and the word boundaries around all of them.
    All(Vec<String>, Edges),
    /// Some factors, perhaps none.
    Some(Vec<Factor>),
}

/// The factors of a pattern, at most [`MOST_FACTORS`], the most selective first; none if nothing is required.
pub(super) fn factors(pattern: &Hir) -> Vec<Factor> {
    let mut factors = match known(pattern) {
        Known::All(literals, edges) => {
            let certain = is_certain(pattern, &literals);
            factor(literals, Distance::NONE, edges, certain).into_iter().collect()
        }
        Known::Some(factors) => factors,
    };
    factors.sort_by_key(|factor| std::cmp::Reverse(shortest(&factor.literals)));
    factors.truncate(MOST_FACTORS);
    factors
}

/// Length in bytes of the shortest literal: what a factor is worth at least.
pub(super) fn shortest(literals: &[String]) -> usize {
    literals.iter().map(String::len).min().unwrap_or(0)
}

fn known(node: &Hir) -> Known {
    match node.kind() {
        HirKind::Empty => all(vec![String::new()]),
        HirKind::Look(look) => {
            let is_edge = matches!(look, Look::WordUnicode | Look::WordStartUnicode | Look::WordEndUnicode);
            Known::All(vec![String::new()], Edges { start: is_edge, end: is_edge })
        }
        HirKind::Literal(literal) => match std::str::from_utf8(&literal.0) {
            Ok(literal) => all(vec![fold(literal)]),
            Err(_) => Known::Some(Vec::new()),
        },
        HirKind::Class(class) => images(class).map_or(Known::Some(Vec::new()), all),
        HirKind::Repetition(repetition) => repeated(repetition),
        HirKind::Capture(capture) => known(&capture.sub),
        HirKind::Concat(parts) => concatenated(parts),
        HirKind::Alternation(branches) => either(branches),
    }
}

fn all(literals: Vec<String>) -> Known {
    Known::All(literals, Edges::default())
}

fn images(class: &Class) -> Option<Vec<String>> {
    let members = members(class)?;
    let mut images: Vec<String> = Vec::new();
    for member in members {
        let mut image = String::new();
        fold_character(member, &mut image);
        if !images.contains(&image) {
            images.push(image);
        }
    }
    (1..=MOST_IMAGES).contains(&images.len()).then_some(images)
}

/// The characters of a class, unless they are more than [`WIDEST_CLASS`] or the class is one of raw bytes.
fn members(class: &Class) -> Option<Vec<char>> {
    match class {
        Class::Unicode(class) => {
            let size: u64 = class.ranges().iter().map(|range| range.len() as u64).sum();
            (size <= WIDEST_CLASS)
                .then(|| class.ranges().iter().flat_map(|range| range.start()..=range.end()).collect())
        }
        Class::Bytes(class) => {
            let size: u64 = class.ranges().iter().map(|range| range.len() as u64).sum();
            (size <= WIDEST_CLASS && class.is_ascii())
                .then(|| class.ranges().iter().flat_map(|range| range.start()..=range.end()).map(char::from).collect())
        }
    }
}

fn repeated(repetition: &Repetition) -> Known {
    match (known(&repetition.sub), repetition.min, repetition.max) {
        (Known::All(mut literals, _), 0, Some(1)) => {
            if !literals.contains(&String::new()) {
                literals.push(String::new());
            }
            all(literals)
        }
        (once @ Known::All(..), 1, Some(1)) => once,
        (_, 0, _) => Known::Some(Vec::new()),
        // The first round begins where the repetition begins.
        (Known::All(literals, edges), _, _) => {
            Known::Some(factor(literals, Distance::NONE, edges, false).into_iter().collect())
        }
        (Known::Some(factors), _, _) => Known::Some(factors),
    }
}

/// Neighbouring parts of a concatenation whose strings are all known, multiplied out.
struct Run {
    literals: Vec<String>,
    edges: Edges,
    begins: Distance,
}

impl Run {
    fn new(begins: Distance) -> Self {
        Self { literals: vec![String::new()], edges: Edges::default(), begins }
    }

    fn takes(&self, literals: &[String]) -> bool {
        self.literals.len() * literals.len() <= MOST_PRODUCT || self.literals == [""]
    }

    fn push(&mut self, literals: &[String], edges: Edges) {
        self.edges = Edges {
            start: self.edges.start || (self.literals == [""] && edges.start),
            end: edges.end || (literals == [""] && self.edges.end),
        };
        self.literals = product(&self.literals, literals);
    }

    fn into_factor(self) -> Option<Factor> {
        factor(self.literals, self.begins, self.edges, false)
    }
}

fn concatenated(parts: &[Hir]) -> Known {
    let mut found: Vec<Factor> = Vec::new();
    let mut whole = true;
    let mut here = Distance::NONE;
    let mut run = Run::new(here);
    for part in parts {
        let next = here.then(Distance::of(part));
        match known(part) {
            Known::All(literals, edges) => {
                if !run.takes(&literals) {
                    whole = false;
                    found.extend(std::mem::replace(&mut run, Run::new(here)).into_factor());
                }
                run.push(&literals, edges);
            }
            Known::Some(factors) => {
                whole = false;
                found.extend(std::mem::replace(&mut run, Run::new(next)).into_factor());
                found.extend(factors.into_iter().map(|inner| Factor { before: here.then(inner.before), ..inner }));
            }
        }
        here = next;
    }
    if whole {
        return Known::All(run.literals, run.edges);
    }
    found.extend(run.into_factor());
    found.sort_by_key(|factor| std::cmp::Reverse(shortest(&factor.literals)));
    found.truncate(MOST_FACTORS);
    Known::Some(found)
}

fn product(left: &[String], right: &[String]) -> Vec<String> {
    let mut product: Vec<String> = Vec::with_capacity(left.len() * right.len());
    for head in left {
        product.extend(right.iter().map(|tail| format!("{head}{tail}")));
    }
    product.sort_unstable();
    product.dedup();
    product
}

fn either(branches: &[Hir]) -> Known {
    let branches: Vec<Known> = branches.iter().map(known).collect();
    let mut exact = true;
    let mut union = Vec::new();
    let mut edges: Option<Edges> = None;
    let mut before: Option<Distance> = None;
    for branch in branches {
        let (literals, branch_edges, branch_before) = match branch {
            Known::All(literals, edges) => (literals, edges, Distance::NONE),
            Known::Some(factors) => {
                exact = false;
                // Every branch must give a factor, or a match may come by the one that does not.
                match factors.into_iter().max_by_key(|factor| shortest(&factor.literals)) {
                    Some(best) => (best.literals, best.edges, best.before),
                    None => return Known::Some(Vec::new()),
                }
            }
        };
        union.extend(literals);
        edges = Some(edges.map_or(branch_edges, |edges| Edges {
            start: edges.start && branch_edges.start,
            end: edges.end && branch_edges.end,
        }));
        before = Some(before.map_or(branch_before, |before| before.or(branch_before)));
    }
    union.sort_unstable();
    union.dedup();
    let edges = edges.unwrap_or_default();
    if exact && union.len() <= MOST_LITERALS {
        return Known::All(union, edges);
    }
    let before = before.unwrap_or(Distance::NONE);
    Known::Some(factor(union, before, edges, false).into_iter().collect())
}

/// A factor of these literals, or none when they are too many or one of them is empty.
fn factor(mut literals: Vec<String>, before: Distance, mut edges: Edges, mut certain: bool) -> Option<Factor> {
    for literal in literals.iter_mut().filter(|literal| literal.len() > LONGEST_LITERAL) {
        let cut = (0..=LONGEST_LITERAL).rev().find(|&cut| literal.is_char_boundary(cut)).unwrap_or(0);
        literal.truncate(cut);
        edges.end = false;
        certain = false;
    }
    literals.sort_unstable();
    if edges.end {
        literals.dedup();
    } else {
        // Where a literal occurs its prefix does, and at the same distance; in this order a prefix stands first.
        literals.dedup_by(|longer, prefix| longer.starts_with(prefix.as_str()));
    }
    let usable = shortest(&literals) > 0 && literals.len() <= MOST_LITERALS;
    usable.then_some(Factor { literals, before, edges, certain })
}

/// Whether, in an ASCII text, the pattern matches just where one of its images stands with the edges of the pattern.
fn is_certain(pattern: &Hir, literals: &[String]) -> bool {
    let mut parts = match pattern.kind() {
        HirKind::Concat(parts) => parts.as_slice(),
        _ => std::slice::from_ref(pattern),
    };
    // Beside a word character, a boundary says that the neighbour is none, which is what `Edges` looks at.
    if let [first, rest @ ..] = parts
        && matches!(first.kind(), HirKind::Look(Look::WordUnicode | Look::WordStartUnicode))
    {
        if !literals.iter().all(|literal| literal.bytes().next().is_some_and(is_word_byte)) {
            return false;
        }
        parts = rest;
    }
    if let [rest @ .., last] = parts
        && matches!(last.kind(), HirKind::Look(Look::WordUnicode | Look::WordEndUnicode))
    {
        if !literals.iter().all(|literal| literal.bytes().next_back().is_some_and(is_word_byte)) {
            return false;
        }
        parts = rest;
    }
    parts.iter().all(is_plain_in_ascii)
}

/// Whether, among ASCII texts, the pattern matches exactly the strings whose folding is one of its images: each class
/// has both cases of its ASCII letters, and no image that only a character beyond ASCII has (`ss` of `ß`).
fn is_plain_in_ascii(node: &Hir) -> bool {
    match node.kind() {
        HirKind::Empty => true,
        HirKind::Look(_) => false,
        HirKind::Literal(literal) => literal.0.iter().all(|byte| byte.is_ascii() && !byte.is_ascii_alphabetic()),
        HirKind::Class(class) => members(class).is_some_and(|members| {
            let lower: Vec<char> = members.iter().filter(|c| c.is_ascii()).map(char::to_ascii_lowercase).collect();
            let closed = members
                .iter()
                .filter(|member| member.is_ascii_alphabetic())
                .all(|member| members.contains(&toggled(*member)));
            let covered = members.iter().filter(|member| !member.is_ascii()).all(|member| {
                let image = fold(member.encode_utf8(&mut [0; 4]));
                let mut characters = image.chars();
                matches!((characters.next(), characters.next()), (Some(only), None) if lower.contains(&only))
            });
            closed && covered
        }),
        HirKind::Repetition(repetition) => is_plain_in_ascii(&repetition.sub),
        HirKind::Capture(capture) => is_plain_in_ascii(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().all(is_plain_in_ascii),
    }
}

fn toggled(letter: char) -> char {
    if letter.is_ascii_lowercase() { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() }
}

#[cfg(test)]
mod tests {
    use super::{Distance, Factor, factors};
    use crate::rules::pattern::parse;

    fn best(pattern: &str) -> Option<Factor> {
        factors(&parse(pattern).unwrap()).into_iter().next()
    }

    #[test]
    fn finds_the_literals_a_match_must_have() {
        let table: [(&str, &[&str]); 12] = [
            ("running shoe(s)?", &["running shoe"]),
            (r"\y(iphone|galaxy)\s?\d+", &["galaxy", "iphone"]),
            ("(?-i)LG .* TV", &["lg "]),
            (r"\d+ ?ghz", &[" ghz", "ghz"]),
            ("kelvin", &["kelvin"]),
            ("straße", &["strasse"]),
            (r"\d(xab|ab)c", &["abc", "xabc"]),
            (r"(\d+ inch|\d+ cm)", &[" cm", " inch"]),
            (r"(shoe)+\d", &["shoe"]),
            ("[a-c]at", &["aat", "bat", "cat"]),
            (r"x(a|b|c)(a|b|c)(a|b|c)(a|b|c)y", &["xaaa", "xaab"]),
            ("[a-z]house", &["house"]),
        ];
        for (pattern, expected) in table {
            let literals = best(pattern).unwrap().literals;
            assert!(
                literals.starts_with(&expected.iter().map(|&l| l.to_owned()).collect::<Vec<_>>()),
                "{pattern}: {literals:?}"
            );
        }
        for pattern in [r"\d+", r"\w\s\w", r"(shoe|\d+)", "[^,]+", r"(a|\d)(b|\d)"] {
            assert_eq!(best(pattern), None, "{pattern}");
        }
    }

    #[test]
    fn knows_how_far_a_match_may_begin_before_the_literal() {
        let before = |pattern| best(pattern).unwrap().before;
        assert_eq!(before(r"\y(iphone|galaxy)\d"), Distance::NONE);
        assert_eq!(before("[0-9]{1,2}x?house[0-9]"), Distance { least: 1, most: Some(2) });
        assert_eq!(before("[0-9]+house[0-9]"), Distance { least: 1, most: None });
        assert_eq!(before("([0-9]house|[0-9][0-9]mouse)[0-9]"), Distance { least: 1, most: Some(2) });
    }

    #[test]
    fn knows_the_word_boundaries_around_a_literal() {
        let edges = |pattern| best(pattern).map(|factor| (factor.edges.start, factor.edges.end)).unwrap();
        assert_eq!(edges(r"\y(iphone|galaxy)\s?\d+"), (true, false));
        assert_eq!(edges(r"\d (tv|television)\M"), (false, true));
        assert_eq!(edges(r"\yshoes?\y"), (true, true));
        assert_eq!(edges(r"(\yred|blue) shoe\d"), (false, false));
        assert_eq!(edges(r"(\yred)? shoe\d"), (false, false));
        assert_eq!(edges(r"shoe\ys?\d"), (false, false));
        assert_eq!(edges(r"(?-u:\b)shoe"), (false, false));
        let both = best(r"\yshoes?\y").unwrap();
        assert_eq!(both.literals, ["shoe", "shoes"]);
    }

    #[test]
    fn certainty_needs_a_plain_case_insensitive_literal() {
        for (pattern, certain) in [
            ("shoes?", true),
            ("(running|walking) shoe", true),
            ("3\\.5mm", true),
            ("(?-i)LG", false),
            (r"\yshoe", true),
            (r"\m(shoe|boot)s?\y", true),
            (r"\Mshoe", false),
            (r"shoe\Y", false),
            (r"\y-shoe", false),
            (r"(\yred|blue) shoe", false),
            ("straße", false),
            ("a literal that is longer than the cut of literals", false),
            (r"shoe\d", false),
        ] {
            assert_eq!(best(pattern).unwrap().certain, certain, "{pattern}");
        }
    }
}
