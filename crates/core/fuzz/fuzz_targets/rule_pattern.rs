//! Any kind, any pattern, any text: nothing panics, what is valid compiles, and both ways to match agree.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pg_categorize_core::rules::{RuleKind, RuleSet, RuleSpec, Scratch, validate};

fuzz_target!(|input: (u8, &str, &str)| {
    let (kind, pattern, text) = input;
    let kind = [RuleKind::Regex, RuleKind::AllWords, RuleKind::AnyWord][usize::from(kind % 3)];
    let spec = RuleSpec { id: 1, kind, pattern: pattern.to_owned(), category: 1, priority: 0 };
    let set = RuleSet::compile(vec![spec], 1 << 26);
    assert_eq!(validate(kind, pattern).is_ok(), set.is_ok());
    if let Ok(set) = set {
        let first = set.first_match(text, &mut Scratch::default());
        assert_eq!(first, set.all_matches(text).first().copied());
    }
});
