//! Each statement about rules, once.

use pg_categorize_core::error::{Error, ErrorKind};
use pg_categorize_core::rules::{RuleKind, RuleSet, RuleSpec, Scratch, added_memory, validate};

const MEGABYTE: usize = 1 << 20;

fn rule(id: i64, kind: RuleKind, pattern: &str, priority: i32) -> RuleSpec {
    RuleSpec { id, kind, pattern: pattern.to_owned(), category: id as i32 * 10, priority }
}

fn winner(rules: &[(i64, RuleKind, &str, i32)], text: &str) -> Option<i64> {
    let specs = rules.iter().map(|&(id, kind, pattern, priority)| rule(id, kind, pattern, priority)).collect();
    let set = RuleSet::compile(specs, 64 * MEGABYTE).unwrap();
    set.first_match(text, &mut Scratch::default()).map(|found| found.rule)
}

fn matches(kind: RuleKind, pattern: &str, text: &str) -> bool {
    winner(&[(1, kind, pattern, 0)], text).is_some()
}

fn refusal(kind: RuleKind, pattern: &str) -> Error {
    validate(kind, pattern).unwrap_err()
}

#[test]
fn kinds_have_names() {
    for kind in [RuleKind::Regex, RuleKind::AllWords, RuleKind::AnyWord] {
        assert_eq!(RuleKind::parse(kind.as_str()).unwrap(), kind);
    }
    let error = RuleKind::parse("Regexp").unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidParameter);
    assert!(error.hint.unwrap().contains("\"all_words\""));
}

#[test]
fn the_highest_priority_wins_then_the_oldest() {
    use RuleKind::{AllWords, AnyWord, Regex};
    let rules = [(3, Regex, "shoe", 1), (2, AnyWord, "shoe boot", 1), (9, AllWords, "red shoe", 5), (1, Regex, ".", 0)];
    assert_eq!(winner(&rules, "Red SHOE"), Some(9));
    assert_eq!(winner(&rules, "blue shoe"), Some(2));
    assert_eq!(winner(&rules, "shoes"), Some(3));
    assert_eq!(winner(&rules, "hat"), Some(1));
    assert_eq!(winner(&rules, ""), None);
    let specs = rules.iter().map(|&(id, kind, pattern, priority)| rule(id, kind, pattern, priority)).collect();
    let set = RuleSet::compile(specs, MEGABYTE).unwrap();
    let order: Vec<i64> = set.all_matches("Red SHOE").iter().map(|found| found.rule).collect();
    assert_eq!(order, [9, 2, 3, 1]);
    assert_eq!(set.all_matches("Red SHOE")[0].category, 90);
    assert_eq!((set.len(), set.is_empty()), (4, false));
    let i32_extremes = [(1, Regex, "a", i32::MIN), (2, Regex, "a", i32::MAX)];
    assert_eq!(winner(&i32_extremes, "a"), Some(2));
}

#[test]
fn no_rules_match_nothing() {
    let set = RuleSet::compile(Vec::new(), MEGABYTE).unwrap();
    assert!(set.is_empty() && set.first_match("shoe", &mut Scratch::default()).is_none());
    assert!(set.all_matches("shoe").is_empty());
}

#[test]
fn regexes_ignore_case_unless_told() {
    for (pattern, text, expected) in [
        ("running shoe(s)?", "Mens RUNNING Shoe", true),
        (r"\y(iphone|galaxy)\s?\d+", "Apple iPhone 15", true),
        (r"\y(iphone|galaxy)\s?\d+", "MyiPhone 15", false),
        (r"\mtv\M", "LG TV", true),
        (r"\mtv\M", "LG TVs", false),
        (r"\Yphone", "iphone", true),
        (r"\Yphone", "phone", false),
        ("(?-i)LG .* TV", "LG OLED TV", true),
        ("(?-i)LG .* TV", "lg OLED TV", false),
        ("(?-i)LG", "lg", false),
        ("STRASSE", "strasse", true),
        ("straße", "STRAßE", true),
        ("straße", "STRASSE", false),
        ("straße", "strasse \u{1E9E}", false),
        ("stra\u{1E9E}e", "straße", true),
        ("kelvin", "\u{212A}elvin", true),
        ("(?-i)kelvin", "\u{212A}elvin", false),
        ("sun", "ſun", true),
        ("i\u{307}", "İ", false),
        ("İ", "i\u{307}", false),
        ("ΣΊΣΥΦΟΣ", "σίσυφος", true),
        ("ähre", "ÄHRE", true),
        ("^shoe$", "shoe", true),
        ("^shoe$", "a shoe", false),
        (r"\d{2} ?(inch|″)", "55″ TV", true),
        ("[^a-z]case", "9CASE", true),
        (r"\\m", r"\m", true),
        ("日本", "日本酒", true),
    ] {
        assert_eq!(matches(RuleKind::Regex, pattern, text), expected, "{pattern} on {text}");
    }
}

#[test]
fn words_are_whole_words_in_any_order() {
    use RuleKind::{AllWords, AnyWord};
    for (kind, pattern, text, expected) in [
        (AllWords, "shoe red", "Red leather SHOE", true),
        (AllWords, "shoe red", "Red leather SHOES", false),
        (AllWords, "running shoes, men", "Men running shoes", true),
        (AllWords, "running shoes, men", "Men shoes running", false),
        (AllWords, "3.5mm, jack", "Jack 3.5MM", true),
        (AllWords, "3.5mm jack", "13.5mm jack", false),
        (AnyWord, "running shoes, trainers", "TRAINERS", true),
        (AnyWord, "running shoes, trainers", "running in shoes", false),
        (AnyWord, "usb-c usb-a", "cable USB-C to HDMI", true),
        (AnyWord, "straße", "HAUPT STRASSE", true),
        (AnyWord, "straße", "HAUPTSTRASSE", false),
        (AnyWord, "\u{FF34}\u{FF36}", "LG TV", true),
        (AnyWord, "e", "e\u{301}", false),
    ] {
        assert_eq!(matches(kind, pattern, text), expected, "{} {pattern} on {text}", kind.as_str());
    }
}

#[test]
fn look_around_and_back_references_are_refused_with_their_position() {
    for (pattern, position) in [
        ("shoe(?= red)", "(?= at character 5."),
        ("ü(?!x)", "(?! at character 2."),
        ("(?<=a)b", "(?<= at character 1."),
        (r"\mab(?<!a)b", "(?<! at character 5."),
        (r"(a|b)\1", r"\1 at character 6."),
        (r"\y(ä|b)\9", r"\9 at character 8."),
        (r"(?<n>a)\k<n>", r"\k at character 8."),
    ] {
        let error = refusal(RuleKind::Regex, pattern);
        assert_eq!(error.kind, ErrorKind::InvalidParameter, "{pattern}");
        assert!(error.detail.as_ref().unwrap().ends_with(position), "{pattern}: {error:?}");
        assert!(error.hint.is_some() && !error.message.ends_with('.'), "{error:?}");
    }
}

#[test]
fn syntax_errors_give_position_and_reason_in_one_line() {
    for (pattern, detail) in [
        ("ab(c", "At character 3: unclosed group."),
        (r"\yab(c", "At character 5: unclosed group."),
        ("é[z-a]", "At character 3: invalid character class range, the start must be <= the end."),
        ("a**{", "At character 4: "),
        (r"x[\m]", r"At character 3: the word boundary \m cannot stand inside a character class."),
        (r"x[^a\y]", r"At character 5: the word boundary \y cannot stand inside a character class."),
        (r"[\M]", r"At character 2: the word boundary \M cannot"),
        (r"[\Y]", r"At character 2: the word boundary \Y cannot"),
        (r"[\m-z]", r"At character 2: the word boundary \m cannot"),
        (r"[a-\m]", r"At character 4: the word boundary \m cannot"),
        (r"\Z", "At character 1: unrecognized escape sequence."),
        ("a\\", "At character 2: incomplete escape sequence"),
        (r"\p{Nope}", "At character 1: Unicode property not found."),
    ] {
        let error = refusal(RuleKind::Regex, pattern);
        assert_eq!(error.kind, ErrorKind::InvalidParameter, "{pattern}");
        let actual = error.detail.unwrap();
        assert!(actual.starts_with(detail) && !actual.contains('\n'), "{pattern}: {actual}");
        assert!(error.hint.is_some());
    }
}

#[test]
fn patterns_that_match_everything_are_refused() {
    for pattern in ["", "a*", "x?", "^", "$", r"\y", "(a|)", "(?i)", "(a*)(b?)", r"\m\M", "^$"] {
        let error = refusal(RuleKind::Regex, pattern);
        assert_eq!(error.kind, ErrorKind::InvalidParameter, "{pattern}");
        assert!(error.hint.is_some());
    }
}

#[test]
fn patterns_are_bounded() {
    let kinds = [RuleKind::Regex, RuleKind::AllWords, RuleKind::AnyWord];
    for kind in kinds {
        assert!(validate(kind, &"a".repeat(10_000)).is_ok());
        assert_eq!(refusal(kind, &"a".repeat(10_001)).kind, ErrorKind::LimitExceeded);
    }
    for pattern in [r"\w{1000}".to_owned(), "((a{100}){100}){100}".to_owned(), "(".repeat(200) + "a" + &")".repeat(200)]
    {
        let error = refusal(RuleKind::Regex, &pattern);
        assert_eq!(error.kind, ErrorKind::LimitExceeded, "{pattern}");
        assert!(error.hint.is_some());
    }
    assert!(validate(RuleKind::Regex, &"(a|b)".repeat(2_000)).is_ok());
}

#[test]
fn errors_of_a_set_name_the_rule_and_the_limit() {
    let error = RuleSet::compile(vec![rule(7, RuleKind::Regex, "(", 0)], MEGABYTE).unwrap_err();
    assert!(error.message.starts_with("rule 7: "), "{error:?}");
    let specs = || (0..1_000).map(|id| rule(id, RuleKind::Regex, &format!("product {id}"), 0)).collect::<Vec<_>>();
    let error = RuleSet::compile(specs(), 50_000).unwrap_err();
    assert_eq!(error.kind, ErrorKind::LimitExceeded);
    assert!(error.detail.unwrap().contains("50000"));
    assert!(RuleSet::compile(specs(), 4 * MEGABYTE).unwrap().memory() <= 4 * MEGABYTE);
}

#[test]
fn memory_stays_under_the_limit_however_many_programs_are_needed() {
    let specs = (0..500).map(|id| rule(id, RuleKind::Regex, &format!(r"model {id} \d+\w"), 0)).collect();
    let limit = MEGABYTE;
    let set = RuleSet::compile(specs, limit).unwrap();
    let mut scratch = Scratch::default();
    for id in 0..500 {
        assert_eq!(set.first_match(&format!("Model {id} 12a"), &mut scratch).map(|found| found.rule), Some(id));
        assert!(set.memory() <= limit);
    }
}

#[test]
fn a_scratch_serves_any_set() {
    let first = RuleSet::compile(vec![rule(1, RuleKind::Regex, r"a\d+b", 0)], MEGABYTE).unwrap();
    let second = RuleSet::compile(vec![rule(2, RuleKind::Regex, r"a(\w|-)+c", 0)], MEGABYTE).unwrap();
    let mut scratch = Scratch::default();
    for _ in 0..3 {
        assert!(first.first_match("xa12b", &mut scratch).is_some());
        assert!(second.first_match("xa12b", &mut scratch).is_none());
        assert!(second.first_match("xa1-2c", &mut scratch).is_some());
    }
}

#[test]
fn one_more_rule_has_a_price() {
    let small = added_memory(RuleKind::AnyWord, "shoe").unwrap();
    let regex = added_memory(RuleKind::Regex, r"\w+ shoe").unwrap();
    assert!((50..2_000).contains(&small) && (5_000..100_000).contains(&regex), "{small} {regex}");
    assert!(added_memory(RuleKind::Regex, "(").is_err());
}
