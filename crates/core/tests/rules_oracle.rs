//! The rule set against the obvious way: all rules in winning order, each regex by the `regex` crate alone.

use pg_categorize_core::rules::{RuleKind, RuleMatch, RuleSet, RuleSpec, Scratch, validate};
use proptest::prelude::*;
use unicode_normalization::UnicodeNormalization;

/// Postgres word escapes for the oracle; the generated patterns have no `\\` before a letter.
fn plain(pattern: &str) -> String {
    pattern.replace(r"\m", r"\b{start}").replace(r"\M", r"\b{end}").replace(r"\y", r"\b").replace(r"\Y", r"\B")
}

fn folded(text: &str) -> String {
    use caseless::Caseless;
    text.chars().default_case_fold().collect()
}

fn is_in_word(character: char) -> bool {
    character.is_alphanumeric() || unicode_normalization::char::is_combining_mark(character)
}

fn has_word(text: &str, item: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let item: Vec<char> = item.chars().collect();
    (0..text.len()).any(|start| {
        text[start..].starts_with(&item)
            && !text[..start].last().copied().is_some_and(is_in_word)
            && !text.get(start + item.len()).copied().is_some_and(is_in_word)
    })
}

fn naive(spec: &RuleSpec, text: &str) -> bool {
    if spec.kind == RuleKind::Regex {
        let pattern = plain(&spec.pattern);
        return regex::RegexBuilder::new(&pattern).case_insensitive(true).build().unwrap().is_match(text);
    }
    let pattern: String = spec.pattern.nfkc().collect();
    let separator = |character: char| {
        if pattern.contains(',') { character == ',' } else { character.is_whitespace() }
    };
    let mut items = pattern
        .split(separator)
        .map(|item| folded(&item.split_whitespace().collect::<Vec<_>>().join(" ")))
        .filter(|item| !item.is_empty());
    let text = folded(text);
    if spec.kind == RuleKind::AllWords {
        items.all(|item| has_word(&text, &item))
    } else {
        items.any(|item| has_word(&text, &item))
    }
}

fn naive_matches(specs: &[RuleSpec], text: &str) -> Vec<RuleMatch> {
    let mut specs: Vec<&RuleSpec> = specs.iter().collect();
    specs.sort_by_key(|spec| (std::cmp::Reverse(spec.priority), spec.id));
    let matching = specs.into_iter().filter(|spec| naive(spec, text));
    matching.map(|spec| RuleMatch { rule: spec.id, category: spec.category }).collect()
}

/// Few letters, so that patterns meet texts; among them the ones whose folding is odd.
const ATOM: &str = "[a-cksS ßſKİiΣς\u{1E9E}\u{212A}ä1-]";

fn regex_pattern() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        6 => ATOM.prop_map(|atom| if atom == "-" { r"\-".to_owned() } else { atom }),
        2 => "[a-cks]{2,5}",
        1 => prop::sample::select(vec![
            r"\d", r"\w", r"\s", ".", "[a-c]", "[^a]", "[ks]", r"\y", r"\m", r"\M", r"\Y", "^", "$", r"\pL", r"(?-u:\w)",
            "(?-u:[a-d])", "(?-u:k)",
        ])
        .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            4 => prop::collection::vec(inner.clone(), 1..5).prop_map(|parts| parts.concat()),
            2 => prop::collection::vec(inner.clone(), 1..4).prop_map(|branches| format!("({})", branches.join("|"))),
            2 => (inner.clone(), prop::sample::select(vec!["?", "*", "+", "{2}", "{1,2}", "+?", "??"]))
                .prop_map(|(part, times)| format!("(?:{part}){times}")),
            1 => inner.prop_map(|part| format!("(?-i:{part})")),
        ]
    })
}

fn word_list() -> impl Strategy<Value = String> {
    let item = prop::collection::vec(ATOM, 1..4).prop_map(|atoms| atoms.concat());
    (prop::collection::vec(item, 1..4), prop::sample::select(vec![" ", ",", ", ", " \u{A0}"]))
        .prop_map(|(items, separator)| items.join(separator))
}

fn spec() -> impl Strategy<Value = (RuleKind, String, i32)> {
    let pattern = prop_oneof![
        3 => regex_pattern().prop_map(|pattern| (RuleKind::Regex, pattern)),
        1 => word_list().prop_map(|pattern| (RuleKind::AllWords, pattern)),
        1 => word_list().prop_map(|pattern| (RuleKind::AnyWord, pattern)),
    ];
    (pattern, -2..3_i32).prop_map(|((kind, pattern), priority)| (kind, pattern, priority))
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::collection::vec("[a-cksSKBi 1-]", 0..16).prop_map(|atoms| atoms.concat()),
        prop::collection::vec(ATOM, 0..16).prop_map(|atoms| atoms.concat()),
        prop::collection::vec("[a-cK ßİ\u{307}\u{301}é🎁日]", 0..12).prop_map(|atoms| atoms.concat()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn answers_are_those_of_the_naive_way(
        rules in prop::collection::vec(spec(), 1..8),
        texts in prop::collection::vec(text(), 1..8),
    ) {
        let specs: Vec<RuleSpec> = rules
            .into_iter()
            .enumerate()
            .filter(|(_, (kind, pattern, _))| validate(*kind, pattern).is_ok())
            .map(|(id, (kind, pattern, priority))| {
                RuleSpec { id: id as i64, kind, pattern, category: 100 - id as i32, priority }
            })
            .collect();
        let set = RuleSet::compile(specs.clone(), 1 << 26).unwrap();
        let mut scratch = Scratch::default();
        for text in &texts {
            let expected = naive_matches(&specs, text);
            prop_assert_eq!(set.first_match(text, &mut scratch), expected.first().copied(), "{:?} on {:?}", specs, text);
            prop_assert_eq!(set.all_matches(text), expected, "{:?} on {:?}", specs, text);
        }
    }

    #[test]
    fn what_is_valid_compiles_and_nothing_panics(
        kind in prop::sample::select(vec![RuleKind::Regex, RuleKind::AllWords, RuleKind::AnyWord]),
        pattern in prop_oneof![
            ".{0,40}",
            regex_pattern(),
            prop::collection::vec(
                prop::sample::select(vec![
                    "\\", "(", ")", "[", "]", "{", "}", "?", "*", "+", "|", "^", "$", "m", "M", "y", "Y", "1", "k", "<",
                    "=", "!", "-", "ß", "\\p", "&&", ":", "P", "x", "u", ",", " ", "\u{0}",
                ]),
                0..14,
            )
            .prop_map(|pieces| pieces.concat()),
        ],
        text in ".{0,40}",
    ) {
        let verdict = validate(kind, &pattern);
        let specs = vec![RuleSpec { id: 1, kind, pattern: pattern.clone(), category: 1, priority: 0 }];
        let set = RuleSet::compile(specs.clone(), 1 << 26);
        prop_assert_eq!(verdict.is_ok(), set.is_ok());
        if let Ok(set) = set {
            set.first_match(&text, &mut Scratch::default());
            if kind == RuleKind::Regex {
                prop_assert!(regex::RegexBuilder::new(&plain_exactly(&pattern)).case_insensitive(true).build().is_ok());
            }
        }
        if let Err(error) = verdict {
            prop_assert!(!error.message.ends_with('.'));
            prop_assert!(error.hint.is_some());
            prop_assert!(error.detail.is_none_or(|detail| !detail.contains('\n') && detail.ends_with('.')));
        }
    }
}

/// As [`plain`], for any pattern: escapes are pairs.
fn plain_exactly(pattern: &str) -> String {
    let mut out = String::new();
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            out.push(character);
            continue;
        }
        match characters.next() {
            Some('m') => out.push_str(r"(?:\b{start})"),
            Some('M') => out.push_str(r"(?:\b{end})"),
            Some('y') => out.push_str(r"(?:\b)"),
            Some('Y') => out.push_str(r"\B"),
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    out
}
